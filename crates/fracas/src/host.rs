//! This machine as the place of a run: its clock, its signals, and the providers.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use fracas_engine::{Context, Controls, Host, Providers};
use fracas_model::{Activity, Failure, Happened, Moment};
use futures_util::future::LocalBoxFuture;
use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::terminal::now;

/// What tokio's timer counts in. It wakes at the end of the tick that a sleep ends in, so that each would
/// last one more.
const TICK: Duration = Duration::from_millis(1);

/// This machine.
pub struct ThisMachine<'a> {
    providers: &'a Providers,
    signals: RefCell<Vec<(&'static str, Signal)>>,
}

impl ThisMachine<'_> {
    /// Carries activities out with these providers, and takes signals from now on.
    ///
    /// # Errors
    ///
    /// The signals cannot be taken.
    pub fn new(providers: &Providers) -> io::Result<ThisMachine<'_>> {
        let mut signals = vec![
            ("SIGINT", signal(SignalKind::interrupt())?),
            ("SIGTERM", signal(SignalKind::terminate())?),
            ("SIGUSR1", signal(SignalKind::user_defined1())?),
            ("SIGUSR2", signal(SignalKind::user_defined2())?),
        ];
        // Under nohup the run is meant to outlive its terminal.
        if !hangups_are_ignored() {
            signals.push(("SIGHUP", signal(SignalKind::hangup())?));
        }
        Ok(ThisMachine { providers, signals: RefCell::new(signals) })
    }

    fn poll_signal(&self, context: &mut TaskContext<'_>) -> Poll<&'static str> {
        for (name, signal) in self.signals.borrow_mut().iter_mut() {
            if signal.poll_recv(context).is_ready() {
                return Poll::Ready(name);
            }
        }
        Poll::Pending
    }
}

impl Host for ThisMachine<'_> {
    fn now(&self) -> Moment {
        now()
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration.saturating_sub(TICK)))
    }

    fn signal(&self) -> LocalBoxFuture<'_, &'static str> {
        Box::pin(poll_fn(|context| self.poll_signal(context)))
    }

    fn carry_out<'a>(
        &'a self,
        activity: &'a Activity,
        context: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Value, Failure>> {
        match self.providers.get(&activity.provider_type) {
            Some(provider) => provider.carry_out(activity, context),
            None => {
                let error = format!("no provider is called `{}`", activity.provider_type);
                Box::pin(async {
                    Err(Failure { error, help: String::new(), happened: Happened::No, progress: None })
                })
            }
        }
    }

    fn controls(&self) -> Option<&dyn Controls> {
        self.providers.controls()
    }
}

/// Whether whoever started this process had it ignore SIGHUP, the first signal of the mask that
/// Linux tells.
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
