//! Carries a declared activity out, step by step.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use fracas_aws::endpoint::partition;
use fracas_aws::{Aws, Error, Scope, Sent, iam};
use fracas_engine::Tell;
use fracas_model::{Calls, Choice, FailedCall, Failure, Happened, Level, Progress, python};
use serde_json::{Map, Value, json};

use super::choice::Dice;
use super::foresee::{Ahead, ahead};
use super::notes::Notes;
use super::progress::{add, named, not_tried};
use super::{Choose, Declaration, Each, Pick, PlannedCall, Request, Step, Template, Until, Verb, targets};

/// The argument that repeats a choice; every activity that draws has it.
pub(crate) const SEED: &str = "seed";

/// What declarations call the place where they are carried out: `aws.region`, `aws.partition`, `aws.run`.
pub(crate) const AWS: &str = "aws";

/// What `fails_with` calls the error: `error.text`, `error.message`, `error.code`.
pub(crate) const ERROR: &str = "error";

/// Sleeps end a little after the timeout, not before it.
const TICK: Duration = Duration::from_millis(1);

/// Where an activity makes its calls and tells what it does.
pub(crate) struct Player<'a> {
    pub(crate) aws: &'a Aws,
    pub(crate) scope: &'a Scope,
    pub(crate) service: &'a str,
    pub(crate) tell: &'a dyn Tell,
    /// Where it is noted what would be done. Nothing that may change anything is done then.
    pub(crate) notes: Option<&'a RefCell<Notes>>,
}

/// Why an activity ended in the middle.
enum Stop {
    /// AWS, or the way to it.
    Aws(Box<Refusal>),
    /// The declaration's own reason.
    Reason(String),
}

impl From<String> for Stop {
    fn from(reason: String) -> Stop {
        Stop::Reason(reason)
    }
}

/// A request that failed.
struct Refusal {
    error: Error,
    call: Call,
    /// What the call's parameters name.
    of: Vec<String>,
    /// The error in the words of the declaration.
    text: String,
}

/// A request that was made.
#[derive(Clone, PartialEq)]
struct Call {
    service: String,
    operation: String,
}

impl Call {
    fn changes(&self, aws: &Aws) -> bool {
        aws.service(&self.service).map_or(true, |service| iam::changes(service, &self.operation))
    }
}

/// Whether the steps go on.
#[derive(PartialEq)]
enum Flow {
    On,
    Returned,
}

/// An activity being carried out.
struct Scene<'d> {
    declaration: &'d Declaration,
    names: Map<String, Value>,
    /// What it gives if it ends here.
    output: Value,
    dice: Dice,
    /// What is being done something to, within `each`.
    item: Value,
    /// What has been changed.
    done: Vec<Calls>,
    /// The call that is being made, if it may change something.
    under_way: Option<Calls>,
    /// What follows, in the innermost steps last.
    ahead: Vec<Ahead<'d>>,
}

/// An activity that tells how far it came when it is dropped before its end.
struct Playing<'p, 'd> {
    player: &'p Player<'p>,
    scene: Scene<'d>,
    has_ended: bool,
}

impl Drop for Playing<'_, '_> {
    fn drop(&mut self) {
        if !self.has_ended {
            let under_way = self.scene.under_way.take();
            let is_in_change = under_way.is_some();
            let cut = under_way.map(|calls| FailedCall { calls, happened: Happened::Maybe });
            let (happened, progress) = self.player.so_far(&mut self.scene, cut, is_in_change);
            self.player.tell.cut(happened, progress);
        }
    }
}

type Doing<'a> = Pin<Box<dyn Future<Output = Result<Flow, Stop>> + 'a>>;

impl Player<'_> {
    /// The output of an activity with these arguments: what it returns, else its last answer.
    pub(crate) async fn play(
        &self,
        declaration: &Declaration,
        mut arguments: Map<String, Value>,
    ) -> Result<Value, Failure> {
        let seed = arguments.remove(SEED).and_then(|seed| seed.as_u64());
        arguments.insert(AWS.to_owned(), self.surroundings());
        let scene = Scene::new(declaration, arguments, Dice::new(seed));
        let mut playing = Playing { player: self, scene, has_ended: false };
        let ended = self.steps(&declaration.steps, &mut playing.scene).await;
        playing.has_ended = true;
        match ended {
            Ok(_) => Ok(playing.scene.output.take()),
            Err(stop) => Err(self.failure(stop, &mut playing.scene)),
        }
    }

    /// What every declaration knows of where it is carried out.
    fn surroundings(&self) -> Value {
        let region = self.scope.region.as_deref().unwrap_or_default();
        json!({"region": region, "partition": partition(region).id, "run": self.tell.run()})
    }

    fn steps<'a, 'd: 'a>(&'a self, steps: &'d [Step], scene: &'a mut Scene<'d>) -> Doing<'a> {
        Box::pin(async move {
            for (place, step) in steps.iter().enumerate() {
                scene.ahead.push(Ahead::Steps(step, &steps[place + 1..]));
                if self.step_unless_left_out(step, scene).await? == Flow::Returned {
                    return Ok(Flow::Returned);
                }
                scene.ahead.pop();
            }
            Ok(Flow::On)
        })
    }

    async fn step_unless_left_out<'d>(&self, step: &'d Step, scene: &mut Scene<'d>) -> Result<Flow, Stop> {
        match step.when.as_ref().map(|when| when.holds(&scene.names)).transpose()? {
            Some(false) => {
                self.notes.iter().for_each(|notes| notes.borrow_mut().leave_out(step));
                Ok(Flow::On)
            }
            _ => self.step(step, scene).await,
        }
    }

    async fn step<'d>(&self, step: &'d Step, scene: &mut Scene<'d>) -> Result<Flow, Stop> {
        let result = match &step.verb {
            // Boxed, or the compiler finds the futures nested too deeply.
            Verb::Call(_) | Verb::Find(_) | Verb::Wait(_) => Box::pin(self.request(step, scene)).await?,
            Verb::Pick(pick) => self.pick(pick, scene)?,
            Verb::Choose(choose) => self.choose(choose, scene)?,
            Verb::Each(each) => match self.each(each, scene).await? {
                Some(results) => results,
                None => return Ok(Flow::Returned),
            },
            Verb::Until(until) => match self.until(until, scene).await? {
                Some(seconds) => seconds,
                None => return Ok(Flow::Returned),
            },
            Verb::Check(condition) => Value::Bool(condition.holds(&scene.names)?),
            Verb::Set(value) => value.evaluate(&scene.names)?,
            Verb::Pause(_) if self.notes.is_some() => return Ok(Flow::On),
            Verb::Pause(seconds) => {
                tokio::time::sleep(duration(&seconds.evaluate(&scene.names)?)).await;
                return Ok(Flow::On);
            }
            Verb::Warn(line) => {
                self.tell.log(Level::Warning, line.text(&scene.names)?);
                return Ok(Flow::On);
            }
            Verb::Return(value) => {
                scene.output = value.evaluate(&scene.names)?;
                return Ok(Flow::Returned);
            }
        };
        if let Some(notes) = self.notes {
            let change = step.verb.request().and_then(|request| self.change(request));
            notes.borrow_mut().follow(step, change);
        }
        self.take(step, result, scene)
    }

    /// Keeps the result of a step, tells of it, and fails when it is not what it has to be.
    fn take(&self, step: &Step, result: Value, scene: &mut Scene<'_>) -> Result<Flow, Stop> {
        let is_check = matches!(step.verb, Verb::Check(_));
        let fails = if is_check { result == false } else { result.as_array().is_some_and(Vec::is_empty) };
        if let Some(name) = &step.result {
            scene.names.insert(name.clone(), result.clone());
        }
        if !is_check {
            scene.output = result;
        }
        if let Some(line) = &step.log {
            self.tell.log(Level::Info, line.text(&scene.names)?);
        }
        match step.or_fail.as_ref().filter(|_| fails) {
            Some(reason) => Err(Stop::Reason(reason.text(&scene.names)?)),
            None => Ok(Flow::On),
        }
    }

    /// Asks AWS. An error that the step catches is the result null.
    async fn request(&self, step: &Step, scene: &mut Scene<'_>) -> Result<Value, Stop> {
        let Some(request) = step.verb.request() else { return Ok(Value::Null) };
        let service = request.service.as_deref().unwrap_or(self.service);
        let parameters = request.parameters.evaluate(&scene.names)?;
        let call = Call { service: service.to_owned(), operation: self.operation(service, &request.name) };
        if let Some(notes) = self.notes {
            return self.foresee(step, call, parameters, notes).await;
        }
        let calls = Calls { of: named(&call.operation, &parameters), call: call.operation.clone() };
        scene.under_way = call.changes(self.aws).then(|| calls.clone());
        let answer = self.ask(&step.verb, request, service, &parameters).await;
        let change = scene.under_way.take();
        match answer {
            Ok(answer) => {
                if let Some(Calls { call, of }) = change {
                    add(&mut scene.done, &call, of);
                }
                Ok(answer)
            }
            Err(error) if step.catches(&error) => Ok(Value::Null),
            Err(error) => {
                let words = step.fails_with.as_ref().or(scene.declaration.steps.fails_with());
                let text = wrapped(words, &error, &scene.names);
                Err(Stop::Aws(Box::new(Refusal { error, call, of: calls.of, text })))
            }
        }
    }

    /// Makes a call that only reads, and notes any other. What cannot be read is not known yet.
    async fn foresee(
        &self,
        step: &Step,
        call: Call,
        parameters: Value,
        notes: &RefCell<Notes>,
    ) -> Result<Value, Stop> {
        let Call { service, operation } = &call;
        let Some(request) = step.verb.request() else { return Ok(Value::Null) };
        if call.changes(self.aws) {
            let (service, operation) = (service.clone(), operation.clone());
            let planned = PlannedCall { service, operation, parameters, resources: Vec::new() };
            let mut notes = notes.borrow_mut();
            if let Some(call) = notes.hangs([&request.parameters]) {
                let operation = &planned.operation;
                notes.miss(format!("a part of what {operation} is given: the answer of {call} has it"));
            }
            notes.calls.push(planned);
            return Ok(Value::Null);
        }
        if matches!(step.verb, Verb::Wait(_)) {
            notes.borrow_mut().looks.push(format!("{operation}, until {}", request.name));
            return Ok(Value::Null);
        }
        let hangs = notes.borrow().hangs([&request.parameters]);
        if let Some(change) = hangs {
            notes.borrow_mut().miss(format!("what {operation} finds: it needs the answer of {change}"));
            return Ok(Value::Null);
        }
        notes.borrow_mut().looks.push(operation.clone());
        let is_first = notes.borrow().calls.is_empty();
        match self.ask(&step.verb, request, service, &parameters).await {
            Ok(answer) => Ok(answer),
            Err(error) if step.catches(&error) => Ok(Value::Null),
            Err(error) if is_first && error.code().is_some() => {
                let text = format!("{}: {error}", error.python_class());
                Err(Stop::Aws(Box::new(Refusal { error, call, of: Vec::new(), text })))
            }
            Err(error) => {
                notes.borrow_mut().unknown.push(format!("what {operation} finds: {error}"));
                Ok(Value::Null)
            }
        }
    }

    /// The operation that a request makes, if it may change something.
    fn change(&self, request: &Request) -> Option<String> {
        let service = request.service.as_deref().unwrap_or(self.service).to_owned();
        let call = Call { operation: self.operation(&service, &request.name), service };
        call.changes(self.aws).then_some(call.operation)
    }

    /// The operation that a request makes: itself, or that of a waiter.
    fn operation(&self, service: &str, name: &str) -> String {
        let waiter = self.aws.service(service).ok().and_then(|service| service.waiter(name));
        waiter.map_or(name, |waiter| waiter.operation).to_owned()
    }

    async fn ask(
        &self,
        verb: &Verb,
        request: &Request,
        service: &str,
        parameters: &Value,
    ) -> Result<Value, Error> {
        match verb {
            Verb::Wait(_) => self.aws.wait(self.scope, service, &request.name, parameters).await,
            Verb::Find(_) => self.list(service, &request.name, parameters).await,
            _ if request.all_pages => self.whole(service, &request.name, parameters).await,
            _ => self.aws.call(self.scope, service, &request.name, parameters).await,
        }
    }

    /// What a listing finds, over all its pages.
    async fn list(&self, service: &str, operation: &str, parameters: &Value) -> Result<Value, Error> {
        let mut found = self.aws.pages(self.scope, service, operation, parameters)?.all().await?;
        let paginator = self.aws.service(service)?.paginator(operation);
        let key = paginator.and_then(|paginator| paginator.result_keys.first());
        Ok(key.and_then(|key| found.get_mut(*key)).map_or_else(|| json!([]), Value::take))
    }

    /// The answer of a listing, with the lists of all its pages in it and without a token for more.
    async fn whole(&self, service: &str, operation: &str, parameters: &Value) -> Result<Value, Error> {
        let mut pages = self.aws.pages(self.scope, service, operation, parameters)?;
        let mut whole = pages.next().await.transpose()?.unwrap_or_default();
        while let Some(page) = pages.next().await {
            append_lists(&mut whole, page?);
        }
        let paginator = self.aws.service(service)?.paginator(operation);
        for token in paginator.iter().flat_map(|paginator| &paginator.output_tokens) {
            whole.as_object_mut().map(|whole| whole.shift_remove(*token));
        }
        Ok(whole)
    }

    /// Draws, and has the choice recorded before anything is done with it.
    fn pick(&self, pick: &Pick, scene: &mut Scene<'_>) -> Result<Value, Stop> {
        let names = &scene.names;
        let from = pick.from.evaluate(names)?;
        let items = from.as_array().map(Vec::as_slice).unwrap_or_default();
        let count = pick.count.as_ref().map(|count| count.evaluate(names)).transpose()?;
        let percent = pick.percent.as_ref().map(|percent| percent.evaluate(names)).transpose()?;
        let count = how_many(items.len(), count.unwrap_or_default(), percent.unwrap_or_default())?;
        let chosen = scene.dice.draw(items, count);
        let seed = Some(scene.dice.seed);
        self.record(Choice { seed, of: items.len(), chosen: chosen.clone() })?;
        Ok(Value::Array(chosen))
    }

    /// The targets that the arguments select, or as many of them as the arguments say, recorded by their ids.
    fn choose(&self, choose: &Choose, scene: &mut Scene<'_>) -> Result<Value, Stop> {
        let mut targets = choose.select(&scene.names)?;
        let of = targets.len();
        let count = targets::count(&scene.names, of, &choose.kind)?;
        if let Some(count) = count {
            targets = scene.dice.draw(&targets, count);
        }
        let chosen = targets.iter().map(|target| target.id.clone()).collect();
        self.record(Choice { seed: count.map(|_| scene.dice.seed), of, chosen })?;
        Ok(targets.into_iter().map(|target| target.resource).collect())
    }

    fn record(&self, choice: Choice) -> Result<(), Stop> {
        let recorded = self.tell.chose(choice);
        Ok(recorded.map_err(|error| format!("the choice cannot be recorded: {error}"))?)
    }

    /// What is given for each item; none when the steps ended the activity.
    async fn each<'d>(&self, each: &'d Each, scene: &mut Scene<'d>) -> Result<Option<Value>, Stop> {
        let mut given = Vec::new();
        let items: Rc<[Value]> = items(each.list.evaluate(&scene.names)?).into();
        let around = scene.item.take();
        for (place, item) in items.iter().enumerate() {
            scene.item = item.clone();
            scene.names.insert(each.item.clone(), item.clone());
            scene.ahead.push(Ahead::Items(each, items.clone(), place + 1, around.clone()));
            if self.steps(&each.steps, scene).await? == Flow::Returned {
                return Ok(None);
            }
            scene.ahead.pop();
            match &each.give {
                Some(give) => {
                    given.extend(Some(give.evaluate(&scene.names)?).filter(|value| !value.is_null()))
                }
                None => given.push(scene.output.clone()),
            }
        }
        scene.item = around;
        Ok(Some(Value::Array(given)))
    }

    /// How many seconds it took until the condition held, or null after the timeout; none when
    /// the steps ended the activity.
    async fn until<'d>(&self, until: &'d Until, scene: &mut Scene<'d>) -> Result<Option<Value>, Stop> {
        let begin = Instant::now();
        let every = duration(&until.every.evaluate(&scene.names)?);
        let timeout = duration(&until.timeout.evaluate(&scene.names)?);
        loop {
            if self.steps(&until.steps, scene).await? == Flow::Returned {
                return Ok(None);
            }
            let holds = until.condition.holds(&scene.names)?;
            if self.notes.is_some() {
                return Ok(Some(Value::Null));
            }
            match begin.elapsed() {
                elapsed if elapsed > timeout => return Ok(Some(Value::Null)),
                elapsed if holds => return Ok(Some(elapsed.as_secs().into())),
                elapsed => tokio::time::sleep(every.min(timeout - elapsed + TICK)).await,
            }
        }
    }

    fn failure(&self, stop: Stop, scene: &mut Scene<'_>) -> Failure {
        let mut is_in_change = false;
        let (error, help, failed) = match stop {
            Stop::Reason(reason) => (activity_failed(&reason), String::new(), None),
            Stop::Aws(refusal) => {
                is_in_change = refusal.call.changes(self.aws);
                let happened = happened(&refusal.error, is_in_change);
                let calls = Calls { call: refusal.call.operation, of: refusal.of };
                let help = refusal.error.help().unwrap_or_default();
                (refusal.text, help, Some(FailedCall { calls, happened }))
            }
        };
        let (happened, progress) = self.so_far(scene, failed, is_in_change);
        Failure { error, help, happened, progress }
    }

    /// Whether anything has changed, and how far it came with this call, which ended it; that is told only
    /// where more was to be changed than by this one call.
    fn so_far(
        &self,
        scene: &mut Scene<'_>,
        failed: Option<FailedCall>,
        is_in_change: bool,
    ) -> (Happened, Option<Box<Progress>>) {
        let happened = match &failed {
            _ if !scene.done.is_empty() => Happened::Yes,
            Some(failed) => failed.happened,
            None => Happened::No,
        };
        if scene.done.is_empty() && !is_in_change {
            return (happened, None);
        }
        let changing = |request: &Request| self.change(request);
        let names = std::mem::take(&mut scene.names);
        let not_tried = not_tried(ahead(names, scene.item.take(), &scene.ahead), &changing);
        let carried_out = std::mem::take(&mut scene.done);
        let is_midway = !carried_out.is_empty() || !not_tried.is_empty();
        (happened, is_midway.then(|| Box::new(Progress { carried_out, failed, not_tried })))
    }
}

impl<'d> Scene<'d> {
    fn new(declaration: &'d Declaration, names: Map<String, Value>, dice: Dice) -> Scene<'d> {
        Scene {
            declaration,
            names,
            output: Value::Null,
            dice,
            item: Value::Null,
            done: Vec::new(),
            under_way: None,
            ahead: Vec::new(),
        }
    }
}

impl Step {
    /// Whether an error does not matter.
    fn catches(&self, error: &Error) -> bool {
        error.code().is_some_and(|code| self.catch.iter().any(|caught| caught == code || caught == "any"))
    }
}

/// Adds the lists of a page to those of the pages before it.
fn append_lists(whole: &mut Value, page: Value) {
    let (Value::Object(whole), Value::Object(page)) = (whole, page) else { return };
    for (name, items) in page {
        let Value::Array(mut items) = items else { continue };
        match whole.get_mut(&name) {
            Some(Value::Array(known)) => known.append(&mut items),
            Some(_) => {}
            None => _ = whole.insert(name, Value::Array(items)),
        }
    }
}

/// How many items of a list are drawn: a percentage of them, rounded down, else the count, else one.
pub(super) fn how_many(length: usize, count: Value, percent: Value) -> Result<usize, String> {
    if let Some(percent) = python::number(&percent) {
        return Ok((length as f64 * percent / 100.0) as usize);
    }
    match count {
        Value::Null => Ok(1),
        count => match count.as_u64().and_then(|count| usize::try_from(count).ok()) {
            Some(count) if count <= length => Ok(count),
            _ => Err(format!("cannot choose {count} of {length}")),
        },
    }
}

fn items(list: Value) -> Vec<Value> {
    match list {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

fn duration(seconds: &Value) -> Duration {
    let seconds = python::number(seconds).unwrap_or_default();
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// The error as Python would print it: the declaration's words around it, or the bare exception
/// where it has none for this error.
fn wrapped(template: Option<&Template>, error: &Error, names: &Map<String, Value>) -> String {
    let mut names = names.clone();
    let about = json!({"text": error.to_string(), "message": error.message(), "code": error.code()});
    names.insert(ERROR.to_owned(), about);
    let words = template.and_then(|template| template.evaluate(&names).ok());
    match words.filter(python::truth) {
        Some(words) => activity_failed(&python::to_str(&words)),
        None => format!("{}: {error}", error.python_class()),
    }
}

pub(crate) fn activity_failed(text: &str) -> String {
    format!("chaoslib.exceptions.ActivityFailed: {text}")
}

/// A request that AWS refused as the caller's mistake did nothing; after any other answer or
/// none, nobody can tell.
pub(crate) fn happened(error: &Error, changes: bool) -> Happened {
    match error.sent() {
        _ if !changes => Happened::No,
        Sent::No => Happened::No,
        Sent::Yes if error.is_refusal() => Happened::No,
        Sent::Yes | Sent::Maybe => Happened::Maybe,
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::read;
    use super::*;
    use crate::testing::Ears;

    /// What steps without a call give for an id, and the lines that they told.
    fn play(steps: &str, id: Value) -> (Result<Value, Failure>, Vec<String>) {
        let head = "service: docdb\nactivities:\n  a:\n    kind: action\n    summary: s\n    steps:\n";
        let catalogue = read(&format!("{head}{steps}")).unwrap().0;
        let (aws, ears) = (Aws::new(), Ears::default());
        let scope = Scope { region: Some("eu-west-1".to_owned()), ..Scope::default() };
        let player = Player { aws: &aws, scope: &scope, service: "docdb", tell: &ears, notes: None };
        let names = Map::from_iter([("id".to_owned(), id)]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let result = runtime.block_on(player.play(&catalogue.activities[0], names));
        (result, ears.lines.into_inner().into_iter().map(|(_, line)| line).collect())
    }

    #[test]
    fn steps_are_left_out_checked_and_told() {
        let steps = r#"
      - {check: $id, or_fail: "$format('no {}', id)", log: checked}
      - {return: first, when: "$id == 'a'"}
      - {return: second}
"#;
        let told = || vec!["checked".to_owned()];
        assert_eq!(play(steps, json!("a")), (Ok(json!("first")), told()));
        assert_eq!(play(steps, json!("b")), (Ok(json!("second")), told()));
        let failure = play(steps, json!("")).0.unwrap_err();
        assert_eq!(failure.error, "chaoslib.exceptions.ActivityFailed: no ");
        assert_eq!(failure.happened, Happened::No);
    }

    #[test]
    fn lists_that_begin_on_a_later_page_are_kept() {
        let mut whole = json!({"A": [1], "Token": "1"});
        append_lists(&mut whole, json!({"A": [2], "B": [3], "Token": "2", "Other": 4}));
        assert_eq!(whole, json!({"A": [1, 2], "Token": "1", "B": [3]}));
    }

    #[test]
    fn wrong_parameters_are_not_sent() {
        for verb in ["call: StopDBCluster", "find: DescribeDBClusters", "wait: DBInstanceAvailable"] {
            let (result, _) = play(&format!("      - {{{verb}, with: {{Wrong: $id}}}}\n"), json!(5));
            let failure = result.unwrap_err();
            assert!(
                failure.error.starts_with("botocore.exceptions.ParamValidationError: "),
                "{}",
                failure.error
            );
            assert_eq!(failure.happened, Happened::No);
        }
    }
}
