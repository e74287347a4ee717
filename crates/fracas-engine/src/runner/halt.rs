//! Requests that a run stop: signals, controls, activities, and the run itself.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use fracas_model::{Event, InterruptedBy, SignalCaught};

use crate::host::Host;
use crate::recorder::Recorder;

/// Why a run does not go on as planned.
#[derive(Debug, Clone, PartialEq)]
pub enum Halt {
    /// It was asked to stop.
    Interrupted(InterruptedBy),
    /// It cannot go on, for this reason.
    Aborted(String),
    /// The hypothesis was not met during the method.
    FailFast,
}

impl Halt {
    /// What Ctrl-C asks for, or an exception that stands for it.
    pub fn by_ctrl_c() -> Halt {
        Halt::Interrupted(InterruptedBy::Signal("SIGINT".to_owned()))
    }

    /// Whether Chaos Toolkit takes it for the end of its process.
    pub fn is_exit(&self) -> bool {
        matches!(self, Halt::Interrupted(by) if !by.is_request())
    }

    /// Whether rollbacks are left out, whatever their strategy.
    pub fn leaves_rollbacks_out(&self) -> bool {
        matches!(self, Halt::Interrupted(by) if by.leaves_rollbacks_out())
    }
}

/// Something that happens once, and what waits for it.
#[derive(Default)]
pub struct Flag {
    raised: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Flag {
    /// Makes it happen.
    pub fn raise(&self) {
        self.raised.set(true);
        self.waiting.take().into_iter().for_each(Waker::wake);
    }

    /// Whether it has happened.
    pub fn is_raised(&self) -> bool {
        self.raised.get()
    }

    /// Ends when it has happened.
    pub async fn wait(&self) {
        poll_fn(|context| self.poll(context)).await;
    }

    fn poll(&self, context: &Context<'_>) -> Poll<()> {
        if self.raised.get() {
            return Poll::Ready(());
        }
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
        Poll::Pending
    }
}

/// The one place where a run learns that it is to stop.
pub struct Halts<'a> {
    host: &'a dyn Host,
    recorder: &'a Recorder,
    asked: RefCell<Option<Halt>>,
    flag: Flag,
}

impl Halts<'_> {
    /// Nobody has asked yet.
    pub fn new<'a>(host: &'a dyn Host, recorder: &'a Recorder) -> Halts<'a> {
        Halts { host, recorder, asked: RefCell::default(), flag: Flag::default() }
    }

    /// Asks the run to stop. The first request counts.
    pub fn ask(&self, halt: Halt) {
        self.asked.borrow_mut().get_or_insert(halt);
        self.flag.raise();
    }

    /// What was asked.
    pub fn asked(&self) -> Option<Halt> {
        self.asked.borrow().clone()
    }

    /// Forgets what was asked, for what is played all the same.
    pub fn forget(&self) {
        self.asked.take();
        self.flag.raised.set(false);
    }

    /// Ends with the request that what waits for it gives way to.
    pub async fn halted(&self, gives_way: impl Fn(&Halt) -> bool) -> Halt {
        let mut signal = self.host.signal();
        poll_fn(|context| {
            if let Some(halt) = self.asked().filter(&gives_way) {
                return Poll::Ready(halt);
            }
            if self.asked.borrow().is_none()
                && let Poll::Ready(name) = signal.as_mut().poll(context)
            {
                let halt = self.caught(name);
                if gives_way(&halt) {
                    return Poll::Ready(halt);
                }
            }
            let _ = self.flag.poll(context);
            Poll::Pending
        })
        .await
    }

    /// Ends with the next signal, whatever was asked before.
    pub async fn next_signal(&self) -> Halt {
        let name = self.host.signal().await;
        self.caught(name)
    }

    fn caught(&self, name: &'static str) -> Halt {
        let signal = name.to_owned();
        // A signal that cannot be recorded counts all the same.
        let _ = self
            .recorder
            .record(self.host.now(), Event::SignalCaught(SignalCaught { signal: signal.clone() }));
        let halt = Halt::Interrupted(InterruptedBy::Signal(signal));
        self.ask(halt.clone());
        halt
    }
}
