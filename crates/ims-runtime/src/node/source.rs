//! Another protocol than SIP by which a role is asked something: short messages, for one. Its connections have tasks of their own; what they
//! want of the role they ask here.

use std::fmt;
use tokio::sync::{mpsc, oneshot};

/// Inquiries that wait for the node to take them; whoever asks one more waits.
const MAX_WAITING: usize = 256;

/// One inquiry of an asker: the question, and the channel for its answer.
#[derive(Debug)]
pub struct Inquiry<A, T> {
    /// The question.
    pub ask: A,
    /// The channel for the answer; the asker gets [`NoAnswer`] when it is dropped.
    pub answer: oneshot::Sender<T>,
}

/// The node's end of the channel by which it is asked.
#[derive(Debug)]
pub struct Inquiries<A, T>(mpsc::Receiver<Inquiry<A, T>>);

/// The asker's end of the channel to a node; clones of it ask the same node.
pub struct Asker<A, T>(mpsc::Sender<Inquiry<A, T>>);

/// There is no answer: the node has ended, or too many inquiries are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoAnswer;

/// A channel by which the role of a node is asked something.
#[must_use]
pub fn inquiries<A, T>() -> (Asker<A, T>, Inquiries<A, T>) {
    let (sender, receiver) = mpsc::channel(MAX_WAITING);
    (Asker(sender), Inquiries(receiver))
}

impl<A, T> Inquiries<A, T> {
    /// The next question, when there is one; dropping the future loses none.
    pub async fn next(&mut self) -> Inquiry<A, T> {
        match self.0.recv().await {
            Some(question) => question,
            // Every asker is gone, so that no inquiry can come.
            None => std::future::pending().await,
        }
    }
}

impl<A, T> Asker<A, T> {
    /// Asks, and waits for the answer, which comes when what it promises is kept.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn ask(&self, ask: A) -> Result<T, NoAnswer> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Inquiry { ask, answer }).await.map_err(|_| NoAnswer)?;
        answered.await.map_err(|_| NoAnswer)
    }

    /// Waits until the node has ended.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}

impl<A, T> Clone for Asker<A, T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<A, T> fmt::Debug for Asker<A, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Asker").finish()
    }
}
