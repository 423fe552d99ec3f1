//! The checked-in zones and broken ones, asked over real sockets the way a node asks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test helper may fail its test")]

use ims_runtime::config::{AddressFamily, DnsConfig, Millis, Relocation, Seconds};
use ims_runtime::dns::{Dns, Locator};
use nameserver::{MAX_ZONE_BYTES, Nameserver, Zone, reload};
use sip_message::{Host, Transport};
use sip_resolve::{DnsAnswer, Hop, Kind, Query, Question, Records, ResolveError, Target};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

const HEAD: &str = "$TTL 30\n@ SOA ns hostmaster (\n 1 3600 600 86400\n 10 )\n@ NS ns\n";

async fn serve(zones: Vec<Zone>) -> (Nameserver, DnsConfig) {
    let mut nameserver = Nameserver::new(zones);
    let any_port = SocketAddr::from(([127, 0, 0, 53], 0));
    let address = nameserver.listen(any_port, Seconds(10)).await.unwrap();
    (nameserver, client(address))
}

fn client(server: SocketAddr) -> DnsConfig {
    DnsConfig {
        servers: vec![server],
        families: vec![AddressFamily::Ipv4],
        timeout_ms: Millis(1000),
        attempts: 2,
    }
}

fn path_of(folder: &str, origin: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../config/zones/{folder}{origin}.zone"))
}

fn checked_in(folder: &str, origin: &str) -> Zone {
    Zone::load(origin, &path_of(folder, origin), &Relocation::default()).unwrap()
}

fn sip(host: &str) -> Query {
    Query::Sip(Target { host: Host::parse(host).unwrap(), port: None, transport: None, secure: false })
}

fn shown(outcome: &Result<Vec<Hop>, ResolveError>) -> String {
    let hop = |hop: &Hop| format!("{}/{}", hop.address, hop.transport);
    outcome.as_ref().map_or_else(
        |error| format!("{error:?}"),
        |hops| hops.iter().map(hop).collect::<Vec<String>>().join(" "),
    )
}

#[tokio::test]
async fn sip_14_every_node_of_the_lab_is_found_by_tcp_and_udp() {
    for (folder, preferred, other) in [("", "TCP", "UDP"), ("udp/", "UDP", "TCP")] {
        every_node_is_found(folder, preferred, other).await;
    }
}

/// The zones are the same but for what they prefer.
#[test]
fn the_zones_with_udp_preferred_differ_in_nothing_else() {
    for origin in ["home1.test", "home2.test"] {
        let records = |folder: &str| -> BTreeSet<String> {
            let text = std::fs::read_to_string(path_of(folder, origin)).unwrap();
            text.lines().filter(|line| !line.starts_with(';')).map(str::to_owned).collect()
        };
        let swapped = |line: &String| {
            let is_udp = line.contains("SIP+D2U");
            match line.contains("NAPTR") {
                true if is_udp => line.replace(" 10 20 ", " 10 10 "),
                true => line.replace(" 10 10 ", " 10 20 "),
                false => line.clone(),
            }
        };
        assert_eq!(
            records("").iter().map(swapped).collect::<BTreeSet<String>>(),
            records("udp/"),
            "{origin}"
        );
    }
}

async fn every_node_is_found(folder: &str, preferred: &str, other: &str) {
    let zones = vec![checked_in(folder, "home1.test"), checked_in(folder, "home2.test")];
    let (_server, dns) = serve(zones).await;
    let mut locator = Locator::new(&dns).unwrap();
    for (n, base) in [(1, 10), (2, 20)] {
        let rows = [
            (format!("home{n}.test"), 3, 5060),
            (format!("pcscf{n}a.home{n}.test"), 1, 5062),
            (format!("pcscf{n}b.home{n}.test"), 2, 5062),
            (format!("icscf{n}.home{n}.test"), 3, 5060),
            (format!("scscf{n}a.home{n}.test"), 4, 5060),
            (format!("scscf{n}b.home{n}.test"), 5, 5060),
            (format!("ps{n}.home{n}.test"), 7, 5060),
        ];
        for (host, last, port) in rows {
            let address = format!("127.0.10.{}:{port}", base + last);
            let outcome = locator.locate(&sip(&host), 1).await;
            let expected = format!("{address}/{preferred} {address}/{other}");
            assert_eq!(shown(&outcome), expected, "{host}");
        }
        let name = format!("_cx._tcp.home{n}.test").into();
        let outcome = locator.locate(&Query::Service { name, transport: Transport::Tcp }, 1).await;
        assert_eq!(shown(&outcome), format!("127.0.10.{}:3868/TCP", base + 6));
    }
    assert_eq!(locator.locate(&sip("nobody.home1.test"), 1).await, Err(ResolveError::NoSuchDomain));
}

#[tokio::test]
async fn rfc1034_3_6_2_an_alias_is_followed_whatever_is_asked_for() {
    const ZONE: &str = "naptr NAPTR 10 10 \"s\" \"SIP+D2T\" \"\" _sip._tcp.naptr\n\
        _sip._tcp.naptr 20 CNAME edge\n\
        edge SRV 10 10 5070 host\nedge SRV 20 10 5071 host\n\
        host A 192.0.2.7\n\
        _sip._udp.plain CNAME far\nfar CNAME further\nfurther CNAME edge\n\
        _sip._udp.away CNAME edge.other.test.\n\
        _cx._tcp 10 CNAME edge\n\
        _sip._udp.round CNAME _sip._udp.about\n_sip._udp.about CNAME _sip._udp.round\nround A 192.0.2.9\n\
        _sip._udp.nowhere CNAME nothing\nnowhere A 192.0.2.8\n";
    let directory = tempfile::tempdir().unwrap();
    let zone = |origin: &str, text: &str| {
        let file = directory.path().join(origin);
        std::fs::write(&file, format!("{HEAD}{text}")).unwrap();
        Zone::load(origin, &file, &Relocation::default()).unwrap()
    };
    let other = zone("other.test", "edge SRV 10 10 5080 host\nhost A 192.0.2.6\n");
    let (_server, config) = serve(vec![zone("one.test", ZONE), other]).await;
    let mut locator = Locator::new(&config).unwrap();
    for (host, expected) in [
        ("naptr.one.test", "192.0.2.7:5070/TCP 192.0.2.7:5071/TCP"),
        ("plain.one.test", "192.0.2.7:5070/UDP 192.0.2.7:5071/UDP"),
        ("away.one.test", "192.0.2.6:5080/UDP"),
    ] {
        assert_eq!(shown(&locator.locate(&sip(host), 1).await), expected, "{host}");
    }
    assert!(locator.locate(&sip("round.one.test"), 1).await.is_err(), "without end");
    let cx = Query::Service { name: "_cx._tcp.one.test".into(), transport: Transport::Tcp };
    assert_eq!(shown(&locator.locate(&cx, 1).await), "192.0.2.7:5070/TCP 192.0.2.7:5071/TCP");
    // The shortest time to live on the way.
    let mut dns = Dns::new(&config).unwrap();
    for (name, ttl) in [("_cx._tcp.one.test", 10), ("_sip._tcp.naptr.one.test", 20), ("edge.one.test", 30)] {
        dns.ask(Question::new(name, Kind::Srv));
        let (_, DnsAnswer::Records(Records::Srv(found), lives)) = dns.next().await else { panic!("{name}") };
        assert_eq!((found.len(), lives.as_secs()), (2, ttl), "{name}");
    }
}

#[tokio::test]
async fn rfc2308_answers_carry_their_ttl_and_absence_that_of_the_soa() {
    let (_server, config) = serve(vec![checked_in("", "home1.test")]).await;
    let mut dns = Dns::new(&config).unwrap();
    let s = Duration::from_secs;
    let address = Records::Addresses(vec![[127, 0, 10, 13].into()]);
    let rows = [
        ("icscf1.home1.test", Kind::A, DnsAnswer::Records(address, s(30))),
        ("icscf1.home1.test", Kind::Aaaa, DnsAnswer::NoRecords(Some(s(10)))),
        ("nobody.home1.test", Kind::A, DnsAnswer::NoSuchDomain(Some(s(10)))),
        ("somewhere.else.test", Kind::A, DnsAnswer::Failed),
    ];
    for (name, kind, expected) in rows {
        let question = Question::new(name, kind);
        dns.ask(question.clone());
        assert_eq!(dns.next().await, (question, expected));
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_failure() {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut config = client(socket.local_addr().unwrap());
    config.timeout_ms = Millis(20);
    let mut dns = Dns::new(&config).unwrap();
    let question = Question::new("icscf1.home1.test", Kind::A);
    dns.ask(question.clone());
    assert_eq!(dns.next().await, (question, DnsAnswer::Failed));
}

#[tokio::test]
async fn a_reload_changes_all_zones_or_none() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let write = |name: &str, last: u8| {
        std::fs::write(file(name), format!("{HEAD}ns A 192.0.2.{last}\n")).unwrap();
    };
    write("one", 1);
    write("two", 1);
    let zones = ["one", "two"]
        .map(|name| Zone::load(&format!("{name}.test"), &file(name), &Relocation::default()).unwrap());
    let (server, config) = serve(zones.into()).await;
    let views = [server];
    let mut dns = Dns::new(&config).unwrap();
    let mut addresses = async || {
        let mut found = Vec::new();
        for name in ["ns.one.test", "ns.two.test"] {
            dns.ask(Question::new(name, Kind::A));
            let DnsAnswer::Records(Records::Addresses(list), _) = dns.next().await.1 else { continue };
            found.extend(list.iter().map(ToString::to_string));
        }
        found.join(" ")
    };
    assert_eq!(addresses().await, "192.0.2.1 192.0.2.1");
    write("one", 2);
    std::fs::write(file("two"), format!("{HEAD}ns A 192.0.2\n")).unwrap();
    let error = reload(&views).await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!("{}:6: network address parse error: invalid IPv4 address syntax", file("two").display())
    );
    assert_eq!(addresses().await, "192.0.2.1 192.0.2.1", "the old zones stay");
    write("two", 3);
    reload(&views).await.unwrap();
    assert_eq!(addresses().await, "192.0.2.2 192.0.2.3");
    for view in views {
        view.stop().await;
    }
}

#[tokio::test]
async fn a_view_answers_with_the_addresses_of_its_network_before_and_after_a_reload() {
    let directory = tempfile::tempdir().unwrap();
    let (file, moved) = (directory.path().join("zone"), directory.path().join("moved.toml"));
    std::fs::write(&file, format!("{HEAD}ns A 192.0.2.1\n")).unwrap();
    std::fs::write(&moved, "'192.0.2.1' = '10.77.1.1'\n'192.0.2.2' = '10.77.1.2'\n").unwrap();
    let relocations = [Relocation::default(), Relocation::load(&moved).unwrap()];
    let (mut views, mut clients) = (Vec::new(), Vec::new());
    for relocation in &relocations {
        let (server, config) = serve(vec![Zone::load("one.test", &file, relocation).unwrap()]).await;
        views.push(server);
        clients.push(Dns::new(&config).unwrap());
    }
    for (written, seen) in [(1, ["192.0.2.1", "10.77.1.1"]), (2, ["192.0.2.2", "10.77.1.2"])] {
        std::fs::write(&file, format!("{HEAD}ns A 192.0.2.{written}\n")).unwrap();
        reload(&views).await.unwrap();
        for (dns, seen) in clients.iter_mut().zip(seen) {
            dns.ask(Question::new("ns.one.test", Kind::A));
            let expected = Records::Addresses(vec![seen.parse().unwrap()]);
            let (_, answer) = dns.next().await;
            assert!(matches!(answer, DnsAnswer::Records(found, _) if found == expected), "{seen}");
        }
    }
}

#[test]
fn a_broken_zone_is_refused_with_file_and_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("zone");
    let rows = [
        (
            format!("{HEAD}ns A 192.0.2.1\nx A 1.2\ny A 192.0.2.1\n"),
            "FILE:7: network address parse error: invalid IPv4 address syntax",
        ),
        (
            format!("{HEAD}\nx ADDRESS 192.0.2.1"),
            "FILE:7: proto error: decoding error: record type string unknown: ADDRESS",
        ),
        ("x A 1.2.3.4\n".to_owned(), "FILE:1: record ttl not specified"),
        (HEAD.replace("10 )", "ten )"), "FILE:4: invalid time string: ten"),
        (HEAD.replace(" )", " "), "FILE:2: lexer error: unclosed list, missing ')'"),
        (format!("{HEAD}x.elsewhere. A 192.0.2.1\n"), "FILE:6: x.elsewhere. is not in the zone home1.test."),
        (
            format!("{HEAD}x CH A 192.0.2.1\n"),
            "FILE:6: Failed to insert x.home1.test. A to zone: home1.test.",
        ),
        ("$TTL 1\nns A 192.0.2.1\n".to_owned(), "FILE: SOA record must be present: home1.test."),
        (String::new(), "FILE: SOA record must be present: home1.test."),
        (format!("{HEAD};{}", "x".repeat(MAX_ZONE_BYTES)), "FILE: longer than 65536 bytes"),
    ];
    for (text, expected) in rows {
        std::fs::write(&file, &text).unwrap();
        let error = Zone::load("home1.test", &file, &Relocation::default()).err().unwrap().to_string();
        assert_eq!(
            error.replace(&file.display().to_string(), "FILE"),
            expected,
            "{}",
            &text[..text.len().min(200)]
        );
    }
    let absent = Zone::load("home1.test", Path::new("/nonexistent/zone"), &Relocation::default())
        .err()
        .unwrap()
        .to_string();
    assert_eq!(absent, "/nonexistent/zone: No such file or directory (os error 2)");
    let origin = Zone::load("..", &file, &Relocation::default()).err().unwrap().to_string();
    assert_eq!(origin, "\"..\" is no domain name");
}
