//! What an I-CSCF decides (TS 24.229 section 5.3), by rule id, without a network.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test helper may fail its test"
)]

use cx_protocol::{
    Answer, Capabilities, CxFailure, Leg, Lia, Lir, LirType, Request, ResultCode, ScscfName, Uaa, UarType,
};
use icscf::{Admits, Cause, Icscf, RecordRoute, Scscf};
use ims_node::{Listener, NodeCause, NodeSettings, Peer, Reason, Side};
use sip_message::{HeaderName, Message};
use sip_resolve::{DnsAnswer, Kind, Question, Records};
use std::net::SocketAddr;
use std::time::Duration;
use testnet::Desk;

const PCSCF: &str = "127.0.10.11:5062";
const STRANGER: &str = "203.0.113.9:5060";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn name(text: &str) -> ScscfName {
    ScscfName::new(&format!("sip:{text}.home1.test")).unwrap()
}

fn settings() -> NodeSettings {
    let listeners = vec![Listener { address: address("127.0.10.13:5060"), side: Side::Network }];
    NodeSettings::new(
        "icscf1.home1.test",
        listeners,
        vec![Peer { addresses: vec![address(PCSCF).ip()], domains: vec![] }],
    )
}

fn desk_with(record_route: RecordRoute) -> Desk<Icscf> {
    desk_that(Admits::Peers, record_route)
}

fn role(admits: Admits, record_route: RecordRoute) -> Icscf {
    let scscf = |text, capabilities: &[u32]| Scscf { name: name(text), capabilities: capabilities.to_vec() };
    Icscf::new(icscf::IcscfSettings {
        name: "icscf1.home1.test".into(),
        domain: "home1.test".into(),
        admits,
        record_route,
        scscfs: vec![scscf("scscf1a", &[1]), scscf("scscf1b", &[1, 2])],
        scscf_patience: Duration::from_millis(4500),
    })
}

fn desk_that(admits: Admits, record_route: RecordRoute) -> Desk<Icscf> {
    desk_on(settings(), role(admits, record_route))
}

fn desk_on(settings: NodeSettings, role: Icscf) -> Desk<Icscf> {
    let mut desk = Desk::new(settings, role);
    desk.on_dns = |question: &Question| match (question.kind(), question.name()) {
        (Kind::A, "scscf1a.home1.test") => found("127.0.10.14"),
        (Kind::A, "scscf1b.home1.test") => found("127.0.10.15"),
        _ => DnsAnswer::NoRecords(None),
    };
    desk
}

fn found(ip: &str) -> DnsAnswer {
    DnsAnswer::Records(Records::Addresses(vec![ip.parse().unwrap()]), Duration::from_secs(30))
}

fn desk() -> Desk<Icscf> {
    desk_with(RecordRoute::On)
}

fn request(method: &str, uri: &str, headers: &str) -> String {
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.10.11:5062;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
         From: <sip:alice@home1.test>;tag=1\r\nTo: <sip:alice@home1.test>\r\nCall-ID: c1\r\nCSeq: 1 {method}\r\n\
         {headers}Content-Length: 0\r\n\r\n"
    )
}

fn register(headers: &str) -> String {
    request("REGISTER", "sip:home1.test", headers)
}

fn uaa(result: ResultCode, server: Option<&str>, mandatory: Option<&[u32]>) -> Answer {
    let capabilities = mandatory.map(|m| Capabilities { mandatory: m.to_vec(), ..Capabilities::default() });
    Answer::Uaa(Uaa { result, server_name: server.map(name), capabilities })
}

fn lia(result: ResultCode, server: Option<&str>) -> Answer {
    Answer::Lia(Lia { result, server_name: server.map(name), capabilities: None })
}

/// A REGISTER from the P-CSCF, answered by the HSS like this.
fn registering(answer: Answer) -> Desk<Icscf> {
    let mut desk = desk();
    desk.receive(0, address(PCSCF), register("Contact: <sip:alice@h>\r\n"));
    desk.hss(Ok(answer));
    desk
}

/// The status and the reason of a refusal.
fn refused(status: u16, cause: impl Into<Reason>) -> Option<(u16, Reason)> {
    Some((status, cause.into()))
}

/// How the request is refused of which this message says what has become: `None` when it is sent on.
fn refusal_in(desk: &Desk<Icscf>, message: &Message) -> Option<(u16, Reason)> {
    let status = message.status()?.code();
    Some((status, desk.reason(message).expect("an error answer of our own")))
}

fn forwarded(desk: &mut Desk<Icscf>) -> (String, Message) {
    let (to, message) = desk.sent().expect("something sent");
    assert!(message.status().is_none(), "{:?}", message.bytes());
    (to.ip().to_string(), message)
}

#[test]
fn reg_i_01_register_from_outside_is_403() {
    let mut desk = desk();
    desk.receive(0, address(STRANGER), register(""));
    assert_eq!((desk.refusal(), desk.asked()), (refused(403, NodeCause::Outsider), None));
}

#[test]
fn rt_i_01_a_stranger_is_refused_and_learns_nothing_about_users() {
    let from = |method: &str, uri: &str, headers: &str| {
        let text = request(method, uri, headers);
        if matches!(method, "NOTIFY" | "INFO" | "REFER") {
            text.replace("To: <sip:alice@home1.test>", "To: <sip:alice@home1.test>;tag=2")
        } else {
            text
        }
    };
    const FORGED: &str = "Route: <sip:scscf1b.home1.test;lr>\r\n";
    for method in ["SUBSCRIBE", "PUBLISH", "MESSAGE", "OPTIONS", "NOTIFY", "INFO", "REFER", "REGISTER"] {
        for uri in ["sip:carol@home1.test", "sip:nobody@home1.test", "sip:home1.test", "sip:x@elsewhere.test"]
        {
            for headers in ["", FORGED] {
                let mut desk = desk();
                desk.receive(0, address(STRANGER), from(method, uri, headers));
                let outsider = refused(403, NodeCause::Outsider);
                assert_eq!((desk.refusal(), desk.asked()), (outsider, None), "{method} {uri} {headers}");
            }
        }
    }
    // An open one asks for anybody.
    let mut open = desk_that(Admits::Anybody, RecordRoute::On);
    open.receive(0, address(STRANGER), from("MESSAGE", "sip:carol@home1.test", ""));
    assert!(matches!(open.asked(), Some(Request::Lir(_))));
}

#[test]
fn rfc3261_11_options_to_the_domain_is_answered_by_it() {
    let rows = [
        ("OPTIONS", "sip:home1.test", Some(200)),
        ("OPTIONS", "sip:HOME1.test;transport=tcp", Some(200)),
        ("OPTIONS", "sip:icscf1.home1.test", Some(200)),
        // Of a user the HSS is asked.
        ("OPTIONS", "sip:carol@home1.test", None),
    ];
    for (method, uri, status) in rows {
        let mut desk = desk();
        desk.receive(0, address(PCSCF), request(method, uri, ""));
        let answer = desk.sent().map(|(_, message)| message);
        assert_eq!(
            answer.as_ref().and_then(|answer| Some(answer.status()?.code())),
            status,
            "{method} {uri}"
        );
        if let Some(answer) = answer {
            assert!(answer.value(HeaderName::Allow).is_some_and(|allow| allow.contains("SUBSCRIBE")));
        } else {
            assert!(matches!(desk.asked(), Some(Request::Lir(_))), "{uri}");
        }
    }
}

#[test]
fn reg_i_02_and_04_what_the_hss_is_asked() {
    let digest = "Authorization: Digest username=\"private@home1.test\", realm=\"r\", nonce=\"\", uri=\"sip:h\", response=\"\"\r\n";
    // RFC 3261 section 22.1: credentials for other realms say nothing here.
    let several = "Authorization: Digest username=\"x\", realm=\"other\"\r\nAuthorization: Basic eDp5\r\n\
        Authorization: Digest username=\"private@home1.test\", realm=\"home1.test\"\r\n";
    let rows = [
        ("Contact: <sip:a@h>\r\n", "alice@home1.test", UarType::Registration),
        (digest, "private@home1.test", UarType::Registration),
        (several, "private@home1.test", UarType::Registration),
        ("Contact: <sip:a@h>\r\nExpires: 0\r\n", "alice@home1.test", UarType::Deregistration),
        ("Contact: <sip:a@h>;expires=0\r\nExpires: 60\r\n", "alice@home1.test", UarType::Deregistration),
        ("Contact: *\r\nExpires: 0\r\n", "alice@home1.test", UarType::Deregistration),
        ("Contact: <sip:a@h>;expires=0, <sip:a@g>\r\n", "alice@home1.test", UarType::Registration),
    ];
    for (headers, impi, kind) in rows {
        let mut desk = desk();
        desk.receive(0, address(PCSCF), register(headers));
        let Some(Request::Uar(uar)) = desk.asked() else { panic!("no UAR for {headers}") };
        assert_eq!(
            (uar.impi.as_str(), uar.impu.as_str(), uar.kind),
            (impi, "sip:alice@home1.test", kind),
            "{headers}"
        );
    }
}

#[test]
fn reg_i_04_the_server_named_or_the_first_with_the_capabilities() {
    for (answer, to) in [
        (uaa(ResultCode::SubsequentRegistration, Some("scscf1b"), None), "127.0.10.15"),
        (uaa(ResultCode::Success, None, Some(&[])), "127.0.10.14"),
        (uaa(ResultCode::Success, None, Some(&[2])), "127.0.10.15"),
        (uaa(ResultCode::Success, None, None), "127.0.10.14"),
    ] {
        let text = format!("{answer:?}");
        let mut desk = registering(answer);
        let (ip, message) = forwarded(&mut desk);
        assert_eq!(ip, to, "{text}");
        assert_eq!(message.request_uri_text(), "sip:home1.test");
        assert_eq!(message.list(HeaderName::RecordRoute).count(), 0, "REG-I-03");
    }
}

#[test]
fn reg_i_05_and_06_and_08_what_is_refused() {
    use ResultCode as R;
    for (answer, expected) in [
        (uaa(R::UserUnknown, None, None), refused(403, NodeCause::UnknownUser)),
        (uaa(R::IdentitiesDontMatch, None, None), refused(403, Cause::IdentitiesDoNotMatch)),
        (uaa(R::RoamingNotAllowed, None, None), refused(403, Cause::RoamingNotAllowed)),
        (uaa(R::IdentityNotRegistered, None, None), refused(403, NodeCause::NotRegistered)),
        (uaa(R::Success, None, Some(&[9])), refused(600, Cause::NoCapableScscf)),
        (uaa(R::UnableToComply, None, None), refused(504, NodeCause::HssCannotTell)),
        (lia(R::Success, Some("scscf1a")), refused(504, NodeCause::HssOtherAnswer)),
    ] {
        let text = format!("{answer:?}");
        assert_eq!(registering(answer).refusal(), expected, "{text}");
    }
    for (failure, cause) in [
        (CxFailure::NotConnected, NodeCause::HssSilent),
        (CxFailure::Timeout, NodeCause::HssSilent),
        (CxFailure::ConnectionLost, NodeCause::HssSilent),
        (CxFailure::Overloaded, NodeCause::HssCannotTell),
    ] {
        let mut desk = desk();
        desk.receive(0, address(PCSCF), register(""));
        desk.hss(Err(failure));
        assert_eq!(desk.refusal(), refused(504, cause), "{failure:?}");
    }
}

#[test]
fn reg_i_07_a_server_that_fails_is_replaced_until_none_is_left() {
    for failure in [Some(480), Some(302), None] {
        let mut desk = registering(uaa(ResultCode::SubsequentRegistration, Some("scscf1a"), None));
        let (_, first) = forwarded(&mut desk);
        assert!(fail(&mut desk, &first, failure).is_empty());
        let Some(Request::Uar(uar)) = desk.asked() else { panic!("not asked again") };
        assert_eq!(uar.kind, UarType::RegistrationAndCapabilities);
        desk.hss(Ok(uaa(ResultCode::Success, Some("scscf1a"), Some(&[]))));
        let (ip, second) = forwarded(&mut desk);
        assert_eq!(ip, "127.0.10.15", "the other one after {failure:?}");
        assert_eq!(fail(&mut desk, &second, failure), [SCSCF_SILENT]);
    }
}

const SCSCF_SILENT: (u16, Reason) = (504, Cause::ScscfSilent.reason());

/// The S-CSCF answers with this status, or not at all; the refusals sent because of it.
fn fail(desk: &mut Desk<Icscf>, request: &Message, status: Option<u16>) -> Vec<(u16, Reason)> {
    match status {
        Some(status) => desk.respond(0, address("127.0.10.14:5060"), request, status, ""),
        None => desk.pass(Duration::from_secs(5)),
    }
    refusals(desk)
}

/// The final answers that are sent, each of which is a refusal of ours.
fn refusals(desk: &mut Desk<Icscf>) -> Vec<(u16, Reason)> {
    let sent: Vec<Message> = std::iter::from_fn(|| desk.sent()).map(|(_, message)| message).collect();
    let finals = sent.iter().filter(|message| message.status().is_some_and(|status| status.code() >= 200));
    finals.filter_map(|message| refusal_in(desk, message)).collect()
}

#[test]
fn reg_i_07_any_other_answer_is_the_answer() {
    for status in [200, 401, 403, 423, 500] {
        let mut desk = registering(uaa(ResultCode::Success, None, None));
        let (_, sent) = forwarded(&mut desk);
        desk.respond(0, address("127.0.10.14:5060"), &sent, status, "");
        assert_eq!((desk.status(), desk.asked()), (Some(status), None));
    }
}

#[test]
fn rt_i_02_a_route_left_is_followed_without_asking() {
    let mut desk = desk();
    let headers = "Route: <sip:rr@icscf1.home1.test;lr>, <sip:scscf1b.home1.test;lr>\r\n";
    desk.receive(0, address(PCSCF), request("NOTIFY", "sip:alice@127.0.0.1:5080", headers));
    let (ip, message) = forwarded(&mut desk);
    assert_eq!((ip.as_str(), desk.asked()), ("127.0.10.15", None));
    assert_eq!(message.list(HeaderName::Route).collect::<Vec<_>>(), ["<sip:scscf1b.home1.test;lr>"]);
    let recorded: Vec<&str> = message.list(HeaderName::RecordRoute).collect();
    assert_eq!(recorded, ["<sip:rr@icscf1.home1.test;lr>"], "SUB-P-01: back on the way of the NOTIFY");
}

#[test]
fn rt_i_02_another_network_routes_through_us_to_servers_of_this_domain_only() {
    const PEER: &str = "127.0.10.24:5060";
    let no_way_out = refused(403, Cause::NoWayOut);
    let rows = [
        (PCSCF, "<sip:scscf1b.home1.test;lr>", None),
        (PCSCF, "<sip:rr-o@127.0.10.24;lr>", None),
        (PEER, "<sip:scscf1b.home1.test;lr>", None),
        (PEER, "<sip:scscf1b.home1.test:3868;lr>", no_way_out),
        (PEER, "<sip:scscf1b.home1.test;maddr=10.0.0.9;lr>", no_way_out),
        (PEER, "<sip:127.0.10.15;lr>", no_way_out),
        (PEER, "<sip:icscf2.home2.test;lr>", no_way_out),
    ];
    for (from, route, expected) in rows {
        let mut settings = settings();
        settings.peers.push(Peer { addresses: vec![address(PEER).ip()], domains: vec!["home2.test".into()] });
        let mut desk = desk_on(settings, role(Admits::Peers, RecordRoute::On));
        let headers = format!("Route: <sip:rr@icscf1.home1.test;lr>, {route}\r\n");
        desk.receive(0, address(from), request("NOTIFY", "sip:alice@127.0.0.1:5080", &headers));
        let (_, sent) = desk.sent().unwrap();
        assert_eq!(refusal_in(&desk, &sent), expected, "{from} {route}");
        assert_eq!(desk.asked(), None);
    }
}

#[test]
fn rt_i_02_and_03_without_a_route_the_hss_says_where() {
    const ORIG: &str = "Route: <sip:icscf1.home1.test;lr;orig>\r\n";
    let (carol, frank, heidi) = ("sip:carol@home1.test", "tel:+15550106", "sip:heidi@home1.test");
    let served = format!("{ORIG}P-Served-User: <{frank}>;sescase=orig;regstate=unreg\r\n");
    let asserted = format!("{ORIG}P-Asserted-Identity: <{heidi}>\r\n");
    let both = format!("{served}P-Asserted-Identity: <{heidi}>\r\n");
    let rows = [
        (String::new(), carol, Leg::Terminating, "<sip:scscf1a.home1.test;lr>"),
        // The HSS is asked about the served user, not about the Request-URI.
        (served, frank, Leg::Originating, "<sip:scscf1a.home1.test;lr;orig>"),
        (asserted, heidi, Leg::Originating, "<sip:scscf1a.home1.test;lr;orig>"),
        (both, frank, Leg::Originating, "<sip:scscf1a.home1.test;lr;orig>"),
    ];
    for (headers, asked, leg, route) in rows {
        let mut desk = desk();
        desk.receive(0, address(PCSCF), request("SUBSCRIBE", "sip:carol@HOME1.test;gr=x", &headers));
        let Some(Request::Lir(lir)) = desk.asked() else { panic!("no LIR") };
        assert_eq!((lir.impu.as_str(), lir.leg), (asked, leg));
        desk.hss(Ok(lia(ResultCode::Success, Some("scscf1a"))));
        let (_, message) = forwarded(&mut desk);
        assert_eq!(message.list(HeaderName::Route).collect::<Vec<_>>(), [route]);
        assert_eq!(message.request_uri_text(), "sip:carol@HOME1.test;gr=x", "the Request-URI stays");
        // Rule RT-I-06: what a server of ours begins does not come back by us.
        let recorded = usize::from(leg == Leg::Terminating);
        assert_eq!(message.list(HeaderName::RecordRoute).count(), recorded);
    }
}

#[test]
fn rt_i_02_originating_treatment_is_for_our_own_servers_and_for_somebody_who_is_named() {
    const ORIG: &str = "Route: <sip:icscf1.home1.test;lr;orig>\r\n";
    const PEER: &str = "127.0.10.24:5060";
    let mut desk = desk();
    desk.receive(0, address(PCSCF), request("SUBSCRIBE", "sip:bob@home2.test", ORIG));
    let (_, sent) = desk.sent().unwrap();
    assert_eq!(refusal_in(&desk, &sent), refused(403, Cause::NoServedUser));
    // The served user decides, also where the Request-URI is a number of another domain.
    let frank = format!("{ORIG}P-Served-User: <tel:+15550106>\r\n");
    let mut desk = self::desk();
    desk.receive(0, address(PCSCF), request("SUBSCRIBE", "sip:+4930@home2.test;user=phone", &frank));
    assert!(matches!(desk.asked(), Some(Request::Lir(Lir { leg: Leg::Originating, .. }))));
    // The mark `orig` of another network's request counts for nothing.
    let mut settings = settings();
    settings.peers.push(Peer { addresses: vec![address(PEER).ip()], domains: vec!["home2.test".into()] });
    let mut desk = desk_on(settings, role(Admits::Peers, RecordRoute::On));
    desk.receive(0, address(PEER), request("SUBSCRIBE", "sip:carol@home1.test", &frank));
    let Some(Request::Lir(lir)) = desk.asked() else { panic!("no LIR") };
    assert_eq!((lir.impu.as_str(), lir.leg), ("sip:carol@home1.test", Leg::Terminating));
}

#[test]
fn rt_i_04_and_05_unregistered_and_unknown_users() {
    use ResultCode as R;
    for (result, server, expected) in [
        (R::UnregisteredService, None, Ok("127.0.10.14")),
        (R::UnregisteredService, Some("scscf1b"), Ok("127.0.10.15")),
        (R::IdentityNotRegistered, None, Err(refused(480, NodeCause::NotRegistered))),
        (R::UserUnknown, None, Err(refused(404, NodeCause::UnknownUser))),
        (R::TooBusy, None, Err(refused(504, NodeCause::HssCannotTell))),
    ] {
        let mut desk = desk();
        desk.receive(0, address(PCSCF), request("SUBSCRIBE", "sip:carol@home1.test", ""));
        desk.hss(Ok(lia(result, server)));
        let (to, message) = desk.sent().unwrap();
        match expected {
            Ok(ip) => assert_eq!(to.ip().to_string(), ip, "{result:?}"),
            Err(refusal) => assert_eq!(refusal_in(&desk, &message), refusal, "{result:?}"),
        }
    }
}

#[test]
fn rt_i_06_record_route_is_a_setting_and_only_for_subscribe() {
    for (setting, method, recorded) in [
        (RecordRoute::On, "SUBSCRIBE", 1),
        (RecordRoute::Off, "SUBSCRIBE", 0),
        (RecordRoute::On, "PUBLISH", 0),
        (RecordRoute::On, "NOTIFY", 0),
    ] {
        let mut desk = desk_with(setting);
        desk.receive(0, address(PCSCF), request(method, "sip:carol@home1.test", ""));
        desk.hss(Ok(lia(ResultCode::Success, Some("scscf1a"))));
        let (_, message) = forwarded(&mut desk);
        assert_eq!(message.list(HeaderName::RecordRoute).count(), recorded, "{setting:?} {method}");
    }
}

#[test]
fn edge_15_the_s_cscf_named_by_the_hss_is_silent() {
    let registered = || lia(ResultCode::Success, Some("scscf1a"));
    let mut desk = asked_for_another(registered());
    desk.hss(Ok(registered()));
    assert_eq!(refusals(&mut desk), [SCSCF_SILENT], "nobody else has the contacts");
}

#[test]
fn edge_15_for_a_user_who_is_not_registered_another_one_is_taken() {
    let mut desk = asked_for_another(lia(ResultCode::Success, Some("scscf1a")));
    desk.hss(Ok(lia(ResultCode::UnregisteredService, None)));
    let (ip, _) = forwarded(&mut desk);
    assert_eq!(ip, "127.0.10.15");
    desk.pass(Duration::from_secs(5));
    assert_eq!(refusals(&mut desk), [SCSCF_SILENT], "none is left");
}

/// A SUBSCRIBE whose S-CSCF, the one in this answer, was silent.
fn asked_for_another(first: Answer) -> Desk<Icscf> {
    let mut desk = desk();
    desk.receive(0, address(PCSCF), request("SUBSCRIBE", "sip:carol@home1.test", ""));
    desk.hss(Ok(first));
    desk.clear();
    desk.pass(Duration::from_secs(5));
    let Some(Request::Lir(lir)) = desk.asked() else { panic!("not asked again") };
    assert_eq!(lir.kind, LirType::LocationAndCapabilities);
    desk.clear();
    desk
}

#[test]
fn gw_06_every_spelling_of_a_number_is_asked_for_as_one() {
    for (uri, asked) in [
        ("tel:+1(555)01-23", Some("tel:+15550123")),
        ("sip:+1-555-0123@HOME1.test;user=phone", Some("tel:+15550123")),
        ("sip:+15550123@home1.test", Some("sip:+15550123@home1.test")),
        ("sip:1001@home1.test;user=phone", Some("sip:1001@home1.test")),
        ("sip:+15550123@home2.test;user=phone", None),
    ] {
        let mut desk = desk();
        desk.receive(0, address(PCSCF), request("SUBSCRIBE", uri, ""));
        match (desk.asked(), asked) {
            (Some(Request::Lir(lir)), Some(asked)) => assert_eq!(lir.impu.as_str(), asked, "{uri}"),
            (None, None) => assert_eq!(desk.refusal(), refused(404, Cause::ForeignNumber), "{uri}"),
            (other, _) => panic!("{uri}: {other:?}"),
        }
    }
}

#[test]
fn gw_06_whoever_registers_a_number_without_a_username_is_known_by_user_and_host() {
    let mut desk = desk();
    let register = request("REGISTER", "sip:home1.test", "")
        .replace("To: <sip:alice@home1.test>", "To: <sip:+1-555-0123@home1.test;user=phone>");
    desk.receive(0, address(PCSCF), register);
    let Some(Request::Uar(uar)) = desk.asked() else { panic!("nobody is asked") };
    assert_eq!((uar.impu.as_str(), uar.impi.as_str()), ("tel:+15550123", "+1-555-0123@home1.test"));
}

#[test]
fn rfc3261_16_3_without_a_hop_left_nobody_is_asked() {
    for (method, uri) in
        [("SUBSCRIBE", "sip:nobody@home1.test"), ("MESSAGE", "tel:+1555"), ("REGISTER", "sip:home1.test")]
    {
        let mut desk = desk();
        let request = request(method, uri, "").replace("Max-Forwards: 70", "Max-Forwards: 0");
        desk.receive(0, address(PCSCF), request);
        assert_eq!((desk.refusal(), desk.asked()), (refused(483, NodeCause::NoHopLeft), None), "{method}");
    }
}

#[test]
fn reg_i_03_another_operators_p_cscf_is_in_a_network_of_its_own() {
    const ROAMING: &str = "198.51.100.1:5062";
    for (from, named, expected) in [
        (PCSCF, Some("home1.test"), Ok(Some("home1.test"))),
        (PCSCF, Some("partner.test"), Ok(Some("partner.test"))),
        (PCSCF, None, Ok(None)),
        (ROAMING, Some("home2.test"), Ok(Some("home2.test"))),
        (ROAMING, Some("HOME2.test"), Ok(Some("home2.test"))),
        (ROAMING, None, Ok(Some("home2.test"))),
        (ROAMING, Some("home1.test"), Err(refused(403, Cause::ForeignVisitedNetwork))),
    ] {
        let mut settings = settings();
        let (addresses, domains) = (vec![address(ROAMING).ip()], vec!["home2.test".into()]);
        settings.peers.push(Peer { addresses, domains });
        let mut desk = Desk::new(settings, role(Admits::Peers, RecordRoute::On));
        let header = named.map_or_else(String::new, |named| format!("P-Visited-Network-ID: \"{named}\"\r\n"));
        desk.receive(0, address(from), request("REGISTER", "sip:home1.test", &header));
        let told = match desk.asked() {
            Some(Request::Uar(uar)) => Ok(uar.visited_network),
            Some(other) => panic!("{other:?}"),
            None => Err(desk.refusal()),
        };
        assert_eq!(told, expected.map(|network| network.map(Into::into)), "{from} {named:?}");
    }
}
