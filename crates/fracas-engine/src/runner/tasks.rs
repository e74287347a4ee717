//! What goes on beside the main course of a part of the run: background activities, and checks of
//! the hypothesis during the method.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};

use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};

/// Futures that are polled together with a main one.
#[derive(Default)]
pub struct Tasks<'a> {
    new: RefCell<Vec<LocalBoxFuture<'a, ()>>>,
}

impl<'a> Tasks<'a> {
    /// Begins one more, at the next turn of the main one.
    pub fn begin(&self, task: impl Future<Output = ()> + 'a) {
        self.new.borrow_mut().push(Box::pin(task));
    }

    /// Plays the main future and then waits for what it has begun.
    pub async fn drive<T>(&self, main: impl Future<Output = T>) -> T {
        let mut main = pin!(main);
        let mut running = FuturesUnordered::new();
        let value = poll_fn(|context| {
            let polled = main.as_mut().poll(context);
            // What it has just begun begins before it goes on.
            let _ = self.turn(&mut running, context);
            polled
        })
        .await;
        poll_fn(|context| self.turn(&mut running, context)).await;
        value
    }

    /// Gives every task that can go on its turn. Ready when none is left.
    fn turn(
        &self,
        running: &mut FuturesUnordered<LocalBoxFuture<'a, ()>>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        loop {
            running.extend(self.new.take());
            match running.poll_next_unpin(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) if self.new.borrow().is_empty() => return Poll::Ready(()),
                Poll::Ready(_) => {}
            }
        }
    }
}
