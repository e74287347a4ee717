//! Takes every event of a run, once: into the run log, to the observers, into the journal.

use std::cell::RefCell;
use std::io;

use fracas_model::{Durability, Event, Journal, JournalFold, Moment, Phase, Stamped, StepId};
use serde::Serialize;
use serde_json::Value;

use crate::folder::{RunFolder, RunLog};
use crate::mask::Mask;
use crate::{Ledger, Values};

/// Watches a run. It may not change it: a failure of an observer does not stop the run.
pub trait Observer {
    /// Takes in one event, which holds no secrets.
    fn see(&mut self, event: &Stamped);
}

/// The one place that events go through.
pub struct Recorder {
    /// The run's folder.
    pub folder: RunFolder,
    log: RefCell<RunLog>,
    durability: Durability,
    mask: RefCell<Mask>,
    fold: RefCell<JournalFold>,
    ledger: RefCell<Ledger>,
    observers: RefCell<Vec<Box<dyn Observer>>>,
}

impl Recorder {
    /// Records into an open run log. Events that it already holds are given to [`Recorder::replay`].
    pub fn new(
        (folder, log): (RunFolder, RunLog),
        durability: Durability,
        mask: Mask,
        observers: Vec<Box<dyn Observer>>,
    ) -> Recorder {
        let (log, observers) = (RefCell::new(log), RefCell::new(observers));
        Recorder {
            folder,
            log,
            durability,
            mask: RefCell::new(mask),
            fold: RefCell::default(),
            ledger: RefCell::default(),
            observers,
        }
    }

    /// Takes in an event that the run log already holds.
    pub fn replay(&self, event: Stamped) {
        self.ledger.borrow_mut().see(&event);
        self.fold.borrow_mut().see(event);
    }

    /// Tells observers of an event that the run log already holds, and takes it in.
    pub fn announce(&self, event: Stamped) {
        self.tell(&event);
        self.replay(event);
    }

    /// Records an event. It is in the run log before anybody else learns of it.
    ///
    /// # Errors
    ///
    /// The run log could not be written. Observers and the journal have the event all the same.
    pub fn record(&self, time: Moment, event: Event) -> io::Result<()> {
        let event = self.mask.borrow().event(Stamped { time, event });
        let written = self.log.borrow_mut().append(&event);
        self.announce(event);
        written
    }

    /// As [`Recorder::record`], and on disk before it returns, unless the experiment waives that.
    ///
    /// # Errors
    ///
    /// The run log could not be written or synced.
    pub fn record_surely(&self, time: Moment, event: Event) -> io::Result<()> {
        self.record(time, event)?;
        match self.durability {
            Durability::Disk => self.log.borrow_mut().sync(),
            Durability::Os => Ok(()),
        }
    }

    /// Masks these values, too, from now on.
    pub fn learn(&self, values: &Values) {
        self.mask.borrow_mut().learn(values);
    }

    /// What the journal says so far, as data.
    pub fn journal(&self) -> Value {
        self.with_journal(as_value)
    }

    /// What the journal says of the last check of the hypothesis in a part of the run, as data.
    pub fn state(&self, phase: Phase) -> Value {
        self.with_journal(|journal| as_value(&journal.steady_states.of(phase)))
    }

    /// What the journal says of a step, as data.
    pub fn run(&self, step: StepId) -> Option<Value> {
        self.fold.borrow().run(step).map(as_value)
    }

    /// What the journal says of the method or of the rollbacks, as data.
    pub fn runs(&self, phase: Phase) -> Value {
        self.with_journal(|journal| match phase {
            Phase::Rollbacks => as_value(&journal.rollbacks),
            _ => as_value(&journal.run),
        })
    }

    /// What the journal says so far.
    pub fn with_journal<T>(&self, look: impl FnOnce(&Journal) -> T) -> T {
        look(self.fold.borrow().journal())
    }

    /// What the run log proves so far.
    pub fn with_ledger<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&self.ledger.borrow())
    }

    fn tell(&self, event: &Stamped) {
        self.observers.borrow_mut().iter_mut().for_each(|observer| observer.see(event));
    }
}

/// Everything in a journal is plain data.
fn as_value(part: &impl Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}
