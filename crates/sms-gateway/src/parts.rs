//! Parts of long messages, until the message is whole. Each is kept before it is acknowledged: an SMS-C may send the next one only then.

use crate::number::Msisdn;
use crate::update::PartOf;
use clock::{Mono, Now};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

/// Parts that a message may have. Nothing that can be understood is longer.
pub(crate) const MAX_TOTAL: u8 = 10;
/// Characters of a part, in units of UTF-16: more than a short message has.
pub(crate) const MAX_UNITS: usize = 255;
/// Messages that are not whole; with one more the oldest is forgotten.
pub(crate) const MAX_MESSAGES: usize = 10_000;
/// How long the other parts of a message are waited for.
const WAIT: Duration = Duration::from_secs(600);

/// What tells a message from others: its sender, its reference and how many parts it has.
type Key = (Msisdn, u16, u8);

/// A message that is not whole, or is no longer waited for.
#[derive(Debug, Default)]
struct Long {
    parts: BTreeMap<u8, Vec<u16>>,
    until: Mono,
}

/// The messages.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    messages: HashMap<Key, Long>,
    /// In the order in which their first parts came.
    in_order: VecDeque<(Mono, Key)>,
}

/// What a part has brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Brought {
    /// The message waits for others.
    Waits,
    /// The message is whole, and these were its parts.
    Whole(Vec<u16>, Vec<PartOf>),
}

impl Parts {
    /// Takes a part; one that comes once more changes nothing.
    pub(crate) fn take(&mut self, now: Now, from: Msisdn, part: PartOf, text: Vec<u16>) -> Brought {
        let key = (from, part.reference, part.total);
        let until = now.mono + WAIT;
        let long = self.messages.entry(key).or_insert_with(|| {
            self.in_order.push_back((until, key));
            Long { parts: BTreeMap::new(), until }
        });
        long.parts.entry(part.number).or_insert(text);
        if long.parts.len() < usize::from(part.total) {
            return Brought::Waits;
        }
        let numbers = long.parts.keys().map(|number| PartOf { number: *number, ..part }).collect();
        let text = std::mem::take(&mut long.parts).into_values().flatten().collect();
        self.messages.remove(&key);
        Brought::Whole(text, numbers)
    }

    /// Parts whose message is no longer waited for.
    pub(crate) fn pop_late(&mut self, now: Mono) -> Option<(Msisdn, Vec<PartOf>)> {
        loop {
            let (until, key) = *self.in_order.front()?;
            if until > now && self.messages.len() <= MAX_MESSAGES {
                return None;
            }
            self.in_order.pop_front();
            // One that was whole meanwhile may have begun again.
            if self.messages.get(&key).is_some_and(|long| long.until == until) {
                let long = self.messages.remove(&key)?;
                let (from, reference, total) = key;
                let parts = long.parts.into_keys().map(|number| PartOf { reference, total, number });
                return Some((from, parts.collect()));
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.in_order.front().map(|(until, _)| *until)
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERIN: Msisdn = Msisdn::kept(15_550_105);

    fn at(seconds: u64) -> Now {
        Now::ZERO + Duration::from_secs(seconds)
    }

    const fn part(reference: u16, total: u8, number: u8) -> PartOf {
        PartOf { reference, total, number }
    }

    #[test]
    fn a_message_is_whole_when_all_parts_are_there_in_whatever_order_and_once_each() {
        let mut parts = Parts::default();
        let text = |text: &str| text.encode_utf16().collect::<Vec<u16>>();
        for (part, words) in
            [(part(1, 3, 3), "c"), (part(2, 3, 2), "x"), (part(1, 3, 1), "a"), (part(1, 3, 1), "z")]
        {
            assert_eq!(parts.take(at(0), ERIN, part, text(words)), Brought::Waits);
        }
        let whole = parts.take(at(9), ERIN, part(1, 3, 2), text("b"));
        assert_eq!(whole, Brought::Whole(text("abc"), [1, 2, 3].map(|number| part(1, 3, number)).to_vec()));
        // Later another one may have the same reference.
        assert_eq!(parts.take(at(10), ERIN, part(1, 3, 1), text("d")), Brought::Waits);
        assert_eq!(parts.pop_late(at(599).mono), None);
        assert_eq!(parts.pop_late(at(600).mono), Some((ERIN, vec![part(2, 3, 2)])));
        assert_eq!(parts.pop_late(at(609).mono), None, "the new one is younger than the old one of its name");
        assert_eq!(parts.pop_late(at(610).mono), Some((ERIN, vec![part(1, 3, 1)])));
        assert_eq!((parts.len(), parts.deadline()), (0, None));
    }

    #[test]
    fn no_more_messages_wait_than_have_room() {
        let mut parts = Parts::default();
        for number in 0..=10_000 {
            let from = Msisdn::kept(15_550_000 + number);
            assert_eq!(parts.take(at(0), from, part(1, 2, 1), vec![]), Brought::Waits);
        }
        assert_eq!(parts.pop_late(at(0).mono), Some((Msisdn::kept(15_550_000), vec![part(1, 2, 1)])));
        assert_eq!((parts.pop_late(at(0).mono), parts.len()), (None, MAX_MESSAGES));
    }
}
