//! RFC 5626 sections 3.5.1 and 4.4.1: keep-alives.
use crate::support::{Ue, granted, granted_to, secs, settings};
use sip_message::Transport;
use std::time::Duration;
use ue_agent::{Report, UeAgentSettings};

/// Shorter than any P-CSCF of ours leaves a connection idle.
const IDLE: Duration = Duration::from_secs(600);

fn registered(transport: Transport, keepalive: Option<Duration>) -> Ue {
    let mut ue = Ue::with(UeAgentSettings { keepalive, ..settings(transport) });
    ue.words("register").unwrap();
    let register = ue.request("REGISTER");
    let parameter = if transport == Transport::Tcp { ";transport=tcp" } else { "" };
    ue.answer(&register, "200 OK", &granted_to(600_000, parameter));
    ue.reports();
    ue
}

/// The agent is left alone for so long; the gaps between its pings.
fn gaps(ue: &mut Ue, time: Duration) -> Vec<Duration> {
    let end = ue.now + time;
    let mut last = ue.now;
    let mut gaps = Vec::new();
    while let Some(at) = ue.node.poll_timeout().filter(|at| *at <= end.mono) {
        ue.pass(at.saturating_since(ue.now.mono));
        for ping in std::mem::take(&mut ue.pings) {
            gaps.push(ping.mono.saturating_since(last.mono));
            last = ping;
            ue.pong();
        }
    }
    ue.now = end;
    gaps
}

#[test]
fn rfc5626_4_4_1_a_quiet_connection_is_never_idle() {
    for (transport, keepalive, most) in [
        (Transport::Tcp, None, secs(120)),
        (Transport::Udp, None, secs(29)),
        (Transport::Tcp, Some(secs(300)), secs(300)),
    ] {
        let mut ue = registered(transport, keepalive);
        let gaps = gaps(&mut ue, IDLE * 20);
        assert!(gaps.len() as u64 >= IDLE.as_secs() * 20 / most.as_secs(), "{gaps:?}");
        assert!(gaps.iter().all(|gap| *gap <= most && *gap >= most * 79 / 100), "{gaps:?}");
        assert!(gaps.iter().any(|gap| *gap != gaps[0]), "agents are not to ping together");
        assert!(ue.requests().is_empty() && ue.closed.is_empty());
    }
}

#[test]
fn rfc5626_4_4_1_without_an_answer_the_connection_is_given_up_and_registered_anew() {
    let mut ue = registered(Transport::Tcp, Some(secs(100)));
    while ue.pings.is_empty() {
        ue.pass(secs(1));
    }
    let sent = ue.pings[0];
    ue.pass(Duration::from_millis(9999).saturating_sub(ue.now.mono.saturating_since(sent.mono)));
    assert!(ue.closed.is_empty());
    ue.pass(secs(1));
    assert_eq!(ue.closed.len(), 1);
    ue.close_connection();
    assert!(matches!(&*ue.reports(), [Report::RegisterFailed { retry_s: Some(0), .. }]));
    ue.pass(Duration::ZERO);
    assert_eq!(ue.request("REGISTER").expires(), Some(600_000));
}

#[test]
fn rfc5626_4_4_2_nobody_answers_a_datagram() {
    let mut ue = registered(Transport::Udp, None);
    ue.pass(secs(600));
    assert!(ue.pings.len() >= 20 && ue.closed.is_empty() && ue.requests().is_empty());
}

#[test]
fn without_a_registration_or_with_0_s_nothing_is_kept_alive() {
    let mut ue = registered(Transport::Udp, Some(Duration::ZERO));
    ue.pass(secs(600));
    assert!(ue.pings.is_empty());
    let mut ue = Ue::with(UeAgentSettings { keepalive: None, ..settings(Transport::Udp) });
    ue.pass(secs(600));
    assert!(ue.pings.is_empty());
    ue.words("register").unwrap();
    let register = ue.request("REGISTER");
    ue.answer(&register, "200 OK", &granted(3600));
    ue.words("deregister").unwrap();
    let register = ue.request("REGISTER");
    ue.answer(&register, "200 OK", "");
    ue.pass(secs(600));
    assert!(ue.pings.is_empty());
}
