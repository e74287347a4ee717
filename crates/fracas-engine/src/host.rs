//! Where a run takes place: its clock, its waits, its signals, and who carries activities out.
//!
//! The runner knows the world only by this trait, so that the same runner can be tested without
//! one, or be carried by another engine of execution.

use std::time::Duration;

use fracas_model::{Activity, Failure, Moment};
use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use crate::{Context, Controls};

/// Where a run takes place.
pub trait Host {
    /// The present moment.
    fn now(&self) -> Moment;

    /// Ends when the time is over. Dropping it ends the wait.
    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'_, ()>;

    /// Ends with the name of the next signal that asks the run to stop, such as `SIGTERM`.
    fn signal(&self) -> LocalBoxFuture<'_, &'static str>;

    /// Carries an activity out, as [`crate::Provider::carry_out`] does.
    fn carry_out<'a>(
        &'a self,
        activity: &'a Activity,
        context: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Value, Failure>>;

    /// Who applies controls, if anybody.
    fn controls(&self) -> Option<&dyn Controls>;
}
