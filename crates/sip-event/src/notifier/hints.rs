//! Subscriptions of which the journal does not know yet what their watchers have confirmed. It is told a second later, and
//! once for all that was confirmed meanwhile. A process that dies before sends those watchers one NOTIFY too many.

use super::watch::WatchId;
use clock::Mono;
use std::collections::VecDeque;
use std::time::Duration;

/// How long a confirmation may wait for the journal.
const DELAY: Duration = Duration::from_secs(1);

/// The subscriptions, each once, first confirmed first.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    waiting: VecDeque<(Mono, WatchId, u8)>,
    /// What has waited until then is due.
    due: Mono,
}

impl Hints {
    pub(crate) fn add(&mut self, now: Mono, watch: WatchId, slot: u8) {
        self.waiting.push_back((now + DELAY, watch, slot));
    }

    /// When the first one will be due; `None` also when one is due already.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.waiting.front().map(|(at, ..)| *at).filter(|at| *at > self.due)
    }

    pub(crate) fn on_deadline(&mut self, now: Mono) {
        self.due = self.due.max(now);
    }

    /// The process is ending: nothing waits any longer.
    pub(crate) fn make_due(&mut self) {
        self.due = self.waiting.back().map_or(self.due, |(at, ..)| self.due.max(*at));
    }

    pub(crate) fn is_due(&self) -> bool {
        self.waiting.front().is_some_and(|(at, ..)| *at <= self.due)
    }

    /// The next one that is due.
    pub(crate) fn pop_due(&mut self) -> Option<(WatchId, u8)> {
        if !self.is_due() {
            return None;
        }
        self.waiting.pop_front().map(|(_, watch, slot)| (watch, slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_due_after_its_delay_or_when_the_process_ends() {
        let at = |millis| Mono::at(Duration::from_millis(millis));
        let mut hints = Hints::default();
        hints.add(at(100), WatchId(1), 0);
        hints.add(at(600), WatchId(2), 0);
        assert_eq!((hints.deadline(), hints.is_due(), hints.pop_due()), (Some(at(1100)), false, None));
        hints.on_deadline(at(1100));
        assert_eq!((hints.deadline(), hints.is_due()), (None, true));
        assert_eq!((hints.pop_due(), hints.pop_due()), (Some((WatchId(1), 0)), None));
        assert_eq!(hints.deadline(), Some(at(1600)));
        hints.make_due();
        assert_eq!((hints.pop_due(), hints.is_due()), (Some((WatchId(2), 0)), false));
    }
}
