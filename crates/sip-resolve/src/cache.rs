//! Answers for as long as they live.

use crate::question::{DnsAnswer, Question};
use clock::{Deadlines, Mono};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// How long a failure is believed, so that a server in trouble is not asked for every request (RFC 9520 section 3.2).
pub(crate) const FAILURE_TTL: Duration = Duration::from_secs(1);
/// Longest life of an answer with records, whatever its TTL says.
pub(crate) const MAX_TTL: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug)]
struct Entry {
    answer: Arc<DnsAnswer>,
    until: Mono,
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

    pub(crate) fn insert(&mut self, now: Mono, question: &Question, answer: Arc<DnsAnswer>) {
        self.remove(question);
        let ttl = self.ttl(&answer);
        if ttl.is_zero() {
            return; // RFC 1035 3.2.1: for the transaction in progress only.
        }
        while let Some(expired) = self.expiry.pop_due(now) {
            self.remove(&expired);
        }
        if self.entries.len() >= self.bound
            && let Some(oldest) = self.by_age.first_key_value().map(|(_, question)| question.clone())
        {
            self.remove(&oldest);
        }
        let (until, number) = (now + ttl, self.next_number);
        self.next_number += 1;
        self.expiry.set(question.clone(), until);
        self.by_age.insert(number, question.clone());
        self.entries.insert(question.clone(), Entry { answer, until, number });
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

    fn address(ttl_s: u64) -> Arc<DnsAnswer> {
        let records = Records::Addresses(vec![[192, 0, 2, 1].into()]);
        Arc::new(DnsAnswer::Records(records, Duration::from_secs(ttl_s)))
    }

    #[test]
    fn rfc1035_3_2_1_and_rfc2308_5_an_answer_lives_for_its_ttl_and_not_one_ms_more() {
        let s = Duration::from_secs;
        let rows = [
            (address(30), Some(30_000)),
            (address(0), None),
            (address(10 * 24 * 3600), Some(24 * 3_600_000)),
            (Arc::new(DnsAnswer::NoRecords(Some(s(10)))), Some(10_000)),
            (Arc::new(DnsAnswer::NoSuchDomain(Some(s(10)))), Some(10_000)),
            (Arc::new(DnsAnswer::NoSuchDomain(Some(s(3600)))), Some(60_000)),
            (Arc::new(DnsAnswer::NoRecords(None)), None),
            (Arc::new(DnsAnswer::Failed), Some(1000)),
        ];
        for (answer, lives_ms) in rows {
            let mut cache = Cache::new(10, s(60));
            cache.insert(at(500), &question("a.test"), Arc::clone(&answer));
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
}
