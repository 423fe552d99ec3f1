//! What the operating system asks of the process.

use std::future::pending;
use std::io;
use std::os::fd::AsFd;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// A request by signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM, SIGINT, or the end of the parent: finish what runs and end.
    Drain,
    /// SIGHUP: read the configuration again.
    Reload,
}

/// The signals of this process, one after the other.
pub struct Signals {
    terminate: Stream,
    interrupt: Stream,
    hang_up: Stream,
    /// Standard input, while its other end is open; none where nobody asked for it.
    parent: Option<pipe::Receiver>,
}

impl Signals {
    /// Takes the signals over from their default action.
    ///
    /// # Errors
    /// When the operating system refuses a handler.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            parent: None,
        })
    }

    /// The end of standard input is a request to end, too. Whoever starts this process keeps the other end of that pipe
    /// open, and the system closes it when that process dies, however it dies.
    ///
    /// # Errors
    /// When standard input is no pipe.
    pub fn with_parent(self) -> io::Result<Self> {
        let stdin = io::stdin().as_fd().try_clone_to_owned()?;
        Ok(Self { parent: Some(pipe::Receiver::from_owned_fd(stdin)?), ..self })
    }

    /// Waits for the next signal; dropping the future loses none.
    ///
    /// Signals of one kind that come before they are looked at count as one, as everywhere in Unix.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Drain,
            _ = self.interrupt.recv() => Signal::Drain,
            _ = self.hang_up.recv() => Signal::Reload,
            () = end_of(&mut self.parent) => Signal::Drain,
        }
    }
}

/// What is written there means nothing.
async fn end_of(parent: &mut Option<pipe::Receiver>) {
    let Some(pipe) = parent else { return pending().await };
    while matches!(pipe.read(&mut [0; 64]).await, Ok(1..)) {}
    *parent = None;
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    #[tokio::test]
    async fn the_end_of_the_parent_is_a_request_to_end_once() {
        let (mut theirs, ours) = pipe::pipe().unwrap();
        let mut signals = Signals { parent: Some(ours), ..Signals::listen().unwrap() };
        theirs.write_all(b"anything\n").await.unwrap();
        tokio::select! {
            biased;
            signal = signals.next() => panic!("{signal:?} while the parent lives"),
            () = tokio::task::yield_now() => {}
        }
        drop(theirs);
        assert_eq!(signals.next().await, Signal::Drain);
        assert!(signals.parent.is_none(), "it is not said again");
    }
}
