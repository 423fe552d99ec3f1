//! What the operating system asks of the process.

use std::io;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// A request by signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT: finish what runs and end.
    Drain,
    /// SIGHUP: read the configuration again.
    Reload,
}

/// The signals of this process, one after the other.
pub struct Signals {
    terminate: Stream,
    interrupt: Stream,
    hang_up: Stream,
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
        })
    }

    /// Waits for the next signal; dropping the future loses none.
    ///
    /// Signals of one kind that come before they are looked at count as one, as everywhere in Unix.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Drain,
            _ = self.interrupt.recv() => Signal::Drain,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }
}
