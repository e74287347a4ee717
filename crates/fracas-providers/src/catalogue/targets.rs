//! Which of the resources that an activity finds are its targets: the same arguments everywhere.

use fracas_model::{Span, python};
use serde_json::{Map, Value};

use super::functions::tags_of;
use super::play::how_many;
use super::{Argument, ArgumentKind, Choose, Request, Step, Tagged, Template, Verb};

/// What expressions call the resource that is looked at.
pub(super) const ITEM: &str = "item";

/// What the tagging API found.
pub(super) const TAGGED: &str = "tagged";

const TAGS: &str = "tags";
const ZONE: &str = "az";
const COUNT: &str = "count";
const PERCENT: &str = "percent";

/// A resource that was selected.
#[derive(Clone, PartialEq)]
pub(super) struct Selected {
    pub(super) id: Value,
    pub(super) resource: Value,
}

/// The resource that is looked at, as a whole.
pub(super) fn item(span: Span) -> Template {
    Template::of(&format!("${ITEM}"), span)
}

/// The arguments that steps take for what they draw, besides those that the file declares.
pub(super) fn arguments(steps: &[Step]) -> Vec<Argument> {
    let mut arguments: Vec<Argument> = Vec::new();
    for step in drawing(steps) {
        let taken = match &step.verb {
            Verb::Choose(choose) => choose.arguments(),
            _ => Vec::new(),
        };
        for argument in taken.into_iter().chain([Argument::seed()]) {
            if !arguments.iter().any(|known| known.name == argument.name) {
                arguments.push(argument);
            }
        }
    }
    arguments
}

/// The steps after the checks of the arguments that select: what is wrong with them is known before any call.
pub(super) fn checked(steps: Vec<Step>) -> Vec<Step> {
    let checks = drawing(&steps).into_iter().filter_map(|step| match &step.verb {
        Verb::Choose(choose) => Some(choose.checks()),
        _ => None,
    });
    let checks: Vec<Step> = checks.flatten().collect();
    checks.into_iter().chain(steps).collect()
}

/// A step, and before it the search for what has the tags, where it needs one.
pub(super) fn with_tags(step: Step) -> Vec<Step> {
    let search = match &step.verb {
        Verb::Choose(Choose { tagged: Some(Tagged::Listed { kind, .. }), span, .. }) => {
            Some(tag_search(kind, *span))
        }
        _ => None,
    };
    search.into_iter().chain([step]).collect()
}

/// Those of the steps, and of the steps within them, that draw.
fn drawing(steps: &[Step]) -> Vec<&Step> {
    let mut found = Vec::new();
    for step in steps {
        let draws = matches!(step.verb, Verb::Pick(_) | Verb::Choose(_));
        found.extend(Some(step).filter(|_| draws));
        found.extend(drawing(step.verb.steps()));
    }
    found
}

/// Source: <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html>.
fn tag_search(kind: &str, span: Span) -> Step {
    let filters = format!("$items(tag_map({TAGS}))[*].{{Key: [0], Values: [[1]]}}");
    let parameters = [
        ("ResourceTypeFilters", Template::list(vec![Template::of(kind, span)], span)),
        ("TagFilters", Template::of(&filters, span)),
    ];
    let request = Request {
        service: Some("resourcegroupstaggingapi".to_owned()),
        name: "GetResources".to_owned(),
        parameters: Template::object(parameters, span),
        all_pages: false,
        span,
    };
    let when = Some(Template::of(&format!("${TAGS}"), span));
    Step { when, result: Some(TAGGED.to_owned()), ..Step::of(Verb::Find(request), span) }
}

impl Choose {
    fn arguments(&self) -> Vec<Argument> {
        use ArgumentKind::{Integer, Number, Object, String};
        let tags = "Tags that the targets have, as an object or as a text such as a=1,b=2.";
        let tags = self.tagged.as_ref().map(|_| Argument::added(TAGS, &[Object, String], tags));
        let zone = "The availability zone of the targets.";
        let zone = self.zone.as_ref().map(|_| Argument::added(ZONE, &[String], zone));
        let count = "How many of them to draw at random. Instead of percent.";
        let percent = "How many of a hundred of them to draw at random.";
        let drawn = [Argument::added(COUNT, &[Integer], count), Argument::added(PERCENT, &[Number], percent)];
        tags.into_iter().chain(zone).chain(drawn).collect()
    }

    fn checks(&self) -> Vec<Step> {
        let selecting = self.selecting();
        let words = match selecting.as_slice() {
            [one] => format!("{one} is required"),
            several => format!("one of {} is required", several.join(", ")),
        };
        let selects = (!self.all).then(|| self.check(&format!("${}", selecting.join(" || ")), &words));
        let drawn = [
            self.check(
                "$type(percent) == 'null' || type(count) == 'null'",
                "count and percent cannot be given both",
            ),
            self.check(
                "$type(count) == 'null' || count >= `1`",
                "$format('count must be at least 1, not {}', count)",
            ),
            self.check(
                "$type(percent) == 'null' || percent > `0` && percent <= `100`",
                "$format('percent must be more than 0 and at most 100, not {}', percent)",
            ),
        ];
        selects.into_iter().chain(drawn).collect()
    }

    fn check(&self, condition: &str, otherwise: &str) -> Step {
        let verb = Verb::Check(Template::of(condition, self.span));
        Step { or_fail: Some(Template::of(otherwise, self.span)), ..Step::of(verb, self.span) }
    }

    /// The arguments that select: those that the file names, tags and zone.
    pub(super) fn selecting(&self) -> Vec<&str> {
        let named = self.ids.iter().chain(&self.by).map(String::as_str);
        let tags = self.tagged.as_ref().map(|_| TAGS);
        named.chain(tags).chain(self.zone.as_ref().map(|_| ZONE)).collect()
    }

    /// What expressions of an `item` are evaluated.
    pub(super) fn of_item(&self) -> Vec<&Template> {
        let tagged = self.tagged.as_ref().map(|tagged| match tagged {
            Tagged::Inside(tags) => tags,
            Tagged::Listed { arn, .. } => arn,
        });
        [&self.id].into_iter().chain(tagged).chain(&self.zone).collect()
    }

    /// The resources that the arguments select, in the order of the ids where there are some.
    ///
    /// # Errors
    ///
    /// There are none, or not all that are named.
    pub(super) fn select(&self, names: &Map<String, Value>) -> Result<Vec<Selected>, String> {
        let mut names = names.clone();
        let mut selected = Vec::new();
        for resource in listed(&self.from.evaluate(&names)?) {
            names.insert(ITEM.to_owned(), resource.clone());
            if self.has_tags(&names)? && self.is_in_zone(&names)? {
                selected.push(Selected { id: self.id.evaluate(&names)?, resource });
            }
        }
        let ids = self.ids.as_ref().and_then(|ids| names.get(ids)).map(listed).unwrap_or_default();
        if !ids.is_empty() {
            selected = self.of_ids(&ids, selected)?;
        }
        if given(&names, COUNT).or(given(&names, PERCENT)).is_some() {
            selected = each_once(selected);
        }
        match selected.is_empty() {
            true => Err(self.nothing(&names)),
            false => Ok(selected),
        }
    }

    fn of_ids(&self, ids: &[Value], mut selected: Vec<Selected>) -> Result<Vec<Selected>, String> {
        let is_there = |id: &&Value| selected.iter().any(|it| it.id == **id);
        let missing: Value = ids.iter().filter(|id| !is_there(id)).cloned().collect();
        if missing.as_array().is_some_and(|missing| !missing.is_empty()) {
            return Err(format!("not found among the {}: {}", self.kind, python::to_str(&missing)));
        }
        selected.retain(|it| ids.contains(&it.id));
        selected.sort_by_key(|it| ids.iter().position(|id| *id == it.id));
        Ok(selected)
    }

    fn has_tags(&self, names: &Map<String, Value>) -> Result<bool, String> {
        let (Some(tagged), Some(wanted)) = (&self.tagged, given(names, TAGS)) else { return Ok(true) };
        match tagged {
            Tagged::Inside(tags) => {
                let (tags, wanted) = (tags_of(&tags.evaluate(names)?)?, tags_of(wanted)?);
                Ok(wanted.iter().all(|tag| tags.contains(tag)))
            }
            Tagged::Listed { arn, .. } => {
                let arn = arn.evaluate(names)?;
                let found = names.get(TAGGED).and_then(Value::as_array);
                Ok(found.into_iter().flatten().any(|found| found.get("ResourceARN") == Some(&arn)))
            }
        }
    }

    fn is_in_zone(&self, names: &Map<String, Value>) -> Result<bool, String> {
        let (Some(zone), Some(wanted)) = (&self.zone, given(names, ZONE)) else { return Ok(true) };
        Ok(zone.evaluate(names)? == *wanted)
    }

    /// Why there is no target.
    fn nothing(&self, names: &Map<String, Value>) -> String {
        let condition = |name: &str| Some(format!("{name} {}", python::to_str(given(names, name)?)));
        let conditions: Vec<String> = self.selecting().into_iter().filter_map(condition).collect();
        match conditions.is_empty() {
            true => format!("no {} found", self.kind),
            false => format!("no {} found with {}", self.kind, conditions.join(", ")),
        }
    }
}

/// The targets without repetitions: what is named twice is not to be drawn twice.
fn each_once(targets: Vec<Selected>) -> Vec<Selected> {
    let mut once = Vec::new();
    for target in targets {
        if !once.contains(&target) {
            once.push(target);
        }
    }
    once
}

/// How many of so many targets the arguments ask for; none where it is all of them.
///
/// # Errors
///
/// There are fewer, or the percentage of them is none.
pub(super) fn count(names: &Map<String, Value>, of: usize, kind: &str) -> Result<Option<usize>, String> {
    let (count, percent) = (given(names, COUNT), given(names, PERCENT));
    if count.is_none() && percent.is_none() {
        return Ok(None);
    }
    let number = how_many(of, count.cloned().unwrap_or_default(), percent.cloned().unwrap_or_default())?;
    match (number, percent) {
        (0, Some(percent)) => Err(format!("{} percent of {of} {kind} is none", python::to_str(percent))),
        _ => Ok(Some(number)),
    }
}

/// The value of an argument, unless it is not given.
fn given<'n>(names: &'n Map<String, Value>, name: &str) -> Option<&'n Value> {
    names.get(name).filter(|value| python::truth(value))
}

/// The items of a list; anything else is one by itself.
fn listed(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::read::read;
    use serde_json::json;

    const KEYS: &str = "kind: subnets, ids: ids, by: [vpc], id: $item.Id, tags: $item.Tags, zone: $item.Zone";

    /// The checks and the step of an activity that chooses from `$found`.
    fn steps(keys: &str) -> Vec<Step> {
        let text = format!(
            "service: ec2\nactivities:\n  a:\n    kind: action\n    summary: s\n    args:\n      \
             ids: {{type: list, doc: d}}\n      vpc: {{type: string, doc: d}}\n    steps:\n      \
             - {{set: $vpc, as: found}}\n      - {{choose: $found, {keys}}}\n"
        );
        let mut catalogue = read(&text).unwrap().0;
        catalogue.activities.remove(0).steps.read.into_inner().unwrap().steps
    }

    fn names(given: Value) -> Map<String, Value> {
        let mut names = given.as_object().unwrap().clone();
        names.insert(
            "found".to_owned(),
            json!([
                {"Id": "a", "Zone": "z1", "Tags": [{"Key": "team", "Value": "shop"}, {"Key": "x", "Value": "y"}]},
                {"Id": "b", "Zone": "z2", "Tags": [{"Key": "team", "Value": "shop"}]},
                {"Id": "c", "Zone": "z1"},
            ]),
        );
        names
    }

    fn selected(given: Value) -> Result<Vec<Value>, String> {
        let steps = steps(KEYS);
        let Some(Verb::Choose(choose)) = steps.last().map(|step| &step.verb) else { panic!("no choice") };
        Ok(choose.select(&names(given))?.into_iter().map(|target| target.id).collect())
    }

    #[test]
    fn a_target_meets_all_that_is_asked_for() {
        let cases = [
            (json!({}), json!(["a", "b", "c"])),
            (json!({"ids": ["c", "a"]}), json!(["c", "a"])),
            (json!({"ids": "b"}), json!(["b"])),
            (json!({"tags": "team=shop"}), json!(["a", "b"])),
            (json!({"tags": {"team": "shop", "x": "y"}}), json!(["a"])),
            (json!({"tags": {"team": "shop"}, "az": "z2"}), json!(["b"])),
        ];
        for (given, expected) in cases {
            assert_eq!(selected(given.clone()).map(Value::Array), Ok(expected), "{given}");
        }
    }

    #[test]
    fn what_is_drawn_from_has_each_target_once() {
        let twice = |given: Value| {
            let mut names = given.as_object().unwrap().clone();
            names.insert("found".to_owned(), json!(["a", "b", "a"]));
            let steps = steps("kind: subnets, all: true");
            let Some(Verb::Choose(choose)) = steps.last().map(|step| &step.verb) else { panic!("no choice") };
            choose.select(&names).unwrap().len()
        };
        assert_eq!(twice(json!({})), 3);
        assert_eq!(twice(json!({"count": 2})), 2);
        assert_eq!(twice(json!({"percent": 50})), 2);
    }

    #[test]
    fn no_target_is_an_error_that_tells_what_was_looked_for() {
        let cases = [
            (json!({"ids": ["a", "d", "e"]}), "not found among the subnets: ['d', 'e']"),
            (json!({"ids": ["a"], "az": "z2"}), "not found among the subnets: ['a']"),
            (
                json!({"vpc": "v", "tags": "team=web", "az": "z1"}),
                "no subnets found with vpc v, tags team=web, az z1",
            ),
            (json!({"tags": "team"}), "a tag is written as key=value, not `team`"),
        ];
        for (given, expected) in cases {
            assert_eq!(selected(given.clone()), Err(expected.to_owned()), "{given}");
        }
    }

    #[test]
    fn contradictions_are_found_before_anything_is_asked() {
        let cases = [
            (json!({}), "one of ids, vpc, tags, az is required"),
            (json!({"az": "z1", "count": 1, "percent": 100}), "count and percent cannot be given both"),
            (json!({"az": "z1", "count": 0}), "count must be at least 1, not 0"),
            (json!({"az": "z1", "percent": 101}), "percent must be more than 0 and at most 100, not 101"),
            (json!({"az": "z1", "percent": 0}), "percent must be more than 0 and at most 100, not 0"),
        ];
        let steps = steps(KEYS);
        for (given, expected) in cases {
            let names = given.as_object().unwrap();
            let broken = steps.iter().find_map(|step| match &step.verb {
                Verb::Check(condition) if condition.holds(names) == Ok(false) => step.or_fail.as_ref(),
                _ => None,
            });
            assert_eq!(broken.unwrap().text(names).as_deref(), Ok(expected), "{given}");
        }
    }

    #[test]
    fn how_many_is_all_unless_it_is_said() {
        let count = |given: Value| count(given.as_object().unwrap(), 4, "subnets");
        assert_eq!(count(json!({})), Ok(None));
        assert_eq!(count(json!({"count": 3})), Ok(Some(3)));
        assert_eq!(count(json!({"percent": 60})), Ok(Some(2)));
        assert_eq!(count(json!({"percent": 20})), Err("20 percent of 4 subnets is none".to_owned()));
        assert_eq!(count(json!({"count": 5})), Err("cannot choose 5 of 4".to_owned()));
    }

    #[test]
    fn an_activity_takes_the_arguments_of_its_choice() {
        let names = |keys| -> Vec<String> {
            arguments(&steps(keys)).into_iter().map(|argument| argument.name).collect()
        };
        assert_eq!(names(KEYS), ["tags", "az", "count", "percent", "seed"]);
        assert_eq!(names("kind: subnets, all: true"), ["count", "percent", "seed"]);
        assert_eq!(steps("kind: subnets, ids: ids, tagged: 'ec2:subnet', arn: $item.Arn").len(), 7);
    }
}
