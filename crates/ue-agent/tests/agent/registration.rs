//! TS 24.229 section 5.1.1: REGISTER at the UE.
use crate::support::{self, INSTANCE, LOCAL, Ue, challenge, granted, granted_to, secs, settings};
use ims_node::digest;
use sip_message::{Credentials, DigestAlgorithm, HeaderName, Message, Transport};
use std::time::Duration;
use ue_agent::Report;

fn credentials(request: &Message) -> Credentials<'_> {
    Credentials::parse(request.value(HeaderName::Authorization).unwrap()).unwrap()
}

fn is_right(request: &Message, algorithm: DigestAlgorithm) -> bool {
    let given = credentials(request);
    let ha1 = digest::ha1(algorithm, "alice@home1.test", "home1.test", "alice-secret");
    given.digest_algorithm() == Some(algorithm)
        && given.response == digest::response(algorithm, &ha1, "REGISTER", &given)
}

fn failed(reports: &[Report]) -> (Option<u16>, &str, Option<u64>) {
    let [Report::RegisterFailed { status, reason, retry_s, .. }] = reports else { panic!("{reports:?}") };
    (*status, reason, *retry_s)
}

#[test]
fn reg_u_01_the_first_register() {
    let mut ue = Ue::new();
    ue.words("register").unwrap();
    let register = ue.request("REGISTER");
    assert_eq!(register.request_uri_text(), "sip:home1.test");
    let from = register.value(HeaderName::From).unwrap();
    assert!(from.starts_with("<sip:alice@home1.test>;tag="), "{from}");
    for (name, value) in [
        (HeaderName::To, "<sip:alice@home1.test>"),
        (HeaderName::Contact, &*format!("<sip:alice@{LOCAL}>;+sip.instance=\"<{INSTANCE}>\"")),
        (HeaderName::Expires, "600000"),
        (HeaderName::Supported, "path, gruu"),
        (HeaderName::CSeq, "1 REGISTER"),
        (HeaderName::MaxForwards, "70"),
        (HeaderName::PAccessNetworkInfo, "IEEE-802.3"),
        (
            HeaderName::Authorization,
            "Digest username=\"alice@home1.test\", realm=\"home1.test\", nonce=\"\", uri=\"sip:home1.test\", response=\"\"",
        ),
    ] {
        assert_eq!(register.value(name), Some(value), "{name:?}");
    }
}

#[test]
fn reg_u_02_a_challenge_is_answered_with_the_strongest_algorithm() {
    let md5 = challenge("n1").lines().nth(1).unwrap().to_owned() + "\r\n";
    let aka =
        "WWW-Authenticate: Digest realm=\"home1.test\", nonce=\"n1\", algorithm=AKAv1-MD5\r\n".to_owned();
    for (headers, algorithm) in [
        (challenge("n1"), DigestAlgorithm::Sha256),
        (md5.clone(), DigestAlgorithm::Md5),
        (aka + &md5, DigestAlgorithm::Md5),
        ("WWW-Authenticate: Digest realm=\"home1.test\", nonce=\"n1\"\r\n".to_owned(), DigestAlgorithm::Md5),
    ] {
        let mut ue = Ue::new();
        ue.words("register").unwrap();
        let first = ue.request("REGISTER");
        ue.answer(&first, "401 Unauthorized", &headers);
        let second = ue.request("REGISTER");
        assert!(is_right(&second, algorithm), "{headers}");
        assert_eq!((second.call_id(), second.cseq()), (first.call_id(), 2));
    }
}

#[test]
fn reg_u_02_the_third_challenge_ends_it() {
    let mut ue = Ue::new();
    ue.words("register").unwrap();
    for nonce in ["n1", "n2"] {
        let register = ue.request("REGISTER");
        ue.answer(&register, "401 Unauthorized", &challenge(nonce));
    }
    let third = ue.request("REGISTER");
    assert_eq!((third.cseq(), credentials(&third).nonce), (3, "n2"));
    ue.answer(&third, "401 Unauthorized", &challenge("n3"));
    assert_eq!(failed(&ue.reports()), (Some(401), "wrong password", None));
    ue.pass(secs(3600));
    assert!(ue.requests().is_empty());
    ue.words("register").unwrap();
    assert_eq!(credentials(&ue.request("REGISTER")).nonce, "");
}

#[test]
fn reg_u_02_a_stale_nonce_says_nothing_of_the_password() {
    let mut ue = Ue::new();
    ue.words("register").unwrap();
    let stale = |nonce: &str| challenge(nonce).replace("qop=\"auth\"", "qop=\"auth\", stale=true");
    for headers in [challenge("n1"), challenge("n2"), stale("n3"), stale("n4"), stale("n5")] {
        let register = ue.request("REGISTER");
        ue.answer(&register, "401 Unauthorized", &headers);
    }
    let register = ue.request("REGISTER");
    assert_eq!(credentials(&register).nonce, "n5");
    ue.answer(&register, "401 Unauthorized", &stale("n6"));
    assert_eq!(failed(&ue.reports()), (Some(401), "wrong password", None));
}

#[test]
fn reg_u_02_the_nonce_is_used_again_and_counted() {
    let mut ue = Ue::registered();
    ue.words("register").unwrap();
    let again = ue.request("REGISTER");
    assert!(is_right(&again, DigestAlgorithm::Sha256));
    assert_eq!(
        (credentials(&again).nonce, credentials(&again).nc, again.cseq()),
        ("n1", Some("00000002"), 3)
    );
}

#[test]
fn reg_u_02_a_challenge_that_cannot_be_answered() {
    let mut ue = Ue::new();
    ue.words("register").unwrap();
    let register = ue.request("REGISTER");
    ue.answer(&register, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n");
    assert_eq!(failed(&ue.reports()), (Some(401), "no challenge that can be answered", None));
}

#[test]
fn reg_u_03_too_brief_is_asked_longer() {
    let mut ue = Ue::with({
        let mut settings = settings(Transport::Udp);
        settings.registration_s = 60;
        settings
    });
    ue.words("register").unwrap();
    let first = ue.request("REGISTER");
    ue.answer(&first, "423 Interval Too Brief", "Min-Expires: 600\r\n");
    let second = ue.request("REGISTER");
    assert_eq!((second.expires(), second.cseq()), (Some(600), 2));
    ue.answer(&second, "423 Interval Too Brief", "Min-Expires: 600\r\n");
    assert_eq!(failed(&ue.reports()), (Some(423), "Interval Too Brief", None));
}

#[test]
fn reg_u_04_what_the_200_says_is_kept() {
    let mut ue = Ue::new();
    ue.words("register").unwrap();
    let register = ue.request("REGISTER");
    ue.answer(&register, "200 OK", &granted(3600));
    let gruu = Some(support::gruu().into());
    assert_eq!(
        ue.reports(),
        [Report::Registered { uri: "sip:alice@home1.test".into(), expires_s: 3600, gruu }]
    );
    ue.pass(secs(10));
    ue.words("status").unwrap();
    let reports = ue.reports();
    let [Report::Status(status)] = &*reports else { panic!("{reports:?}") };
    assert_eq!(status.registered_s, Some(3590));
}

#[test]
fn reg_u_04_a_barred_identity_gives_way_to_the_default_one() {
    let mut ue = Ue::new();
    ue.words("register").unwrap();
    let register = ue.request("REGISTER");
    let headers = granted(3600).replace("<sip:alice@home1.test>,", "<sip:al@home1.test>,");
    ue.answer(&register, "200 OK", &headers);
    ue.words("watch carol@home1.test").unwrap();
    let subscribe = ue.request("SUBSCRIBE");
    assert_eq!(subscribe.from_uri().unwrap().as_str(), "sip:al@home1.test");
    assert_eq!(subscribe.value(HeaderName::PPreferredIdentity), Some("<sip:al@home1.test>"));
}

#[test]
fn reg_u_04_a_200_without_our_contact_binds_nothing() {
    let mut ue = Ue::new();
    ue.words("register").unwrap();
    let register = ue.request("REGISTER");
    ue.answer(&register, "200 OK", &granted(3600).replace(LOCAL, "127.0.10.32:5060"));
    assert_eq!(failed(&ue.reports()).1, "the network did not keep our contact");
}

/// 600 s before the end, or at half time of up to 1200 s: one millisecond before nothing goes out.
#[test]
fn reg_u_05_when_it_is_refreshed() {
    for (granted_s, refresh_ms) in
        [(600_000, 599_400_000), (1201, 601_000), (1200, 600_000), (60, 30_000), (1, 500)]
    {
        let mut ue = Ue::new();
        ue.words("register").unwrap();
        let register = ue.request("REGISTER");
        ue.answer(&register, "200 OK", &granted(granted_s));
        ue.pass(Duration::from_millis(refresh_ms - 1));
        assert!(ue.requests().is_empty(), "{granted_s}");
        ue.pass(Duration::from_millis(1));
        assert_eq!(ue.request("REGISTER").cseq(), 2, "{granted_s}");
    }
}

#[test]
fn reg_u_07_the_way_of_what_follows() {
    let mut ue = Ue::registered();
    ue.words("watch carol@home1.test").unwrap();
    let subscribe = ue.request("SUBSCRIBE");
    let routes: Vec<&str> = subscribe.list(HeaderName::Route).collect();
    assert_eq!(routes, ["<sip:127.0.10.11:5060;lr>", "<sip:orig@scscf1a.home1.test;lr>"]);
    assert_eq!(subscribe.value(HeaderName::PPreferredIdentity), Some("<sip:alice@home1.test>"));
    assert_eq!(subscribe.value(HeaderName::PAccessNetworkInfo), Some("IEEE-802.3"));
    assert_eq!(subscribe.value(HeaderName::Contact), Some(&*format!("<{}>", support::gruu())));
}

#[test]
fn reg_u_08_deregistering() {
    let mut ue = Ue::registered();
    ue.words("deregister").unwrap();
    let register = ue.request("REGISTER");
    assert_eq!((register.expires(), register.cseq()), (Some(0), 3));
    assert!(register.value(HeaderName::Contact).unwrap().contains(LOCAL));
    ue.answer(&register, "200 OK", "");
    assert_eq!(ue.reports(), [Report::Deregistered { uri: "sip:alice@home1.test".into() }]);
    ue.pass(secs(7200));
    assert!(ue.requests().is_empty());
}

#[test]
fn reg_u_08_a_changed_mind_waits_for_the_answer() {
    let mut ue = Ue::new();
    ue.words("register").unwrap();
    ue.words("deregister").unwrap();
    let register = ue.request("REGISTER");
    ue.answer(&register, "200 OK", &granted(3600));
    let second = ue.request("REGISTER");
    assert_eq!(second.expires(), Some(0));
    ue.words("register").unwrap();
    assert!(ue.requests().is_empty());
    ue.answer(&second, "200 OK", "");
    assert_eq!(ue.request("REGISTER").expires(), Some(600_000));
}

#[test]
fn a_pcscf_out_of_reach_is_tried_ever_more_seldom() {
    let mut ue = Ue::new();
    ue.is_unreachable = true;
    ue.words("register").unwrap();
    let mut waits = Vec::new();
    for _ in 0..8 {
        let before = ue.now;
        let deadline = ue.node.poll_timeout().unwrap();
        waits.push(deadline.saturating_since(before.mono));
        assert_eq!(failed(&ue.reports()).1, "the P-CSCF cannot be reached");
        ue.pass(deadline.saturating_since(before.mono));
    }
    for (wait, longest) in waits.iter().zip([1, 2, 4, 8, 16, 30, 30, 30]) {
        assert!(*wait <= secs(longest) && *wait >= secs(longest) * 3 / 4, "{waits:?}");
    }
    ue.is_unreachable = false;
    ue.pass(secs(30));
    let register = ue.request("REGISTER");
    ue.answer(&register, "200 OK", &granted(3600));
    assert!(matches!(ue.reports().last(), Some(Report::Registered { .. })));
}

#[test]
fn a_silent_pcscf_is_given_up_after_timer_f() {
    let mut ue = Ue::new();
    ue.words("register").unwrap();
    ue.pass(Duration::from_millis(31_999));
    assert!(ue.reports().is_empty());
    ue.pass(Duration::from_millis(1));
    assert_eq!(failed(&ue.reports()).1, "no answer");
}

#[test]
fn which_refusals_pass_and_which_stay() {
    for (status, headers, retry_s) in [
        ("403 Forbidden", "Warning: 399 icscf1.home1.test \"unknown user\"\r\n", None),
        ("404 Not Found", "", None),
        ("420 Bad Extension", "", None),
        ("503 Service Unavailable", "Retry-After: 7\r\n", Some(7)),
        ("480 Temporarily Unavailable", "", Some(0)),
        ("504 Server Time-out", "Retry-After: 99999\r\n", Some(3600)),
    ] {
        let mut ue = Ue::new();
        ue.words("register").unwrap();
        let register = ue.request("REGISTER");
        ue.answer(&register, status, headers);
        let reports = ue.reports();
        let (code, reason, retry) = failed(&reports);
        assert_eq!(code.unwrap().to_string(), status[..3]);
        assert_eq!(retry, retry_s, "{status}");
        let expected = if headers.contains("unknown user") { "unknown user" } else { &status[4..] };
        assert_eq!(reason, expected);
    }
}

#[test]
fn over_tcp_a_closed_connection_is_registered_anew() {
    let mut ue = Ue::with(settings(Transport::Tcp));
    ue.words("register").unwrap();
    let first = ue.request("REGISTER");
    assert!(first.value(HeaderName::Via).unwrap().starts_with("SIP/2.0/TCP "));
    assert!(first.value(HeaderName::Contact).unwrap().contains(";transport=tcp>"));
    ue.answer(&first, "200 OK", &granted_to(3600, ";transport=tcp"));
    ue.reports();
    ue.close_connection();
    assert_eq!(failed(&ue.reports()), (None, "the connection has ended", Some(0)));
    ue.pass(Duration::ZERO);
    let second = ue.request("REGISTER");
    assert_eq!((second.call_id(), second.cseq(), second.expires()), (first.call_id(), 2, Some(600_000)));
}

#[test]
fn a_binding_that_could_not_be_refreshed_ends_with_its_time() {
    let mut ue = Ue::registered();
    ue.is_unreachable = true;
    ue.pass(secs(3599));
    ue.words("status").unwrap();
    assert!(matches!(ue.reports().last(), Some(Report::Status(status)) if status.registered_s == Some(1)));
    ue.pass(secs(1));
    ue.words("status").unwrap();
    assert!(matches!(ue.reports().last(), Some(Report::Status(status)) if status.registered_s.is_none()));
}
