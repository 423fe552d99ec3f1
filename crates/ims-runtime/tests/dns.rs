//! The DNS client at its limits; what it understands of real answers is tested with the name server.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test helper may fail its test")]

use ims_runtime::config::{AddressFamily, DnsConfig, Millis};
use ims_runtime::dns::{Dns, Locator, MAX_UNDER_WAY, settings};
use sip_message::{Host, Transport};
use sip_resolve::{DnsAnswer, Family, Kind, Query, Question, ResolveError, Target};
use tokio::net::UdpSocket;

/// A server that hears questions and says nothing.
async fn silent() -> (UdpSocket, DnsConfig) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let config = DnsConfig {
        servers: vec![socket.local_addr().unwrap()],
        families: vec![AddressFamily::Ipv6, AddressFamily::Ipv4],
        timeout_ms: Millis(30),
        attempts: 1,
    };
    (socket, config)
}

#[tokio::test]
async fn one_question_too_many_fails_at_once_and_the_others_in_their_time() {
    let (_server, config) = silent().await;
    let mut dns = Dns::new(&config).unwrap();
    for number in 0..=MAX_UNDER_WAY {
        dns.ask(Question::new(&format!("n{number}.test"), Kind::A));
    }
    let last = Question::new(&format!("n{MAX_UNDER_WAY}.test"), Kind::A);
    assert_eq!(dns.next().await, (last, DnsAnswer::Failed));
    for _ in 0..MAX_UNDER_WAY {
        assert_eq!(dns.next().await.1, DnsAnswer::Failed);
    }
}

#[tokio::test]
async fn a_name_that_dns_cannot_hold_does_not_exist() {
    let (_server, config) = silent().await;
    let mut dns = Dns::new(&config).unwrap();
    let question = Question::new(&format!("{}.test", "x".repeat(64)), Kind::A);
    dns.ask(question.clone());
    assert_eq!(dns.next().await, (question, DnsAnswer::NoSuchDomain(None)));
}

#[tokio::test]
async fn a_locator_says_that_dns_failed_and_needs_none_for_a_number() {
    let (_server, config) = silent().await;
    let mut locator = Locator::new(&config).unwrap();
    let query = |host: &str| {
        Query::Sip(Target {
            host: Host::parse(host).unwrap(),
            port: Some(5070),
            transport: None,
            secure: false,
        })
    };
    assert_eq!(locator.locate(&query("a.test"), 1).await, Err(ResolveError::DnsFailed));
    let hops = locator.locate(&query("192.0.2.1"), 1).await.unwrap();
    assert_eq!(
        (hops[0].address.to_string(), hops[0].transport),
        ("192.0.2.1:5070".to_owned(), Transport::Udp)
    );
    assert_eq!(settings(&config).families, [Family::V6, Family::V4]);
}
