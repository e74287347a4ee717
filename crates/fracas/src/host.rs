//! This machine as the place of a run: its clock, its signals, and the providers.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use fracas_engine::{Context, Host, Providers};
use fracas_model::{Activity, Failure, Happened, Moment};
use futures_util::future::LocalBoxFuture;
use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::terminal::now;

/// This machine.
pub struct ThisMachine<'a> {
    providers: &'a Providers,
    signals: RefCell<[(&'static str, Signal); 2]>,
}

impl ThisMachine<'_> {
    /// Carries activities out with these providers, and takes signals from now on.
    ///
    /// # Errors
    ///
    /// The signals cannot be taken.
    pub fn new(providers: &Providers) -> io::Result<ThisMachine<'_>> {
        let interrupt = ("SIGINT", signal(SignalKind::interrupt())?);
        let terminate = ("SIGTERM", signal(SignalKind::terminate())?);
        Ok(ThisMachine { providers, signals: RefCell::new([interrupt, terminate]) })
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
        Box::pin(tokio::time::sleep(duration))
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
                Box::pin(async { Err(Failure { error, help: String::new(), happened: Happened::No }) })
            }
        }
    }
}
