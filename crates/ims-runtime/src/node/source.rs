//! Another protocol than SIP by which a role is asked something: short messages, for one. Its connections have tasks of their own; what they
//! want of the role they ask here.

use std::fmt;
use tokio::sync::{mpsc, oneshot};

/// Inquiries that wait for the node to take them; whoever asks one more waits.
const MAX_WAITING: usize = 256;

/// One question, and where its answer goes.
#[derive(Debug)]
pub struct Inquiry<A, T> {
    /// The question.
    pub ask: A,
    /// Whoever asks has no answer when this is dropped.
    pub answer: oneshot::Sender<T>,
}

/// The node's end.
#[derive(Debug)]
pub struct Inquiries<A, T>(mpsc::Receiver<Inquiry<A, T>>);

/// An asker's end; copies of it ask the same node.
pub struct Asker<A, T>(mpsc::Sender<Inquiry<A, T>>);

/// There is no answer: the node has ended, or too many inquiries are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoAnswer;

/// A way to ask the role of a node.
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
            // Nobody is left who could ask.
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

    /// When nobody can be asked any more.
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
