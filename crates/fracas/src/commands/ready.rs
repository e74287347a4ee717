//! An experiment made ready: loaded, parsed, its values resolved, checked.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;

use fracas_engine::{
    Changes, Given, Mask, Providers, SoFar, Stop, Tell, check_declared, check_dynamic, experiment_of,
    parse_document, resolve, resolve_dynamic,
};
use fracas_model::{
    ActivityKind, Choice, ExitCode, Experiment, Happened, Level, Problem, Problems, Progress, Severity,
    Source,
};
use serde_json::Value;

use super::own;
use crate::args;
use crate::loading;
use crate::session::Session;
use crate::surroundings::Surroundings;

/// That something stops a command: the user has been told what.
#[derive(Clone)]
pub struct Told {
    /// What the command answers then.
    pub code: ExitCode,
    /// The first of it.
    pub why: String,
}

/// A document that cannot be used as an experiment; the user has been told why.
pub struct Unready {
    /// The document, when it could be read.
    document: Value,
    /// That the user has been told.
    pub told: Told,
}

impl From<Unready> for Told {
    fn from(unready: Unready) -> Told {
        unready.told
    }
}

impl Session {
    /// Tells the one thing that stops a command.
    pub fn refuse(&self, problem: Problem) -> Told {
        let why = problem.message.clone();
        self.terminal.problem(problem);
        Told { code: ExitCode::Invalid, why }
    }
}

/// Gets the text of an experiment, and the user's own activities that belong to it.
///
/// # Errors
///
/// That is impossible.
pub async fn load(source: &str, fetching: &args::Fetching, session: &Session) -> Result<Source, Told> {
    let loaded = loading::load(source, !fetching.no_verify_tls, &session.settings).await;
    let loaded = loaded.map_err(|problem| session.refuse(problem))?;
    own::take_in(source, session)?;
    Ok(loaded)
}

/// What an experiment's file holds, as far as it may be shown.
pub fn document(ready: &Result<Ready, Unready>, session: &Session) -> Value {
    let (document, mask) = match ready {
        Ok(ready) => (&*ready.experiment.document, ready.mask(session)),
        Err(unready) => (&unready.document, Mask::default()),
    };
    let document = document.clone();
    if session.policy.mask_secrets { mask.experiment(document) } else { document }
}

/// An experiment ready to be used, with its values.
pub struct Ready {
    /// Its text.
    pub source: Source,
    /// What it says.
    pub experiment: Experiment,
    /// Its configuration and secrets, as far as they are known.
    pub values: fracas_engine::Values,
    /// What is wrong with it, and has not been shown yet.
    pub problems: Problems,
    /// Values that could not be had.
    pub unresolved: Problems,
    /// What only a validation minds in its declarations.
    declared: Problems,
}

impl Ready {
    /// Parses an experiment and resolves its values; says that it is validated, if it is.
    ///
    /// # Errors
    ///
    /// It is no experiment.
    pub fn of(source: Source, given: &Given, validated: bool, session: &Session) -> Result<Ready, Unready> {
        let (node, mut problems) = parse_document(&source);
        let is_read = node.is_some() || source.text.trim().is_empty();
        if validated && is_read {
            session.info("Validating the experiment's syntax");
        }
        let node = node.map(Arc::new);
        let (experiment, mut found) = node.as_ref().map(experiment_of).unwrap_or_default();
        problems.0.append(&mut found.0);
        let Some(experiment) = experiment else {
            let mask = if session.policy.mask_secrets { Mask::unread(&source) } else { Mask::default() };
            let problems = mask.problems(problems.sorted());
            session.terminal.problems(Some(&mask.source(&source)), &problems);
            let document = node.map_or(Value::Null, |node| node.to_json());
            return Err(Unready { document, told: told(&problems) });
        };
        let (mut unresolved, mut declared) = (Problems::default(), Problems::default());
        let environment = &Surroundings::environment;
        check_declared(&experiment, environment, given, &session.policy, &mut declared);
        let values = resolve(&experiment, environment, given, &session.policy, &mut unresolved);
        Ok(Ready { source, experiment, values, problems, unresolved, declared })
    }

    /// Holds the activities against their providers; shows everything that was found so far.
    ///
    /// # Errors
    ///
    /// Something of it stops a run.
    pub async fn check(
        &mut self,
        providers: &Providers,
        running: bool,
        session: &Session,
    ) -> Result<(), Told> {
        self.problems.0.append(&mut self.declared.0);
        let surroundings =
            fracas_engine::Surroundings { values: &self.values, running, policy: &session.policy };
        fracas_engine::check(&self.experiment, providers, &surroundings, &mut self.problems).await;
        if session.policy.dynamic_configuration_required {
            check_dynamic(providers, &surroundings, &mut self.problems).await;
        }
        self.leave_to_run(true, session);
        self.show_problems(session)
    }

    /// Leaves to the run what its policy leaves to it; `validated` says whether the experiment is validated.
    pub fn leave_to_run(&mut self, validated: bool, session: &Session) {
        if !session.policy.check_ahead {
            self.problems.leave_to_run(validated);
        }
    }

    /// Whether values have to be asked for.
    pub fn is_pending(&self) -> bool {
        !self.values.pending.probes.is_empty() || !self.values.pending.vault.is_empty()
    }

    /// Asks probes and the vault for the values that they have, and may check again with them.
    ///
    /// # Errors
    ///
    /// Something that is needed cannot be had, or is not what it has to be.
    pub async fn ask(
        &mut self,
        providers: &Providers,
        validate: bool,
        session: &Session,
    ) -> Result<(), Told> {
        let tell = BeforeRun::new(session, self.mask(session));
        let Ready { experiment, values, .. } = self;
        self.problems = resolve_dynamic(experiment, values, providers, &session.policy, &tell).await;
        if self.problems.has_errors() || !validate {
            return self.show_problems(session);
        }
        let surroundings =
            fracas_engine::Surroundings { values: &self.values, running: true, policy: &session.policy };
        fracas_engine::check(&self.experiment, providers, &surroundings, &mut self.problems).await;
        // Warnings have been shown before.
        self.problems.0.retain(|problem| problem.severity == Severity::Error);
        self.leave_to_run(true, session);
        self.show_problems(session)
    }

    fn mask(&self, session: &Session) -> Mask {
        if session.policy.mask_secrets { Mask::of(&self.values) } else { Mask::default() }
    }

    /// A text without the values of secrets.
    pub fn hidden(&self, text: String, session: &Session) -> String {
        let mask = self.mask(session);
        text.split_inclusive('\n').map(|line| mask.line(line)).collect()
    }

    /// Shows everything that was found so far.
    ///
    /// # Errors
    ///
    /// Something of it stops a run.
    pub fn show_problems(&mut self, session: &Session) -> Result<(), Told> {
        self.problems.0.append(&mut self.unresolved.0);
        if self.problems.0.is_empty() {
            return Ok(());
        }
        let mask = self.mask(session);
        let problems = mask.problems(std::mem::take(&mut self.problems).sorted());
        session.terminal.problems(Some(&mask.source(&self.source)), &problems);
        if problems.has_errors() { Err(told(&problems)) } else { Ok(()) }
    }
}

/// An activity's error without the class that journals have before it.
pub fn without_class(error: &str) -> &str {
    error.trim_start_matches("chaoslib.exceptions.ActivityFailed: ")
}

/// That these problems have been shown.
pub fn told(problems: &Problems) -> Told {
    let why = problems.first_words().unwrap_or_default().to_owned();
    Told { code: ExitCode::Invalid, why }
}

/// Hears what activities tell outside of a run.
pub struct BeforeRun<'a> {
    session: &'a Session,
    /// What is not shown.
    mask: Mask,
    cut: RefCell<Option<SoFar>>,
}

impl<'a> BeforeRun<'a> {
    /// Shows it in this session, but for what is masked.
    pub fn new(session: &'a Session, mask: Mask) -> BeforeRun<'a> {
        BeforeRun { session, mask, cut: RefCell::default() }
    }

    /// How far an activity of this kind came that was cut.
    pub fn so_far(&self, kind: ActivityKind) -> SoFar {
        self.cut.take().unwrap_or_else(|| SoFar::unknown(kind))
    }
}

impl Tell for BeforeRun<'_> {
    fn log(&self, level: Level, message: String) {
        let message = self.mask.line(&message);
        self.session.terminal.line(level.into(), &message);
    }

    fn process_started(&self, _: u32) -> io::Result<()> {
        Ok(())
    }

    fn chose(&self, choice: Choice) -> io::Result<()> {
        let of = choice.of;
        let chosen = Value::from(choice.chosen);
        let line = match choice.seed {
            Some(seed) => format!("Chose {chosen} of {of} with the seed {seed}"),
            None => format!("Chose {chosen}, which is all"),
        };
        self.log(Level::Info, line);
        Ok(())
    }

    fn cut(&self, happened: Happened, progress: Option<Box<Progress>>) {
        self.cut.replace(Some(SoFar { happened, progress }));
    }

    fn stop(&self, _: Stop) {}

    fn changed(&self, _: Changes) {}
}
