//! Answers for as long as they live, and beyond that while DNS says nothing newer (RFC 8767).

use crate::question::{DnsAnswer, Question};
use clock::{Deadlines, Mono};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// How long a failure is believed, so that a server in trouble is not asked for every request (RFC 9520 section 3.2).
pub(crate) const FAILURE_TTL: Duration = Duration::from_secs(1);
/// Longest life of an answer with records, whatever its TTL says.
pub(crate) const MAX_TTL: Duration = Duration::from_secs(24 * 3600);
/// How long after its TTL an answer may stand in for one that DNS fails to give (RFC 8767 section 5: one to three days).
const MAX_STALE: Duration = Duration::from_secs(24 * 3600);
/// For how long it does so until DNS is asked again (RFC 8767 section 5).
const STALE_TTL: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct Entry {
    answer: Arc<DnsAnswer>,
    /// When DNS is to be asked again.
    until: Mono,
    /// How long the answer may stand in for a failure.
    stands_in_until: Mono,
    number: u64,
}

#[derive(Debug)]
pub(crate) struct Cache {
    bound: usize,
    max_negative_ttl: Duration,
    entries: HashMap<Question, Entry>,
    expiry: Deadlines<Question>,
    by_age: BTreeMap<u64, Question>,
    next_number: u64,
}

impl Cache {
    pub(crate) fn new(bound: usize, max_negative_ttl: Duration) -> Self {
        Self {
            bound,
            max_negative_ttl,
            entries: HashMap::new(),
            expiry: Deadlines::new(),
            by_age: BTreeMap::new(),
            next_number: 0,
        }
    }

    pub(crate) fn get(&self, now: Mono, question: &Question) -> Option<&Arc<DnsAnswer>> {
        self.get_with_end(now, question).map(|(answer, _)| answer)
    }

    /// The answer, and until when it lives.
    pub(crate) fn get_with_end(&self, now: Mono, question: &Question) -> Option<(&Arc<DnsAnswer>, Mono)> {
        let entry = self.entries.get(question).filter(|entry| now < entry.until)?;
        Some((&entry.answer, entry.until))
    }

    /// An answer whose time is over, and that is better than none.
    pub(crate) fn stale(&self, now: Mono, question: &Question) -> Option<&Arc<DnsAnswer>> {
        let entry = self.entries.get(question)?;
        (entry.until <= now && now < entry.stands_in_until).then_some(&entry.answer)
    }

    /// Keeps `answer` and says what holds now: in place of a failure the answer of before.
    pub(crate) fn insert(&mut self, now: Mono, question: &Question, answer: DnsAnswer) -> Arc<DnsAnswer> {
        if answer == DnsAnswer::Failed
            && let Some(before) = self.stand_in(now, question)
        {
            return before;
        }
        self.remove(question);
        let ttl = self.ttl(&answer);
        let answer = Arc::new(answer);
        if ttl.is_zero() {
            return answer; // RFC 1035 3.2.1: for the transaction in progress only.
        }
        self.make_room(now);
        let (until, number) = (now + ttl, self.next_number);
        // That there is no such record is known as well as a record is: most names lack one or the other kind.
        let stands_in_until = if *answer == DnsAnswer::Failed { until } else { until + MAX_STALE };
        self.next_number += 1;
        self.expiry.set(question.clone(), until);
        self.by_age.insert(number, question.clone());
        let kept = Arc::clone(&answer);
        self.entries.insert(question.clone(), Entry { answer: kept, until, stands_in_until, number });
        answer
    }

    /// Lets the answer of before hold for a while longer.
    fn stand_in(&mut self, now: Mono, question: &Question) -> Option<Arc<DnsAnswer>> {
        let entry = self.entries.get_mut(question).filter(|entry| now < entry.stands_in_until)?;
        entry.until = (now + STALE_TTL).min(entry.stands_in_until).max(entry.until);
        self.expiry.set(question.clone(), entry.until);
        Some(Arc::clone(&entry.answer))
    }

    /// At the bound the answer goes whose time was over first, or else the oldest.
    fn make_room(&mut self, now: Mono) {
        if self.entries.len() < self.bound {
            return;
        }
        let oldest = || self.by_age.first_key_value().map(|(_, question)| question.clone());
        if let Some(question) = self.expiry.pop_due(now).or_else(oldest) {
            self.remove(&question);
        }
    }

    fn ttl(&self, answer: &DnsAnswer) -> Duration {
        match answer {
            DnsAnswer::Records(_, ttl) => (*ttl).min(MAX_TTL),
            // RFC 2308 5: without an SOA record there is nothing that says how long.
            DnsAnswer::NoRecords(ttl) | DnsAnswer::NoSuchDomain(ttl) => {
                ttl.unwrap_or_default().min(self.max_negative_ttl)
            }
            DnsAnswer::Failed => FAILURE_TTL,
        }
    }

    fn remove(&mut self, question: &Question) {
        if let Some(entry) = self.entries.remove(question) {
            self.expiry.cancel(question);
            self.by_age.remove(&entry.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::{Kind, Records};

    fn at(ms: u64) -> Mono {
        Mono::at(Duration::from_millis(ms))
    }

    fn question(name: &str) -> Question {
        Question::new(name, Kind::A)
    }

    fn address(ttl_s: u64) -> DnsAnswer {
        let records = Records::Addresses(vec![[192, 0, 2, 1].into()]);
        DnsAnswer::Records(records, Duration::from_secs(ttl_s))
    }

    #[test]
    fn rfc1035_3_2_1_and_rfc2308_5_an_answer_lives_for_its_ttl_and_not_one_ms_more() {
        let s = Duration::from_secs;
        let rows = [
            (address(30), Some(30_000)),
            (address(0), None),
            (address(10 * 24 * 3600), Some(24 * 3_600_000)),
            (DnsAnswer::NoRecords(Some(s(10))), Some(10_000)),
            (DnsAnswer::NoSuchDomain(Some(s(10))), Some(10_000)),
            (DnsAnswer::NoSuchDomain(Some(s(3600))), Some(60_000)),
            (DnsAnswer::NoRecords(None), None),
            (DnsAnswer::Failed, Some(1000)),
        ];
        for (answer, lives_ms) in rows {
            let mut cache = Cache::new(10, s(60));
            let answer = cache.insert(at(500), &question("a.test"), answer);
            let last = lives_ms.map_or(500, |ms| 500 + ms);
            if lives_ms.is_some() {
                assert_eq!(cache.get(at(last - 1), &question("A.test.")), Some(&answer), "{answer:?}");
            }
            assert_eq!(cache.get(at(last), &question("a.test")), None, "{answer:?}");
        }
    }

    #[test]
    fn a_full_cache_drops_what_expired_and_then_the_oldest() {
        let mut cache = Cache::new(2, Duration::from_secs(60));
        cache.insert(at(0), &question("old"), address(100));
        cache.insert(at(1), &question("short"), address(1));
        cache.insert(at(2000), &question("third"), address(100));
        assert!(cache.stale(at(2000), &question("short")).is_none());
        assert!(cache.get(at(2000), &question("old")).is_some(), "the expired one went first");
        cache.insert(at(2001), &question("fourth"), address(100));
        assert!(cache.get(at(2001), &question("old")).is_none());
        assert!(cache.get(at(2001), &question("third")).is_some());
        assert_eq!((cache.entries.len(), cache.expiry.len(), cache.by_age.len()), (2, 2, 2));
    }

    #[test]
    fn a_newer_answer_replaces_the_older_one() {
        let mut cache = Cache::new(2, Duration::from_secs(60));
        cache.insert(at(0), &question("a"), address(100));
        cache.insert(at(1), &question("a"), address(0));
        assert!(cache.get(at(1), &question("a")).is_none());
        assert_eq!((cache.entries.len(), cache.expiry.len(), cache.by_age.len()), (0, 0, 0));
    }

    #[test]
    fn rfc8767_5_what_was_known_stands_in_for_an_answer_that_dns_fails_to_give() {
        let day_ms = 24 * 3_600_000;
        // (what was known for 10 s, when DNS fails, what holds then, until when)
        let negative = DnsAnswer::NoSuchDomain(Some(Duration::from_secs(10)));
        let rows = [
            (address(10), 10_000, address(10), 40_000),
            (address(10), 90_000, address(10), 120_000),
            (address(10), day_ms, address(10), day_ms + 10_000),
            (address(10), day_ms + 10_000, DnsAnswer::Failed, day_ms + 11_000),
            (negative.clone(), 10_000, negative, 40_000),
            (DnsAnswer::Failed, 1000, DnsAnswer::Failed, 2000),
        ];
        for (known, ms, holds, until_ms) in rows {
            let (mut cache, name) = (Cache::new(10, Duration::from_secs(60)), question("a.test"));
            cache.insert(at(0), &name, known);
            assert_eq!(cache.get(at(ms), &name), None, "DNS is asked, at {ms}");
            assert_eq!(*cache.insert(at(ms), &name, DnsAnswer::Failed), holds, "at {ms}");
            assert_eq!(cache.get(at(until_ms - 1), &name).map(AsRef::as_ref), Some(&holds), "at {ms}");
            assert_eq!(cache.get(at(until_ms), &name), None, "at {ms}");
        }
    }

    #[test]
    fn rfc8767_4_what_dns_says_replaces_what_stood_in() {
        let (mut cache, name) = (Cache::new(10, Duration::from_secs(60)), question("a.test"));
        cache.insert(at(0), &name, address(10));
        assert!(cache.stale(at(9999), &name).is_none(), "it is fresh");
        assert!(cache.stale(at(10_000), &name).is_some());
        let gone = DnsAnswer::NoSuchDomain(Some(Duration::from_secs(1)));
        cache.insert(at(10_000), &name, gone.clone());
        assert_eq!(*cache.insert(at(11_000), &name, DnsAnswer::Failed), gone);
    }
}
