//! Asks whose answer the role owes: to operators, and to those who bring something in by another protocol than SIP.

use clock::Mono;
use ims_node::AskId;
use std::collections::BTreeMap;
use std::time::Duration;

/// Asks that may be open at a time; with one more, whoever asks is told so.
pub(super) const MAX_OPEN_ASKS: usize = 1024;
/// How long a role may take to answer. Less than an operator waits ([`crate::ctl::DEADLINE`]), who so learns why.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);

/// The open asks, each with the `W` that waits for its answer.
#[derive(Debug)]
pub(super) struct Asks<W> {
    /// By number, and so by age: all have the same patience.
    open: BTreeMap<AskId, (Mono, W)>,
    /// Those whose answer is waited for however long it takes.
    patient: BTreeMap<AskId, W>,
    last: u64,
}

/// How long the answer to an ask is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    /// For [`PATIENCE`].
    Briefly,
    /// Until it comes.
    Patiently,
}

impl<W> Asks<W> {
    /// None is open.
    pub(super) const fn new() -> Self {
        Self { open: BTreeMap::new(), patient: BTreeMap::new(), last: 0 }
    }

    /// Begins to wait; gives `waiter` back if too many do.
    pub(super) fn open(&mut self, now: Mono, waiter: W, waits: Waits) -> Result<AskId, W> {
        let open = match waits {
            Waits::Briefly => self.open.len(),
            Waits::Patiently => self.patient.len(),
        };
        if open >= MAX_OPEN_ASKS {
            return Err(waiter);
        }
        self.last += 1;
        let id = AskId(self.last);
        match waits {
            Waits::Briefly => drop(self.open.insert(id, (now + PATIENCE, waiter))),
            Waits::Patiently => drop(self.patient.insert(id, waiter)),
        }
        Ok(id)
    }

    /// Forgets those that are waited for patiently and by nobody any more.
    pub(super) fn forget(&mut self, is_gone: impl Fn(&W) -> bool) {
        self.patient.retain(|_, waiter| !is_gone(waiter));
    }

    /// The answer is there; `None` if nobody waits for it any more.
    pub(super) fn close(&mut self, id: AskId) -> Option<W> {
        self.open.remove(&id).map(|(_, waiter)| waiter).or_else(|| self.patient.remove(&id))
    }

    /// When the first of them has waited long enough.
    pub(super) fn deadline(&self) -> Option<Mono> {
        self.open.first_key_value().map(|(_, (until, _))| *until)
    }

    /// Whoever has waited long enough, one after the other.
    pub(super) fn pop_late(&mut self, now: Mono) -> Option<W> {
        let late = self.open.first_entry().filter(|first| first.get().0 <= now)?;
        Some(late.remove().1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ask_waits_for_its_answer_or_its_deadline_and_no_more_than_so_many_wait() {
        let at = |seconds| Mono::at(Duration::from_secs(seconds));
        let mut asks = Asks::new();
        let first = asks.open(at(0), "first", Waits::Briefly).unwrap();
        let second = asks.open(at(1), "second", Waits::Briefly).unwrap();
        let patient = asks.open(at(0), "patient", Waits::Patiently).unwrap();
        assert_eq!((asks.deadline(), asks.pop_late(at(7))), (Some(at(8)), None));
        assert_eq!((asks.pop_late(at(8)), asks.pop_late(at(8))), (Some("first"), None));
        assert_eq!((asks.close(first), asks.close(second), asks.close(second)), (None, Some("second"), None));
        for _ in 0..MAX_OPEN_ASKS {
            asks.open(at(9), "more", Waits::Briefly).unwrap();
        }
        assert_eq!(asks.open(at(9), "too many", Waits::Briefly), Err("too many"));
        assert_eq!(asks.close(patient), Some("patient"), "however long it takes");
        for _ in 0..MAX_OPEN_ASKS {
            asks.open(at(9), "gone", Waits::Patiently).unwrap();
        }
        assert_eq!(asks.open(at(9), "too many", Waits::Patiently), Err("too many"));
        asks.forget(|waiter| *waiter == "gone");
        assert!(asks.open(at(9), "patient", Waits::Patiently).is_ok(), "these are counted apart");
    }
}
