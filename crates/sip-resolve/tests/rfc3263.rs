//! SIP-14: from a target to its hops, as tables of what DNS holds, what is asked, and what comes out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

mod dns;

use dns::{Dns, at, run, shown, target};
use sip_resolve::{Family, Query, Resolution, Resolver, ResolverSettings};

const FULL: &str = "
    full.test                10 NAPTR 20 10 s SIP+D2T _sip._tcp.full.test
    full.test                10 NAPTR 10 20 s SIP+D2T _sip._tcp.full.test
    full.test                10 NAPTR 10 10 S sip+d2u _sip._udp.elsewhere.test
    full.test                10 NAPTR 5 10 s SIPS+D2T _sips._tcp.full.test
    full.test                10 NAPTR 5 10 s SIP+D2S _sip._sctp.full.test
    full.test                10 NAPTR 1 1 u E2U+sip !.*!sip:x@y!
    _sip._udp.elsewhere.test 10 SRV 20 0 5062 b.full.test
    _sip._udp.elsewhere.test 10 SRV 10 0 5061 a.full.test
    _sip._tcp.full.test      10 SRV 0 0 5070 a.full.test
    _sip._udp.full.test      10 SRV 0 0 5999 b.full.test
    a.full.test              10 A 192.0.2.1
    b.full.test              10 A 192.0.2.2
    b.full.test              10 A 192.0.2.3
    full.test                10 A 192.0.2.9
    srv.test                 10 A 192.0.2.9
    _sip._tcp.srv.test       10 SRV 0 0 5060 a.full.test
    plain.test               10 A 192.0.2.9
    mail.test                10 NAPTR 1 1 s SMTP+D2T _smtp._tcp.mail.test
    mail.test                10 A 192.0.2.9
    tls.test                 10 NAPTR 1 1 s SIPS+D2T _sips._tcp.tls.test
    tls.test                 10 A 192.0.2.9
    flag.test                10 NAPTR 1 1 a SIP+D2U flag.test
    flag.test                10 A 192.0.2.9
    off.test                 10 A 192.0.2.9
    _sip._udp.off.test       10 SRV 0 0 0 .
    half.test                10 A 192.0.2.9
    _sip._udp.half.test      10 SRV 0 0 0 .
    _sip._tcp.half.test      10 SRV 0 0 5060 a.full.test
    gone.test                10 A 192.0.2.9
    _sip._udp.gone.test      10 SRV 0 0 5060 nowhere.test
    partly.test              10 A 192.0.2.9
    _sip._udp.partly.test    10 SRV 0 0 5060 nowhere.test
    _sip._udp.partly.test    10 SRV 1 0 5060 a.full.test
    stale.test               10 NAPTR 1 1 s SIP+D2T _sip._tcp.nowhere.test
    stale.test               10 A 192.0.2.9
    empty.test               10 A -
";

#[test]
fn sip_14_hops_of_every_form_of_target() {
    let dns = Dns::new(FULL);
    let rows = [
        // RFC 3263 4.1 and 4.2: a number needs no DNS.
        ("192.0.2.7", "192.0.2.7:5060/UDP", ""),
        ("192.0.2.7:5080", "192.0.2.7:5080/UDP", ""),
        ("192.0.2.7;transport=tcp", "192.0.2.7:5060/TCP", ""),
        ("[2001:db8::7]:5080;transport=tcp", "[2001:db8::7]:5080/TCP", ""),
        // 4.2: with a port only addresses are looked up, even for the default port.
        ("full.test:5060", "192.0.2.9:5060/UDP", "A full.test"),
        ("full.test:5080;transport=tcp", "192.0.2.9:5080/TCP", "A full.test"),
        // 4.2: with a transport only its SRV records are, and without them addresses.
        ("full.test;transport=tcp", "192.0.2.1:5070/TCP", "Srv _sip._tcp.full.test, A a.full.test"),
        ("plain.test;transport=tcp", "192.0.2.9:5060/TCP", "Srv _sip._tcp.plain.test, A plain.test"),
        // 4.1: NAPTR; of order 10 the better preference first, order 20 not at all.
        (
            "FULL.test.",
            "192.0.2.1:5061/UDP 192.0.2.2:5062/UDP 192.0.2.3:5062/UDP 192.0.2.1:5070/TCP",
            "Naptr full.test, Srv _sip._udp.elsewhere.test, Srv _sip._tcp.full.test, A a.full.test, A b.full.test",
        ),
        // 4.1: without NAPTR records, SRV for every supported transport; then addresses by UDP.
        (
            "srv.test",
            "192.0.2.1:5060/TCP",
            "Naptr srv.test, Srv _sip._udp.srv.test, Srv _sip._tcp.srv.test, A a.full.test",
        ),
        (
            "plain.test",
            "192.0.2.9:5060/UDP",
            "Naptr plain.test, Srv _sip._udp.plain.test, Srv _sip._tcp.plain.test, A plain.test",
        ),
        (
            "mail.test",
            "192.0.2.9:5060/UDP",
            "Naptr mail.test, Srv _sip._udp.mail.test, Srv _sip._tcp.mail.test, A mail.test",
        ),
        // 4.2: the NAPTR record's SRV name has no records.
        ("stale.test", "192.0.2.9:5060/TCP", "Naptr stale.test, Srv _sip._tcp.nowhere.test, A stale.test"),
        // RFC 2782: "." is not offered, which is no reason to try the address.
        ("off.test;transport=udp", "NoRecords", "Srv _sip._udp.off.test"),
        (
            "half.test",
            "192.0.2.1:5060/TCP",
            "Naptr half.test, Srv _sip._udp.half.test, Srv _sip._tcp.half.test, A a.full.test",
        ),
        // A server without an address is passed over; SRV records without any are the end.
        ("gone.test;transport=udp", "NoRecords", "Srv _sip._udp.gone.test, A nowhere.test"),
        (
            "partly.test;transport=udp",
            "192.0.2.1:5060/UDP",
            "Srv _sip._udp.partly.test, A nowhere.test, A a.full.test",
        ),
    ];
    for (text, hops, questions) in rows {
        let (outcome, asked) =
            run(&mut Resolver::new(ResolverSettings::default()), &dns, at(0), &target(text));
        assert_eq!((shown(&outcome).as_str(), asked.join(", ").as_str()), (hops, questions), "{text}");
    }
}

#[test]
fn sip_14_what_cannot_be_resolved_says_why() {
    let dns = Dns::new(&format!(
        "{FULL}
        down.test                FAILS NAPTR
        srvdown.test             10 NAPTR -
        _sip._udp.srvdown.test   FAILS SRV
        one.test                 10 NAPTR -
        _sip._udp.one.test       FAILS SRV
        _sip._tcp.one.test       10 SRV 0 0 5060 a.full.test
        adown.test               FAILS A"
    ));
    let rows = [
        ("sips:full.test", "Unsupported", ""),
        ("sips:192.0.2.1", "Unsupported", ""),
        ("tls.test", "Unsupported", "Naptr tls.test"),
        ("flag.test", "Unsupported", "Naptr flag.test"),
        ("missing.test", "NoSuchDomain", "Naptr missing.test"),
        ("missing.test:5060", "NoSuchDomain", "A missing.test"),
        ("missing.test;transport=tcp", "NoSuchDomain", "Srv _sip._tcp.missing.test, A missing.test"),
        ("empty.test:5060", "NoRecords", "A empty.test"),
        ("down.test", "DnsFailed", "Naptr down.test"),
        // A failure is no absence: the address may be the wrong place.
        (
            "srvdown.test",
            "DnsFailed",
            "Naptr srvdown.test, Srv _sip._udp.srvdown.test, Srv _sip._tcp.srvdown.test",
        ),
        ("adown.test:5060", "DnsFailed", "A adown.test"),
        // What did answer is enough.
        (
            "one.test",
            "192.0.2.1:5060/TCP",
            "Naptr one.test, Srv _sip._udp.one.test, Srv _sip._tcp.one.test, A a.full.test",
        ),
    ];
    for (text, expected, questions) in rows {
        let (outcome, asked) =
            run(&mut Resolver::new(ResolverSettings::default()), &dns, at(0), &target(text));
        assert_eq!((shown(&outcome).as_str(), asked.join(", ").as_str()), (expected, questions), "{text}");
    }
}

#[test]
fn sip_14_both_families_in_the_order_of_the_settings() {
    let dns = Dns::new(
        "two.test 10 A 192.0.2.1
         two.test 10 AAAA 2001:db8::1
         four.test 10 A 192.0.2.1
         six.test FAILS A
         six.test 10 AAAA 2001:db8::1",
    );
    let rows = [
        (vec![Family::V4], "two.test:5060", "192.0.2.1:5060/UDP"),
        (vec![Family::V6], "two.test:5060", "[2001:db8::1]:5060/UDP"),
        (vec![Family::V6, Family::V4], "two.test:5060", "[2001:db8::1]:5060/UDP 192.0.2.1:5060/UDP"),
        (vec![Family::V4, Family::V6], "two.test:5060", "192.0.2.1:5060/UDP [2001:db8::1]:5060/UDP"),
        (vec![Family::V6, Family::V4], "four.test:5060", "192.0.2.1:5060/UDP"),
        (vec![Family::V6], "four.test:5060", "NoRecords"),
        (vec![Family::V4, Family::V6], "six.test:5060", "[2001:db8::1]:5060/UDP"),
    ];
    for (families, text, expected) in rows {
        let mut resolver =
            Resolver::new(ResolverSettings { families: families.clone(), ..ResolverSettings::default() });
        let (outcome, _) = run(&mut resolver, &dns, at(0), &target(text));
        assert_eq!(shown(&outcome), expected, "{text} {families:?}");
    }
}

#[test]
fn rfc2782_a_service_has_servers_and_no_fallback_to_addresses() {
    let dns = Dns::new(
        "_cx._tcp.home1.test 10 SRV 10 0 3868 hss1.home1.test
         hss1.home1.test 10 A 192.0.2.16
         home1.test 10 A 192.0.2.9
         _cx._tcp.off.test 10 SRV 0 0 0 .
         _cx._tcp.down.test FAILS SRV",
    );
    let rows = [
        ("_cx._tcp.home1.test", "192.0.2.16:3868/TCP"),
        ("_cx._tcp.home2.test", "NoSuchDomain"),
        ("_cx._tcp.off.test", "NoRecords"),
        ("_cx._tcp.down.test", "DnsFailed"),
    ];
    for (name, expected) in rows {
        let query = Query::Service { name: name.into(), transport: sip_message::Transport::Tcp };
        let (outcome, _) = run(&mut Resolver::new(ResolverSettings::default()), &dns, at(0), &query);
        assert_eq!(shown(&outcome), expected, "{name}");
    }
}

#[test]
fn rfc6761_names_of_this_machine_are_no_servers_whatever_dns_says() {
    let dns = Dns::new(
        "localhost 10 A 127.0.0.1
         a.localhost 10 A 127.0.0.1
         1.0.0.127.in-addr.arpa 10 A 127.0.0.1
         mylocalhost 10 A 192.0.2.1",
    );
    for (name, expected) in [
        ("localhost", "NoSuchDomain"),
        ("LOCALHOST.", "NoSuchDomain"),
        ("a.localhost", "NoSuchDomain"),
        ("1.0.0.127.in-addr.arpa", "NoSuchDomain"),
        ("b.invalid", "NoSuchDomain"),
        ("mylocalhost", "192.0.2.1:5062/UDP"),
    ] {
        let target = sip_resolve::Target {
            host: sip_message::Host::parse(name).unwrap(),
            port: Some(5062),
            transport: None,
            secure: false,
        };
        let (outcome, asked) =
            run(&mut Resolver::new(ResolverSettings::default()), &dns, at(0), &Query::Sip(target));
        assert_eq!(shown(&outcome), expected, "{name}");
        assert_eq!(asked.is_empty(), expected == "NoSuchDomain", "{name} is not even asked for");
    }
}

/// More servers than a request can try: each is the first one as often as its weight says, also the last in the answer.
#[test]
fn rfc2782_of_more_servers_than_are_tried_each_has_its_share() {
    const MANY: u8 = 40;
    let mut zone = String::new();
    for last in 1..=MANY {
        let weight = if last == MANY { 40 } else { 10 };
        zone.push_str(&format!("_sip._udp.many.test 10 SRV 10 {weight} 5060 s{last}.many.test\n"));
        zone.push_str(&format!("s{last}.many.test 10 A 192.0.2.{last}\n"));
    }
    zone.push_str("_sip._udp.many.test 10 SRV 20 10 5060 spare.many.test\nspare.many.test 10 A 192.0.2.99");
    let dns = Dns::new(&zone);
    let query = Query::Service { name: "_sip._udp.many.test".into(), transport: sip_message::Transport::Udp };
    let mut resolver = Resolver::new(ResolverSettings::default());
    let mut first = [0_u32; 100];
    for seed in 0..4300 {
        let hops = match resolver.resolve(at(0), &query, seed) {
            Resolution::Done(outcome) => outcome.unwrap(),
            Resolution::Waiting(_) => {
                while let Some(question) = resolver.poll_question() {
                    resolver.answer(at(0), &question, dns.answer(&question));
                }
                resolver.poll_done().unwrap().1.unwrap()
            }
        };
        assert_eq!(hops.len(), 16, "seed {seed}");
        let std::net::IpAddr::V4(ip) = hops[0].address.ip() else { panic!("an IPv4 address") };
        first[usize::from(ip.octets()[3])] += 1;
    }
    // Four standard deviations about 100, and about 400.
    assert!((1..MANY).all(|last| first[usize::from(last)].abs_diff(100) <= 40), "{first:?}");
    assert!(first[usize::from(MANY)].abs_diff(400) <= 80 && first[99] == 0, "{first:?}");
}
