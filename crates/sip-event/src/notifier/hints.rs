//! Subscriptions whose newest NOTIFY the journal does not know of yet. A second later the journal is told once what the watcher has
//! confirmed by then, or that it has not confirmed. If the process dies within that second, the next process finds out by `doubts` that
//! the journal knows too little, and sends those watchers a NOTIFY too many.

use super::watcher_dialog::WatcherDialogId;
use clock::Mono;
use std::collections::VecDeque;
use std::time::Duration;

/// How long a confirmation may wait for the journal.
const DELAY: Duration = Duration::from_secs(1);

/// A subscription that waits.
#[derive(Debug)]
struct Waiting {
    /// When the journal is to be told.
    due: Mono,
    dialog: WatcherDialogId,
    usage: u8,
}

/// The subscriptions, each once, first confirmed first.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    waiting: VecDeque<Waiting>,
    /// What has waited until then is due.
    due: Mono,
    /// The process is ending: nothing waits.
    is_ending: bool,
}

impl Hints {
    pub(crate) fn add(&mut self, now: Mono, dialog: WatcherDialogId, usage: u8) {
        self.waiting.push_back(Waiting { due: now + DELAY, dialog, usage });
        self.due_at_the_end();
    }

    /// When the first one will be due; `None` also when one is due already.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.waiting.front().map(|first| first.due).filter(|at| *at > self.due)
    }

    pub(crate) fn on_deadline(&mut self, now: Mono) {
        self.due = self.due.max(now);
    }

    /// The process is ending: nothing waits any longer, and what watchers confirm from now on does not wait either.
    pub(crate) fn end(&mut self) {
        self.is_ending = true;
        self.due_at_the_end();
    }

    fn due_at_the_end(&mut self) {
        if let (true, Some(last)) = (self.is_ending, self.waiting.back()) {
            self.due = self.due.max(last.due);
        }
    }

    pub(crate) fn is_due(&self) -> bool {
        self.waiting.front().is_some_and(|first| first.due <= self.due)
    }

    /// The next one that is due.
    pub(crate) fn pop_due(&mut self) -> Option<(WatcherDialogId, u8)> {
        if !self.is_due() {
            return None;
        }
        self.waiting.pop_front().map(|first| (first.dialog, first.usage))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_due_after_its_delay_or_when_the_process_ends() {
        let at = |millis| Mono::at(Duration::from_millis(millis));
        let mut hints = Hints::default();
        hints.add(at(100), WatcherDialogId(1), 0);
        hints.add(at(600), WatcherDialogId(2), 0);
        assert_eq!((hints.deadline(), hints.is_due(), hints.pop_due()), (Some(at(1100)), false, None));
        hints.on_deadline(at(1100));
        assert_eq!((hints.deadline(), hints.is_due()), (None, true));
        assert_eq!((hints.pop_due(), hints.pop_due()), (Some((WatcherDialogId(1), 0)), None));
        assert_eq!(hints.deadline(), Some(at(1600)));
        hints.end();
        assert_eq!((hints.pop_due(), hints.is_due()), (Some((WatcherDialogId(2), 0)), false));
        hints.add(at(1700), WatcherDialogId(3), 0);
        assert_eq!((hints.deadline(), hints.pop_due()), (None, Some((WatcherDialogId(3), 0))));
    }
}
