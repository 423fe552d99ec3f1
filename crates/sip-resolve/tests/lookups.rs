//! Lookups in time: answers kept, questions shared, servers avoided, and bounds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

mod dns;

use dns::{Dns, at, run, shown, target};
use sip_resolve::*;
use std::time::Duration;

const ZONE: &str = "
    home1.test           60 NAPTR 10 10 s SIP+D2U _sip._udp.home1.test
    _sip._udp.home1.test 40 SRV 10 0 5060 icscf1.home1.test
    _sip._udp.home1.test 40 SRV 20 0 5060 icscf2.home1.test
    icscf1.home1.test    30 A 192.0.2.1
    icscf2.home1.test    30 A 192.0.2.2
    zero.test            0 A 192.0.2.3
    down.test            FAILS A
";
const BOTH: &str = "192.0.2.1:5060/UDP 192.0.2.2:5060/UDP";

#[test]
fn sip_14_answers_are_asked_again_one_ms_after_their_ttl() {
    let (dns, mut resolver) = (Dns::new(ZONE), Resolver::new(ResolverSettings::default()));
    let home = target("home1.test");
    let rows = [
        (
            0,
            vec![
                "Naptr home1.test",
                "Srv _sip._udp.home1.test",
                "A icscf1.home1.test",
                "A icscf2.home1.test",
            ],
        ),
        (29_999, vec![]),
        (30_000, vec!["A icscf1.home1.test", "A icscf2.home1.test"]),
        (39_999, vec![]),
        (40_000, vec!["Srv _sip._udp.home1.test"]),
        (59_999, vec![]),
        (60_000, vec!["Naptr home1.test", "A icscf1.home1.test", "A icscf2.home1.test"]),
    ];
    for (ms, questions) in rows {
        let (outcome, asked) = run(&mut resolver, &dns, at(ms), &home);
        assert_eq!(
            (shown(&outcome).as_str(), asked),
            (BOTH, questions.into_iter().map(str::to_owned).collect())
        );
    }
}

#[test]
fn rfc2308_what_does_not_exist_is_remembered_too() {
    let (dns, mut resolver) = (Dns::new(ZONE), Resolver::new(ResolverSettings::default()));
    // (target, how long the answer holds in ms)
    let rows = [("missing.test", "NoSuchDomain", 10_000), ("down.test:5060", "DnsFailed", 1000)];
    for (text, expected, holds_ms) in rows {
        for (ms, questions) in [(0, 1), (holds_ms - 1, 0), (holds_ms, 1)] {
            let (outcome, asked) = run(&mut resolver, &dns, at(ms), &target(text));
            assert_eq!((shown(&outcome).as_str(), asked.len()), (expected, questions), "{text} at {ms}");
        }
    }
}

#[test]
fn rfc1035_an_answer_with_ttl_0_serves_the_lookup_that_asked() {
    let (dns, mut resolver) = (Dns::new(ZONE), Resolver::new(ResolverSettings::default()));
    for _ in 0..2 {
        let (outcome, asked) = run(&mut resolver, &dns, at(0), &target("zero.test:5060"));
        assert_eq!((shown(&outcome).as_str(), asked.len()), ("192.0.2.3:5060/UDP", 1));
    }
}

#[test]
fn a_question_is_asked_once_however_many_wait_for_it() {
    let (dns, mut resolver) = (Dns::new(ZONE), Resolver::new(ResolverSettings::default()));
    let mut waiting = Vec::new();
    for text in ["zero.test:5060", "ZERO.test.:5061", "zero.test:5062;transport=tcp"] {
        match resolver.resolve(at(0), &target(text), 1) {
            Resolution::Waiting(id) => waiting.push(id),
            done @ Resolution::Done(_) => panic!("{done:?}"),
        }
    }
    let question = resolver.poll_question().unwrap();
    assert_eq!(resolver.poll_question(), None);
    resolver.answer(at(5), &question, dns.answer(&question));
    for (id, expected) in
        waiting.iter().zip(["192.0.2.3:5060/UDP", "192.0.2.3:5061/UDP", "192.0.2.3:5062/TCP"])
    {
        let (done, outcome) = resolver.poll_done().unwrap();
        assert_eq!((done, shown(&outcome).as_str()), (*id, expected));
    }
    resolver.answer(at(6), &question, dns.answer(&question));
    assert_eq!(resolver.poll_done(), None, "a second answer is nobody's");
}

#[test]
fn an_answer_of_another_kind_counts_as_a_failure() {
    let wrong = [
        Records::Srv(Vec::new()),
        Records::Naptr(Vec::new()),
        Records::Addresses(vec!["2001:db8::1".parse().unwrap()]),
    ];
    for records in wrong {
        let mut resolver = Resolver::new(ResolverSettings::default());
        assert!(matches!(resolver.resolve(at(0), &target("a.test:5060"), 1), Resolution::Waiting(_)));
        let question = resolver.poll_question().unwrap();
        resolver.answer(at(0), &question, DnsAnswer::Records(records, Duration::from_secs(1)));
        assert_eq!(resolver.poll_done().unwrap().1, Err(ResolveError::DnsFailed));
    }
}

#[test]
fn a_question_that_is_never_answered_fails_at_its_deadline() {
    let mut resolver = Resolver::new(ResolverSettings::default());
    assert!(matches!(resolver.resolve(at(7), &target("a.test:5060"), 1), Resolution::Waiting(_)));
    let deadline = at(7) + QUESTION_DEADLINE;
    assert_eq!(resolver.poll_timeout(), Some(deadline));
    resolver.handle_timeout(deadline - Duration::from_millis(1));
    assert_eq!(resolver.poll_done(), None);
    resolver.handle_timeout(deadline);
    assert_eq!(resolver.poll_done().unwrap().1, Err(ResolveError::DnsFailed));
    assert_eq!(resolver.poll_timeout(), None);
}

const SILENT: &str = "";
const FAILING: &str = "
    home1.test           FAILS NAPTR
    _sip._udp.home1.test FAILS SRV
    icscf1.home1.test    FAILS A
    icscf2.home1.test    FAILS A
";
const HOUR_MS: u64 = 3_600_000;

/// A resolver that knew home1.test at 0, and a lookup of it when all of that is over.
fn waits_for_news(ms: u64) -> (Resolver, LookupId) {
    let mut resolver = Resolver::new(ResolverSettings::default());
    assert_eq!(shown(&run(&mut resolver, &Dns::new(ZONE), at(0), &target("home1.test")).0), BOTH);
    match resolver.resolve(at(ms), &target("home1.test"), 1) {
        Resolution::Waiting(id) => (resolver, id),
        done @ Resolution::Done(_) => panic!("{done:?}"),
    }
}

fn asked(resolver: &mut Resolver) -> Vec<Question> {
    std::iter::from_fn(|| resolver.poll_question()).collect()
}

#[test]
fn rfc8767_5_records_stand_in_where_dns_fails() {
    let (dns, failing) = (Dns::new(ZONE), Dns::new(FAILING));
    let mut resolver = Resolver::new(ResolverSettings::default());
    let home = target("home1.test");
    // (at, from whom, questions asked): first the lookup that fills the cache.
    let rows =
        [(0, &dns, 4), (HOUR_MS, &failing, 4), (HOUR_MS + 29_999, &failing, 0), (HOUR_MS + 30_000, &dns, 4)];
    for (ms, dns, questions) in rows {
        let (outcome, asked) = run(&mut resolver, dns, at(ms), &home);
        assert_eq!((shown(&outcome).as_str(), asked.len()), (BOTH, questions), "at {ms}");
    }
    let (outcome, _) = run(&mut Resolver::new(ResolverSettings::default()), &failing, at(0), &home);
    assert_eq!(outcome, Err(ResolveError::DnsFailed), "what was never known");
}

#[test]
fn rfc8767_5_that_there_is_no_record_stands_in_too() {
    // Neither NAPTR nor SRV: the way leads over what does not exist.
    let (dns, plain) = (Dns::new("plain.test 30 A 192.0.2.7"), target("plain.test"));
    let mut resolver = Resolver::new(ResolverSettings::default());
    assert_eq!(shown(&run(&mut resolver, &dns, at(0), &plain).0), "192.0.2.7:5060/UDP");
    let failing = "plain.test FAILS NAPTR
        _sip._udp.plain.test FAILS SRV
        _sip._tcp.plain.test FAILS SRV
        plain.test FAILS A";
    let (outcome, asked) = run(&mut resolver, &Dns::new(failing), at(HOUR_MS), &plain);
    assert_eq!((shown(&outcome).as_str(), asked.len()), ("192.0.2.7:5060/UDP", 4));
}

#[test]
fn rfc8767_5_a_silent_dns_is_waited_for_once() {
    let (mut resolver, id) = waits_for_news(HOUR_MS);
    assert_eq!(asked(&mut resolver).len(), 4, "the whole way is asked for at once");
    let patience = at(HOUR_MS) + STALE_PATIENCE;
    assert_eq!(resolver.poll_timeout(), Some(patience));
    resolver.handle_timeout(patience - Duration::from_millis(1));
    assert_eq!(resolver.poll_done(), None);
    resolver.handle_timeout(patience);
    let (done, outcome) = resolver.poll_done().unwrap();
    assert_eq!((done, shown(&outcome).as_str()), (id, BOTH));
    let (outcome, questions) = run(&mut resolver, &Dns::new(SILENT), patience, &target("home1.test"));
    assert_eq!((shown(&outcome).as_str(), questions.len()), (BOTH, 0), "the next one does not wait");
    resolver.handle_timeout(patience + QUESTION_DEADLINE);
    assert_eq!(resolver.poll_timeout(), None);
}

#[test]
fn rfc8767_5_a_late_answer_counts_as_soon_as_it_is_there() {
    let moved = Dns::new(&ZONE.replace("192.0.2.1", "192.0.2.9"));
    let (mut resolver, id) = waits_for_news(HOUR_MS);
    let questions = asked(&mut resolver);
    let patience = at(HOUR_MS) + STALE_PATIENCE;
    resolver.handle_timeout(patience);
    assert_eq!(resolver.poll_done().unwrap().0, id);
    for question in &questions {
        resolver.answer(patience, question, moved.answer(question));
    }
    assert_eq!(resolver.poll_timeout(), None);
    let (outcome, questions) = run(&mut resolver, &Dns::new(SILENT), patience, &target("home1.test"));
    let now = "192.0.2.9:5060/UDP 192.0.2.2:5060/UDP";
    assert_eq!((shown(&outcome).as_str(), questions.len()), (now, 0));
}

#[test]
fn sip_15_failed_and_overloaded_servers_are_avoided() {
    let (dns, mut resolver) = (Dns::new(ZONE), Resolver::new(ResolverSettings::default()));
    let home = target("home1.test");
    let (outcome, _) = run(&mut resolver, &dns, at(0), &home);
    let hops = outcome.unwrap();
    resolver.suspect(at(0), hops[0], at(20_000));
    let turned = "192.0.2.2:5060/UDP 192.0.2.1:5060/UDP";
    assert_eq!(shown(&run(&mut resolver, &dns, at(19_999), &home).0), turned);
    assert_eq!(shown(&run(&mut resolver, &dns, at(20_000), &home).0), BOTH);
    resolver.unavailable(at(20_000), hops[0].address, at(25_000));
    assert_eq!(shown(&run(&mut resolver, &dns, at(24_999), &home).0), "192.0.2.2:5060/UDP");
    resolver.unavailable(at(20_000), hops[1].address, at(26_000));
    let (outcome, _) = run(&mut resolver, &dns, at(24_999), &home);
    assert_eq!(outcome, Err(ResolveError::AllUnavailable(at(25_000))));
    assert_eq!(shown(&run(&mut resolver, &dns, at(25_000), &home).0), "192.0.2.1:5060/UDP");
    resolver.suspect(at(25_000), hops[0], at(50_000));
    resolver.reachable(&hops[0]);
    assert_eq!(shown(&run(&mut resolver, &dns, at(26_000), &home).0), BOTH);
}

#[test]
fn one_lookup_too_many_is_refused_and_room_comes_back() {
    let mut resolver = Resolver::new(ResolverSettings::default());
    for _ in 0..MAX_LOOKUPS {
        assert!(matches!(resolver.resolve(at(0), &target("a.test:5060"), 1), Resolution::Waiting(_)));
    }
    let busy = Resolution::Done(Err(ResolveError::Busy));
    assert_eq!(resolver.resolve(at(0), &target("b.test:5060"), 1), busy);
    let question = resolver.poll_question().unwrap();
    resolver.answer(at(0), &question, DnsAnswer::Failed);
    assert!(matches!(resolver.resolve(at(0), &target("b.test:5060"), 1), Resolution::Waiting(_)));
    assert_eq!(std::iter::from_fn(|| resolver.poll_done()).count(), MAX_LOOKUPS);
}

#[test]
fn an_answer_with_too_many_records_cannot_make_a_lookup_ask_without_end() {
    let mut resolver = Resolver::new(ResolverSettings::default());
    assert!(matches!(resolver.resolve(at(0), &target("a.test"), 1), Resolution::Waiting(_)));
    let mut asked = 0;
    while let Some(question) = resolver.poll_question() {
        asked += 1;
        let name = |index: u16| format!("{index}.{}", question.name()).into();
        let records = match question.kind() {
            Kind::Naptr => {
                let naptr = |index| Naptr {
                    order: 1,
                    preference: 1,
                    flags: "s".into(),
                    service: "SIP+D2U".into(),
                    replacement: name(index),
                };
                Records::Naptr((0..500).map(naptr).collect())
            }
            Kind::Srv => {
                let srv = |index| Srv { priority: index, weight: 0, port: 5060, target: name(index) };
                Records::Srv((0..500).rev().map(srv).collect())
            }
            Kind::A | Kind::Aaaa => {
                Records::Addresses((0..200).map(|last| [192, 0, 2, last].into()).collect())
            }
        };
        resolver.answer(at(0), &question, DnsAnswer::Records(records, Duration::from_secs(1)));
    }
    let hops = resolver.poll_done().unwrap().1.unwrap();
    assert_eq!((asked, hops.len()), (1 + 4 + 4 * 16, MAX_HOPS));
}
