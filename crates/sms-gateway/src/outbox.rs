//! Short messages that are to be sent. Each is kept until the SMS-C has it, or has refused it, or it is no longer worth sending.

use crate::number::Msisdn;
use clock::{Mono, Now, Wall};
use minicbor::{Decode, Encode};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Messages that wait; a further one is not sent, and counted.
pub(crate) const MAX_WAITING: usize = 50_000;
/// Messages that are handed over at a time.
const BATCH: usize = 32;
/// After a failure a message waits so long, then twice as long, and so on.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// A short message to a user. The journal keeps it as a CBOR array.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ShortMessage {
    /// The user's number.
    #[n(0)]
    pub to: Msisdn,
    /// The text.
    #[n(1)]
    pub text: Box<str>,
    /// When the message is no longer worth sending, in milliseconds since 1970.
    #[n(2)]
    valid_until: u64,
}

impl ShortMessage {
    /// A message to this user with this text, worth sending until `valid_until`.
    pub fn new(to: Msisdn, text: impl Into<Box<str>>, valid_until: Wall) -> Self {
        Self { to, text: text.into(), valid_until: valid_until.unix_millis() }
    }
}

/// What the SMS-C has answered to an attempt to submit a short message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The SMS-C has accepted the message.
    Accepted,
    /// The SMS-C cannot take the message now; the gateway tries again later.
    Later,
    /// The SMS-C refuses the message for good.
    Refused,
}

/// The messages.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    messages: BTreeMap<u64, ShortMessage>,
    /// Those that may be sent, the oldest first.
    ready: BTreeSet<u64>,
    /// Those that somebody is sending.
    handed: BTreeSet<u64>,
    /// Those that wait after a failure.
    resting: BTreeSet<(Mono, u64)>,
    failures: BTreeMap<u64, u32>,
    last: u64,
    lost: u64,
}

impl Outbox {
    /// Takes a message; its number, or `None` if there is no room.
    pub(crate) fn put(&mut self, message: ShortMessage) -> Option<u64> {
        if self.messages.len() >= MAX_WAITING {
            self.lost += 1;
            return None;
        }
        let number = self.last + 1;
        self.restore(number, message);
        Some(number)
    }

    /// A message that was kept.
    pub(crate) fn restore(&mut self, number: u64, message: ShortMessage) {
        self.last = self.last.max(number);
        self.messages.insert(number, message);
        self.ready.insert(number);
    }

    /// Takes what may be sent; each comes back by [`Outbox::sent`].
    pub(crate) fn take(&mut self) -> Vec<(u64, ShortMessage)> {
        let numbers: Vec<u64> = std::iter::from_fn(|| self.ready.pop_first()).take(BATCH).collect();
        self.handed.extend(&numbers);
        let found =
            numbers.into_iter().filter_map(|number| Some((number, self.messages.get(&number)?.clone())));
        found.collect()
    }

    /// Of those that may be sent, one that is no longer worth it; it is forgotten.
    pub(crate) fn pop_stale(&mut self, now: Wall) -> Option<u64> {
        let first = *self.ready.first()?;
        let is_stale =
            self.messages.get(&first).is_none_or(|message| message.valid_until <= now.unix_millis());
        if !is_stale {
            return None;
        }
        self.ready.remove(&first);
        self.messages.remove(&first);
        self.failures.remove(&first);
        self.lost += 1;
        Some(first)
    }

    /// How it ended; whether the message is done with.
    pub(crate) fn sent(&mut self, now: Now, number: u64, delivery: Delivery) -> bool {
        let Some(message) = self.messages.get(&number).filter(|_| self.handed.contains(&number)) else {
            return false;
        };
        let failures = self.failures.get(&number).copied().unwrap_or_default();
        let wait = FIRST_WAIT.saturating_mul(1 << failures.min(16)).min(LONGEST_WAIT);
        self.handed.remove(&number);
        let is_worth_it = (now.wall + wait).unix_millis() < message.valid_until;
        if delivery == Delivery::Later && is_worth_it {
            self.failures.insert(number, failures + 1);
            self.resting.insert((now.mono + wait, number));
            return false;
        }
        self.lost += u64::from(delivery != Delivery::Accepted);
        self.messages.remove(&number);
        self.failures.remove(&number);
        true
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.resting.first().map(|(at, _)| *at)
    }

    pub(crate) fn on_deadline(&mut self, now: Mono) {
        while let Some((at, number)) = self.resting.first().copied().filter(|(at, _)| *at <= now) {
            self.resting.remove(&(at, number));
            self.ready.insert(number);
        }
    }

    /// Whoever was sending has gone: what it has not spoken of may be sent.
    pub(crate) fn take_back(&mut self) {
        self.ready.append(&mut self.handed);
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Messages that were never sent.
    pub(crate) const fn lost(&self) -> u64 {
        self.lost
    }
}
