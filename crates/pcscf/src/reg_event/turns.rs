//! Who is the next one whose registration is subscribed to.

use clock::Mono;
use cx_protocol::Impu;
use std::collections::VecDeque;
use std::time::Duration;

/// First SUBSCRIBEs under way at a time; the others wait.
const MAX_ASKING: usize = 100;

/// After a restart so many users at a time are watched anew ...
const RESUMED: usize = 20;

/// ... and the next ones after this time, so that neither this node nor the S-CSCF is busy with them alone.
const RESUME_EVERY: Duration = Duration::from_millis(20);

/// Users with a first SUBSCRIBE to send. As many as there are subscriptions, at most.
#[derive(Debug, Default)]
pub(super) struct Turns {
    waiting: VecDeque<Impu>,
    /// Those that were watched before a restart.
    resuming: VecDeque<Impu>,
    /// When the next of these have their turn, and how many have had it since.
    resume_at: Mono,
    resumed: usize,
    /// First SUBSCRIBEs that have not ended.
    asking: usize,
}

impl Turns {
    /// Somebody who has just registered, and comes before everybody who was there before a restart.
    pub(super) fn wait(&mut self, user: Impu) {
        self.waiting.push_back(user);
    }

    /// Somebody who was watched before a restart.
    pub(super) fn wait_to_resume(&mut self, user: Impu) {
        self.resuming.push_back(user);
    }

    /// A first SUBSCRIBE has been sent.
    pub(super) const fn begun(&mut self) {
        self.asking += 1;
    }

    /// It has ended, whatever came of it.
    pub(super) const fn ended(&mut self) {
        self.asking = self.asking.saturating_sub(1);
    }

    /// Whose turn it is, if it is anybody's.
    pub(super) fn next(&mut self, now: Mono) -> Option<Impu> {
        if self.asking >= MAX_ASKING {
            return None;
        }
        if let Some(user) = self.waiting.pop_front() {
            return Some(user);
        }
        if now >= self.resume_at {
            (self.resume_at, self.resumed) = (now + RESUME_EVERY, 0);
        }
        if self.resumed >= RESUMED {
            return None;
        }
        let user = self.resuming.pop_front();
        match user {
            Some(_) => self.resumed += 1,
            // After a restart everybody waited here.
            None => self.resuming = VecDeque::new(),
        }
        user
    }

    /// When it is the next one's turn, if nothing ends before.
    pub(super) fn deadline(&self) -> Option<Mono> {
        (!self.resuming.is_empty() && self.asking < MAX_ASKING).then_some(self.resume_at)
    }
}
