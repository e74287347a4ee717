//! Requests that a run stop: signals, controls, activities, and the run itself.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

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
    waiting: Arc<Everyone>,
}

/// Wakes all that wait for the same. Who is woken alone may have ended, and nobody would go on.
#[derive(Default)]
struct Everyone(Mutex<Vec<Waker>>);

impl Wake for Everyone {
    fn wake(self: Arc<Self>) {
        let waiting = std::mem::take(&mut *self.list());
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Everyone {
    fn list(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, waker: &Waker) {
        let mut waiting = self.list();
        if !waiting.iter().any(|known| known.will_wake(waker)) {
            waiting.push(waker.clone());
        }
    }
}

impl Flag {
    /// Makes it happen.
    pub fn raise(&self) {
        self.raised.set(true);
        Arc::clone(&self.waiting).wake();
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
        self.waiting.add(context.waker());
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
        let everyone = Waker::from(Arc::clone(&self.flag.waiting));
        poll_fn(|context| {
            if let Some(halt) = self.asked().filter(&gives_way) {
                return Poll::Ready(halt);
            }
            if self.asked.borrow().is_none()
                && let Poll::Ready(name) = signal.as_mut().poll(&mut Context::from_waker(&everyone))
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
        let mut signal = self.host.signal();
        let everyone = Waker::from(Arc::clone(&self.flag.waiting));
        let caught = poll_fn(|context| {
            self.flag.waiting.add(context.waker());
            signal.as_mut().poll(&mut Context::from_waker(&everyone))
        });
        self.caught(caught.await)
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
