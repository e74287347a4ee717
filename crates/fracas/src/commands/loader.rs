//! Loading an experiment with the controls of the settings around it.

use std::sync::Arc;

use fracas_engine::{
    Answer, Call, ControlLevel, ControlScope, Controls, Hook, Mask, Providers, Stop, Values, World,
    parse_document,
};
use fracas_model::{Format, Problem, Source};
use serde_json::Value;

use super::ready::{self, Told};
use crate::args;
use crate::session::Session;

/// Gets the text of an experiment, and what controls around loading make of it.
///
/// # Errors
///
/// The experiment cannot be had, or a control stops the run.
pub async fn load(
    args: &args::Run,
    controls: &[Value],
    providers: &Providers,
    session: &Session,
) -> Result<Source, Told> {
    let Some(provider) = providers.controls().filter(|_| !controls.is_empty()) else {
        return ready::load(&args.source, &args.fetching, session).await;
    };
    let loader = Loader { provider, controls, context: &args.source, session };
    let world =
        World { experiment: Arc::default(), values: &Values::default(), settings: &session.settings.value };
    provider.begin(&world).await;
    loader.apply(ControlScope::Before, None).await?;
    let source = ready::load(&args.source, &args.fetching, session).await?;
    let document = parse_document(&source).0.map(|node| node.to_json());
    let changed = loader.apply(ControlScope::After, document).await?;
    // What was changed has no text of its own to point into.
    Ok(match changed {
        Some(experiment) => Source { text: format!("{experiment:#}"), format: Format::Json, ..source },
        None => source,
    })
}

struct Loader<'a> {
    provider: &'a dyn Controls,
    controls: &'a [Value],
    context: &'a str,
    session: &'a Session,
}

impl Loader<'_> {
    /// Applies the controls of a scope; gives the state if it was changed.
    async fn apply(&self, scope: ControlScope, state: Option<Value>) -> Result<Option<Value>, Told> {
        let hook = Hook { level: ControlLevel::Loader, scope };
        let mut controls = self.controls.to_vec();
        controls.retain(|control| hook.wants(control));
        let call = Call::Apply { hook, controls: &controls, context: self.context, state };
        let Answer { changes, failures, lines, stop } = self.provider.call(call, &Values::default()).await;
        for (level, line) in lines {
            self.session.terminal.line(level.into(), &Mask::default().line(&line));
        }
        for (control, error) in failures.iter().filter(|_| self.session.policy.tell_control_failures) {
            let function = hook.function();
            self.session
                .warn(&format!("{function} of the control `{control}` failed, and was ignored: {error}"));
        }
        match stop {
            None => Ok(changes.state),
            Some(stop) => Err(self.session.refuse(stopped(stop))),
        }
    }
}

fn stopped(stop: Stop) -> Problem {
    let why = match stop {
        Stop::Interrupt(why) => why,
        Stop::Exit(code) => format!("it exited with {code}"),
        Stop::KeyboardInterrupt => "it raised KeyboardInterrupt".to_owned(),
        Stop::Abort => "it failed".to_owned(),
    };
    Problem::general(format!("a control stops the run before the experiment is loaded: {why}"))
        .help("nothing was run; look at the controls of the settings and of --control-file")
}
