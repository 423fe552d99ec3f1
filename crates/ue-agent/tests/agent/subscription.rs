//! RFC 6665 section 4.1 and RFC 3856: the watcher.

use crate::support::{CAROL, OPEN, Ue, granted, granted_to, notify, notify_of, secs, settings};
use sip_message::{HeaderName, Transport};
use std::time::Duration;
use ue_agent::{Report, SubscriptionState};

const ACCEPTED: &str = ";tag=ps1|Expires: 3600\r\nContact: <sip:ps1.home1.test>\r\n";

fn open(state: SubscriptionState, expires_s: Option<u32>) -> Report {
    Report::Presence {
        uri: CAROL.into(),
        state,
        expires_s,
        basic: Some("open"),
        note: Some("in a meeting".into()),
        activities: Vec::new(),
        document: Some(OPEN.into()),
    }
}

fn state(state: SubscriptionState) -> Report {
    Report::Subscription { uri: CAROL.into(), state, reason: None, status: None, retry_s: None }
}

fn ended(reason: &str, status: Option<u16>, retry_s: Option<u64>) -> Report {
    let (state, reason) = (SubscriptionState::Ended, Some(reason.into()));
    Report::Subscription { uri: CAROL.into(), state, reason, status, retry_s }
}

#[test]
fn sub_s_01_the_first_subscribe() {
    let mut ue = Ue::registered();
    ue.words("watch carol@home1.test").unwrap();
    let subscribe = ue.request("SUBSCRIBE");
    assert_eq!(subscribe.request_uri_text(), CAROL);
    for (name, value) in [
        (HeaderName::To, "<sip:carol@home1.test>"),
        (HeaderName::Event, "presence"),
        (HeaderName::Expires, "3600"),
        (HeaderName::Accept, "application/pidf+xml"),
        (HeaderName::CSeq, "1 SUBSCRIBE"),
        (HeaderName::Supported, "gruu"),
    ] {
        assert_eq!(subscribe.value(name), Some(value), "{name:?}");
    }
}

#[test]
fn rt_p_01_what_needs_a_registration_makes_one_and_waits_for_it() {
    let mut ue = Ue::new();
    ue.words("watch carol@home1.test").unwrap();
    let register = ue.request("REGISTER");
    ue.answer(&register, "200 OK", &granted(3600));
    assert_eq!(ue.request("SUBSCRIBE").request_uri_text(), CAROL);
}

#[test]
fn sub_s_02_no_notify_before_timer_n_is_a_failure_even_after_a_200() {
    let mut ue = Ue::registered();
    ue.words("watch carol@home1.test").unwrap();
    let subscribe = ue.request("SUBSCRIBE");
    ue.answer(&subscribe, "200 OK", ACCEPTED);
    ue.pass(Duration::from_millis(31_999));
    assert!(ue.reports().is_empty());
    ue.pass(Duration::from_millis(1));
    assert_eq!(ue.reports(), [ended("no NOTIFY came", None, Some(1))]);
    ue.pass(secs(1));
    let again = ue.request("SUBSCRIBE");
    assert_ne!(again.call_id(), subscribe.call_id());
}

#[test]
fn sub_s_03_a_notify_before_the_200_counts() {
    let mut ue = Ue::registered();
    ue.words("watch carol@home1.test").unwrap();
    let subscribe = ue.request("SUBSCRIBE");
    ue.deliver(&notify(&subscribe, 1, "active;expires=3599", OPEN));
    assert_eq!(ue.status(), 200);
    assert_eq!(ue.reports(), [state(SubscriptionState::Active), open(SubscriptionState::Active, Some(3599))]);
    ue.answer(&subscribe, "200 OK", ACCEPTED);
    assert!(ue.reports().is_empty());
}

#[test]
fn sub_s_04_of_a_forked_subscribe_the_first_dialog_is_kept() {
    let (mut ue, subscribe) = Ue::watching();
    ue.deliver(&notify_of(&subscribe, ("ps2", "presence"), (1, "active;expires=3600"), OPEN));
    assert_eq!((ue.status(), ue.reports()), (481, Vec::new()));
}

#[test]
fn sub_s_05_how_a_notify_is_answered() {
    let (mut ue, subscribe) = Ue::watching();
    for (text, status) in [
        (notify(&subscribe, 2, "active;expires=3000", OPEN), 200),
        (notify(&subscribe, 3, "pending", ""), 200),
        (notify(&subscribe, 2, "active;expires=2000", OPEN), 500),
        (notify_of(&subscribe, ("ps1", "dialog"), (4, "active"), ""), 489),
        (notify(&subscribe, 5, "paused", ""), 400),
        (notify(&subscribe, 6, "active", "").replace("Call-ID: ", "Call-ID: x"), 481),
    ] {
        ue.deliver(&text);
        let responses = ue.responses();
        assert_eq!(responses[0].status().unwrap().code(), status, "{text}");
        if status == 489 {
            assert_eq!(responses[0].value(HeaderName::AllowEvents), Some("presence, reg"));
        }
    }
}

#[test]
fn sub_s_05_a_document_that_cannot_be_read_ends_nothing() {
    let (mut ue, subscribe) = Ue::watching();
    for (cseq, body, why) in [(2, "<presence", "a presence document is broken"), (3, "<x/>", "root")] {
        ue.deliver(&notify(&subscribe, cseq, "active;expires=3000", body));
        assert_eq!(ue.status(), 200);
        let reports = ue.reports();
        assert!(matches!(&*reports, [Report::Error { what }] if what.contains(why)), "{reports:?}");
    }
    let foreign = notify(&subscribe, 4, "active;expires=3000", OPEN).replace("pidf+xml", "rlmi+xml");
    ue.deliver(&foreign);
    assert_eq!(ue.status(), 200);
    assert!(matches!(&*ue.reports(), [Report::Error { what }] if what.contains("application/rlmi+xml")));
}

/// The NOTIFY names less than the 200: the refresh comes at 80 to 90 percent of that.
#[test]
fn sub_s_06_the_notify_may_shorten_and_sub_s_07_the_refresh_comes_well_before() {
    let (mut ue, subscribe) = Ue::watching();
    ue.deliver(&notify(&subscribe, 2, "active;expires=100", OPEN));
    ue.pass(secs(79));
    assert!(ue.requests().is_empty());
    ue.pass(secs(12));
    let refresh = ue.request("SUBSCRIBE");
    assert_eq!((refresh.call_id(), refresh.cseq()), (subscribe.call_id(), 2));
    assert_eq!((refresh.to_tag(), refresh.from_tag()), (Some("ps1"), subscribe.from_tag()));
    assert_eq!(refresh.request_uri_text(), "sip:ps1.home1.test");
    let routes: Vec<&str> = refresh.list(HeaderName::Route).collect();
    assert_eq!(routes, ["<sip:FT1@127.0.10.11:5060;lr;d=1>", "<sip:rr-o@scscf1a.home1.test;lr>"]);
    assert_eq!((refresh.value(HeaderName::Event), refresh.expires()), (Some("presence"), Some(3600)));
    assert_eq!(refresh.value(HeaderName::PAccessNetworkInfo), Some("IEEE-802.3"));
}

#[test]
fn sub_s_07_a_lost_dialog_is_subscribed_anew() {
    let (mut ue, subscribe) = Ue::watching();
    ue.deliver(&notify(&subscribe, 2, "active;expires=100", OPEN));
    ue.reports();
    ue.pass(secs(91));
    let refresh = ue.request("SUBSCRIBE");
    ue.answer(&refresh, "481 Call/Transaction Does Not Exist", "");
    let anew = ue.request("SUBSCRIBE");
    assert_ne!(anew.call_id(), subscribe.call_id());
    assert_eq!(anew.to_tag(), None);
    assert_eq!(ue.reports(), [ended("Call/Transaction Does Not Exist", Some(481), Some(0))]);
}

#[test]
fn sub_s_08_what_follows_each_end() {
    for (text, reason, retry_s) in [
        ("terminated;reason=deactivated", "deactivated", Some(0)),
        ("terminated;reason=timeout", "timeout", Some(0)),
        ("terminated;reason=probation;retry-after=20", "probation", Some(20)),
        ("terminated;reason=giveup;retry-after=9", "giveup", Some(9)),
        ("terminated;reason=rejected", "rejected", None),
        ("terminated;reason=noresource", "noresource", None),
        ("terminated;reason=invariant", "invariant", None),
    ] {
        let (mut ue, subscribe) = Ue::watching();
        ue.deliver(&notify(&subscribe, 2, text, OPEN));
        assert_eq!(ue.status(), 200);
        assert_eq!(
            ue.reports(),
            [open(SubscriptionState::Ended, None), ended(reason, None, retry_s)],
            "{text}"
        );
        ue.pass(secs(retry_s.unwrap_or(1000)));
        let anew = ue.requests().into_iter().filter(|request| request.cseq_method() == "SUBSCRIBE").count();
        assert_eq!(anew, usize::from(retry_s.is_some()), "{text}");
        let known = ue.words("unwatch carol@home1.test").is_ok();
        assert_eq!(known, retry_s.is_some(), "{text}");
    }
}

#[test]
fn denied_1_a_refused_subscribe_ends_for_good() {
    let mut ue = Ue::registered();
    ue.words("watch carol@home1.test").unwrap();
    let subscribe = ue.request("SUBSCRIBE");
    ue.answer(&subscribe, "403 Forbidden", "Warning: 399 ps1.home1.test \"blocked\"\r\n");
    assert_eq!(ue.reports(), [ended("blocked", Some(403), None)]);
    ue.pass(secs(100));
    assert!(ue.requests().is_empty());
}

#[test]
fn sub_s_09_after_unsubscribing_the_last_notify_counts() {
    let (mut ue, subscribe) = Ue::watching();
    ue.words("unwatch carol@home1.test").unwrap();
    let last = ue.request("SUBSCRIBE");
    assert_eq!((last.expires(), last.cseq(), last.to_tag()), (Some(0), 2, Some("ps1")));
    ue.answer(&last, "200 OK", "Expires: 0\r\n");
    assert!(ue.reports().is_empty());
    ue.deliver(&notify(&subscribe, 2, "terminated;reason=timeout", OPEN));
    assert_eq!(ue.status(), 200);
    assert_eq!(ue.reports(), [open(SubscriptionState::Ended, None), ended("unsubscribed", None, None)]);
}

#[test]
fn sub_n_13_a_fetch_is_one_subscribe_and_one_notify() {
    let mut ue = Ue::registered();
    ue.words("fetch carol@home1.test").unwrap();
    let subscribe = ue.request("SUBSCRIBE");
    assert_eq!((subscribe.expires(), subscribe.to_tag()), (Some(0), None));
    ue.answer(&subscribe, "200 OK", ";tag=ps1|Expires: 0\r\nContact: <sip:ps1.home1.test>\r\n");
    ue.deliver(&notify(&subscribe, 1, "terminated;reason=timeout", OPEN));
    assert_eq!(ue.reports(), [open(SubscriptionState::Ended, None), ended("timeout", None, None)]);
    ue.pass(secs(100));
    assert!(ue.requests().is_empty());
    ue.words("fetch carol@home1.test").unwrap();
    assert_eq!(ue.request("SUBSCRIBE").expires(), Some(0));
}

#[test]
fn prs_11_nothing_known_is_told_as_that() {
    let (mut ue, subscribe) = Ue::watching();
    ue.deliver(&notify(&subscribe, 2, "pending;expires=60", ""));
    let reports = ue.reports();
    assert_eq!(reports[0], state(SubscriptionState::Pending));
    assert!(matches!(&reports[1], Report::Presence { basic: None, document: None, expires_s: Some(60), .. }));
}

#[test]
fn who_is_watched_already_is_not_watched_twice() {
    let (mut ue, _) = Ue::watching();
    assert_eq!(ue.words("watch carol@HOME1.test").unwrap_err(), "sip:carol@HOME1.test is watched already");
    assert_eq!(ue.words("unwatch dave@home2.test").unwrap_err(), "sip:dave@home2.test is not watched");
    for at in 1..ue_agent::MAX_WATCHES {
        ue.words(&format!("watch u{at}@home1.test")).unwrap();
    }
    assert_eq!(ue.words("watch bob@home2.test").unwrap_err(), "too many are watched");
}

/// Figures 6 and 7, the moving watcher: NOTIFYs of the old dialog count until the new one is active.
#[test]
fn after_its_connection_broke_the_watcher_subscribes_anew() {
    let mut ue = Ue::with(settings(Transport::Tcp));
    ue.words("watch carol@home1.test").unwrap();
    let register = ue.request("REGISTER");
    ue.answer(&register, "200 OK", &granted_to(3600, ";transport=tcp"));
    let old = ue.request("SUBSCRIBE");
    ue.answer(&old, "200 OK", ACCEPTED);
    ue.deliver(&notify(&old, 1, "active;expires=3600", OPEN));
    ue.close_connection();
    ue.pass(Duration::ZERO);
    let register = ue.request("REGISTER");
    ue.answer(&register, "200 OK", &granted_to(3600, ";transport=tcp"));
    let new = ue.request("SUBSCRIBE");
    assert_ne!(new.call_id(), old.call_id());
    ue.responses();
    ue.reports();
    ue.deliver(&notify(&old, 2, "active;expires=3500", OPEN));
    assert_eq!(ue.status(), 200);
    assert_eq!(ue.reports(), [open(SubscriptionState::Active, Some(3500))]);
    ue.deliver(&notify(&new, 1, "active;expires=3600", OPEN));
    assert_eq!(ue.status(), 200);
    ue.deliver(&notify(&old, 3, "active;expires=3400", OPEN));
    assert_eq!(ue.status(), 481);
}
