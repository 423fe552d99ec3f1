//! How a node ends.

use super::NodeError;
use super::driver::Driver;
use crate::cli::Failure;
use crate::config::Configuration;
use crate::journal::Journal;
use clock::Mono;
use ims_node::{AskAnswer, Input, Role};
use std::time::Duration;

/// How long what runs may take to finish; the rest is then answered 503.
pub const DRAIN: Duration = Duration::from_secs(4);
/// How long the journal and full sockets may then take.
const FLUSH: Duration = Duration::from_millis(400);
/// How long the journal may take to close.
const FAREWELL: Duration = Duration::from_millis(250);

/// How far the node is from its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// At work.
    Serving,
    /// No new state; what runs is finished, until then.
    Draining(Mono),
    /// Nothing is read any more; what is durable is told, until then.
    Closing(Mono),
}

impl Phase {
    pub(super) const fn deadline(self) -> Option<Mono> {
        match self {
            Self::Serving => None,
            Self::Draining(until) | Self::Closing(until) => Some(until),
        }
    }
}

impl<C, R> Driver<C, R>
where
    C: Configuration,
    R: Role<Told: AskAnswer>,
{
    pub(super) fn drain(&mut self) {
        if self.phase == Phase::Serving {
            tracing::info!("draining");
            self.phase = Phase::Draining(self.clock.now().mono + DRAIN);
            self.handle(Input::Drain);
        }
    }

    /// Takes the next step towards the end, if it is due; whether that was the last.
    pub(super) fn has_ended(&mut self) -> Result<bool, NodeError> {
        let now = self.clock.now().mono;
        if let Phase::Draining(until) = self.phase
            && (self.node.is_idle() || now >= until)
        {
            self.handle(Input::GiveUp);
            self.carry_out_all()?;
            self.sockets.stop_reading();
            self.phase = Phase::Closing(now + FLUSH);
        }
        let Phase::Closing(until) = self.phase else { return Ok(false) };
        let settled = self.journal.as_ref().is_none_or(Journal::is_settled);
        let flushed = settled && self.held.count() == 0 && !self.sockets.has_unsent();
        Ok(flushed || now >= until)
    }

    /// Closes sockets and journal.
    pub(super) async fn close(self) -> Result<(), Failure> {
        self.sockets.close().await;
        if let Some(journal) = self.journal
            && let Some(kind) = journal.close(FAREWELL).await.failed
        {
            return Err(NodeError::JournalLost(kind).into());
        }
        tracing::info!("ended");
        Ok(())
    }
}
