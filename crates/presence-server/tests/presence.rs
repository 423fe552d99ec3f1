//! PRS: who may watch, and what is shown (RFC 3856, RFC 5025).

mod support;

use ims_node::NodeCause;
use presence_document::{Pidf, SubHandling};
use presence_server::{Cause, RegistrationHint, RuleBook};
use sip_message::HeaderName;
use std::time::Duration;
use support::{
    ALICE, BOB, CAROL, ERIN, Fate, OK, Ps, Request, START, book, by_dialog, code, pidf, publish, refused,
    rules, ruleset, shown, state, subscribe,
};

/// Carol's rules let alice watch in this way.
fn carol_handles_alice(action: &str) -> RuleBook {
    book(&[(CAROL, rules(&[(ALICE, action)]))])
}

/// The rules of the presentity do not let the watcher watch.
fn blocked() -> Fate {
    refused(403, NodeCause::WatcherNotAllowed)
}

fn with_default(action: SubHandling) -> Ps {
    let mut settings = by_dialog();
    settings.default_action = action;
    Ps::new(settings, RuleBook::new())
}

#[test]
fn prs_04_what_each_action_looks_like_on_the_wire() {
    let table =
        [("allow", "active", "open"), ("polite-block", "active", "closed"), ("confirm", "pending", "-")];
    for (action, expected, document) in table {
        let mut ps = Ps::new(by_dialog(), carol_handles_alice(action));
        ps.carol_is("open");
        assert_eq!(code(&ps.send(&subscribe(ALICE, CAROL))), 200);
        let notify = ps.notify();
        assert_eq!(state(&notify), format!("{expected};expires=600"), "{action}");
        assert_eq!(shown(&notify), document, "{action}");
    }
    let mut ps = Ps::new(by_dialog(), carol_handles_alice("block"));
    let answer = ps.send(&subscribe(ALICE, CAROL));
    assert_eq!((ps.fate_in(&answer), ps.sent().len()), (blocked(), 0));
    assert_eq!((ps.node.role().presentities(), ps.journal.len()), (0, 0));
}

#[test]
fn prs_04_without_a_rule_the_default_action_holds() {
    let table = [
        (SubHandling::Block, blocked(), None),
        (SubHandling::Confirm, OK, Some(("pending;expires=600", "-"))),
        (SubHandling::PoliteBlock, OK, Some(("active;expires=600", "closed"))),
        (SubHandling::Allow, OK, Some(("active;expires=600", "open"))),
    ];
    for (action, fate, expected) in table {
        let mut ps = with_default(action);
        ps.carol_is("open");
        let answer = ps.send(&subscribe(ALICE, CAROL));
        assert_eq!(ps.fate_in(&answer), fate, "{action:?}");
        let sent = ps.sent();
        let seen = sent.first().map(|notify| (state(notify).to_owned(), shown(notify)));
        assert_eq!(seen, expected.map(|(state, shown)| (state.to_owned(), shown.to_owned())), "{action:?}");
    }
}

#[test]
fn the_presentity_itself_sees_everything() {
    let mut ps = with_default(SubHandling::Block);
    ps.carol_is("open");
    let first = ps.watch(&subscribe(CAROL, CAROL)).first;
    assert_eq!(shown(&first), "open");
}

#[test]
fn prs_02_any_asserted_identity_counts() {
    let mut ps = Ps::new(by_dialog(), book(&[(CAROL, rules(&[("tel:+12015550123", "allow")]))]));
    let two = subscribe(ALICE, CAROL)
        .with("P-Asserted-Identity", "\"Alice\" <sip:alice@home1.test>, <tel:+1-201-555-0123>");
    assert_eq!(ps.status(&two), 200);
    assert_eq!(ps.fate(&subscribe(ALICE, CAROL).call_id("one")), blocked());
}

#[test]
fn prs_03_who_asks_for_privacy_is_judged_by_the_identity_that_the_network_asserts() {
    let mut ps = Ps::new(by_dialog(), carol_handles_alice("allow"));
    assert_eq!(ps.status(&subscribe(ALICE, CAROL).with("Privacy", "user;id")), 200);
    assert_eq!(ps.fate(&subscribe(BOB, CAROL).with("Privacy", "id")), blocked());
    ps.set_rules(book(&[(CAROL, rules(&[(ALICE, "block")]))]));
    assert_eq!(ps.fate(&subscribe(ALICE, CAROL).call_id("again").with("Privacy", "id")), blocked());
}

#[test]
fn prs_07_only_what_is_granted_is_shown() {
    let only_services = "<cp:rule id='a'><cp:conditions><cp:identity><cp:many/></cp:identity></cp:conditions>\
        <cp:actions><pr:sub-handling>allow</pr:sub-handling></cp:actions><cp:transformations>\
        <pr:provide-services><pr:all-services/></pr:provide-services></cp:transformations></cp:rule>";
    let mut ps = Ps::new(by_dialog(), book(&[(CAROL, ruleset(only_services))]));
    let rich = "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model'\
        entity='sip:carol@home1.test'><tuple id='phone'><status><basic>open</basic></status><note>secret</note>\
        </tuple><dm:person id='p'><dm:note>secret</dm:note></dm:person></presence>"
        .replace("'entity", "' entity");
    ps.publish(&publish(CAROL).body(&rich));
    let first = ps.watch(&subscribe(ALICE, CAROL)).first;
    assert_eq!(shown(&first), "open");
    assert!(!String::from_utf8_lossy(&first.body()).contains("secret"));
    let own = ps.watch(&subscribe(CAROL, CAROL)).first;
    assert!(String::from_utf8_lossy(&own.body()).contains("secret"));
}

#[test]
fn prs_09_10_several_publications_are_one_document_about_the_presentity() {
    let mut ps = Ps::usual();
    ps.publish(&publish(CAROL).body(&pidf("open")));
    ps.publish(&publish(CAROL).call_id("second").body(&pidf("closed").replace("phone", "desk")));
    let first = ps.watch(&subscribe(ALICE, CAROL)).first;
    let document = Pidf::parse(&first.body()).unwrap();
    assert_eq!(document.entity(), CAROL);
    let ids: Vec<&str> = document.tuples().map(presence_document::Component::id).collect();
    assert_eq!((ids, shown(&first).as_str()), (vec!["desk", "phone"], "closed open"));
}

#[test]
fn prs_11_nothing_published_is_closed_and_a_stranger_to_the_domain_404() {
    let mut ps = Ps::usual();
    let first = ps.watch(&subscribe(ALICE, CAROL)).first;
    assert_eq!(shown(&first), "closed");
    for unknown in ["sip:carol@home2.test", "sip:home1.test", "sip:+12015550123@home2.test;user=phone"] {
        let fate = ps.fate(&subscribe(ALICE, CAROL).about(unknown));
        assert_eq!(fate, refused(404, Cause::NoSuchPresentity), "{unknown}");
    }
}

#[test]
fn prs_10_a_registration_comes_and_goes() {
    let register = |(number, seconds): (u32, &str)| {
        let mut request = Request::new("REGISTER", "sip:scscf1a.home1.test", CAROL)
            .with("Contact", "<sip:scscf1a.home1.test>")
            .with("Expires", seconds);
        request.cseq = number;
        request
    };
    for (hint, expected) in
        [(RegistrationHint::Open, &["open", "closed", "open", "closed"][..]), (RegistrationHint::None, &[])]
    {
        let mut settings = by_dialog();
        settings.registration_hint = hint;
        let mut ps = Ps::new(settings, support::carols_friends());
        ps.watch(&subscribe(ALICE, CAROL).with("Expires", "3600"));
        let mut seen = Vec::new();
        for (said, pass) in [((1, "600"), 1), ((2, "600"), 1), ((3, "0"), 1), ((4, "60"), 60)] {
            assert_eq!(code(&ps.send(&register(said))), 200);
            seen.extend(ps.shown_and_confirmed());
            ps.pass_s(pass);
            seen.extend(ps.shown_and_confirmed());
        }
        assert_eq!(seen, expected, "{hint:?}");
    }
}

#[test]
fn prs_06_edge_10_rules_change_under_live_subscriptions() {
    let table = [
        ("confirm", "allow", Some(("active;expires=600", "open"))),
        ("confirm", "polite-block", Some(("active;expires=600", "closed"))),
        ("confirm", "block", Some(("terminated;reason=rejected", ""))),
        ("confirm", "confirm", None),
        ("allow", "block", Some(("terminated;reason=rejected", ""))),
        ("allow", "polite-block", Some(("active;expires=600", "closed"))),
        ("allow", "confirm", Some(("terminated;reason=deactivated", "-"))),
        ("allow", "allow", None),
        ("polite-block", "allow", Some(("active;expires=600", "open"))),
        ("polite-block", "block", Some(("terminated;reason=rejected", ""))),
        ("polite-block", "confirm", Some(("terminated;reason=deactivated", "-"))),
        ("polite-block", "polite-block", None),
    ];
    for (before, after, expected) in table {
        let mut ps = Ps::new(by_dialog(), carol_handles_alice(before));
        ps.carol_is("open");
        ps.watch(&subscribe(ALICE, CAROL));
        ps.set_rules(carol_handles_alice(after));
        let sent = ps.notifies();
        let seen = sent.first().map(|notify| (state(notify).to_owned(), shown(notify)));
        let expected = expected.map(|(state, shown): (&str, &str)| (state.to_owned(), shown.to_owned()));
        assert_eq!(seen, expected, "{before} to {after}");
        sent.iter().for_each(|notify| ps.answer(notify, 200));
        assert_eq!(ps.notifies().len(), 0, "{before} to {after}: one NOTIFY says it all");
    }
}

#[test]
fn prs_06_edge_10_active_block_allow() {
    let mut ps = Ps::new(by_dialog(), carol_handles_alice("allow"));
    let watching = ps.watch(&subscribe(ALICE, CAROL));
    ps.set_rules(carol_handles_alice("block"));
    assert_eq!(state(&ps.notify_confirmed()), "terminated;reason=rejected");
    assert_eq!(ps.fate(&watching.again(2)), refused(481, NodeCause::NoSubscription));
    let again = subscribe(ALICE, CAROL).call_id("again");
    assert_eq!(ps.fate(&again), blocked());
    ps.set_rules(carol_handles_alice("allow"));
    assert_eq!(shown(&ps.watch(&again).first), "closed");
}

#[test]
fn prs_06_rules_of_somebody_else_disturb_nobody() {
    let mut ps = Ps::new(by_dialog(), carol_handles_alice("allow"));
    ps.watch(&subscribe(ALICE, CAROL));
    let mut more = carol_handles_alice("allow");
    more.insert(ERIN.into(), rules(&[(BOB, "allow")]));
    ps.set_rules(more);
    assert_eq!(ps.notifies().len(), 0);
    ps.set_rules(RuleBook::new());
    assert_eq!(state(&ps.notify()), "terminated;reason=rejected");
}

#[test]
fn prs_06_another_default_action_is_applied_too() {
    let mut ps = with_default(SubHandling::Confirm);
    ps.carol_is("open");
    ps.watch(&subscribe(ALICE, CAROL));
    let mut new = by_dialog();
    new.default_action = SubHandling::Allow;
    new.name = "another.home1.test".into();
    let now = ps.now;
    let (role, _) = ps.node.role_mut();
    role.reconfigure(now, new, RuleBook::new());
    ps.handle(ims_node::Input::Timeout);
    let notify = ps.notify();
    assert_eq!((state(&notify), shown(&notify).as_str()), ("active;expires=600", "open"));
    assert_eq!(notify.value(HeaderName::Contact), Some("<sip:ps1.home1.test>"), "the name stays");
}

#[test]
fn prs_06_a_validity_begins_and_ends_by_itself() {
    let valid = "<cp:rule id='a'><cp:conditions><cp:identity><cp:many/></cp:identity><cp:validity>\
        <cp:from>2026-01-01T00:01:00Z</cp:from><cp:until>2026-01-01T00:02:00Z</cp:until></cp:validity>\
        </cp:conditions><cp:actions><pr:sub-handling>allow</pr:sub-handling></cp:actions><cp:transformations>\
        <pr:provide-services><pr:all-services/></pr:provide-services></cp:transformations></cp:rule>";
    let mut settings = by_dialog();
    settings.default_action = SubHandling::PoliteBlock;
    let mut ps = Ps::new(settings, book(&[(CAROL, ruleset(valid))]));
    assert_eq!(ps.now.wall.unix_millis(), START);
    ps.carol_is("open");
    assert_eq!(shown(&ps.watch(&subscribe(ALICE, CAROL)).first), "closed");
    ps.pass_s(59);
    assert_eq!(ps.notifies().len(), 0);
    ps.pass_s(1);
    assert_eq!(shown(&ps.notify_confirmed()), "open");
    ps.pass_s(60);
    assert_eq!(shown(&ps.notify_confirmed()), "closed");
}

#[test]
fn prs_05_a_sphere_that_is_published_decides() {
    let at_work = "<cp:rule id='a'><cp:conditions><cp:sphere value='work'/></cp:conditions>\
        <cp:actions><pr:sub-handling>allow</pr:sub-handling></cp:actions></cp:rule>";
    let mut settings = by_dialog();
    settings.default_action = SubHandling::PoliteBlock;
    let mut ps = Ps::new(settings, book(&[(CAROL, ruleset(at_work))]));
    ps.watch(&subscribe(ALICE, CAROL));
    let sphere = "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' \
        xmlns:r='urn:ietf:params:xml:ns:pidf:rpid' entity='sip:carol@home1.test'><dm:person id='p'>\
        <r:sphere><r:work/></r:sphere></dm:person></presence>";
    ps.publish(&publish(CAROL).body(sphere));
    assert_eq!(shown(&ps.notify_confirmed()), "-", "allowed, and granted nothing");
}

/// A sphere may be published for a time (RFC 4480 section 3.11). When that is over nobody publishes, and the watchers hear of it.
#[test]
fn prs_05_a_sphere_that_ends_by_itself_is_told() {
    let at_work = "<cp:rule id='a'><cp:conditions><cp:sphere value='work'/></cp:conditions>\
        <cp:actions><pr:sub-handling>allow</pr:sub-handling></cp:actions>\
        <cp:transformations><pr:provide-services><pr:all-services/></pr:provide-services></cp:transformations></cp:rule>";
    let mut settings = by_dialog();
    settings.default_action = SubHandling::PoliteBlock;
    let mut ps = Ps::new(settings, book(&[(CAROL, ruleset(at_work))]));
    // The test begins at midnight.
    let sphere = "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' \
        xmlns:r='urn:ietf:params:xml:ns:pidf:rpid' entity='sip:carol@home1.test'>\
        <tuple id='t'><status><basic>open</basic></status></tuple><dm:person id='p'>\
        <r:sphere until='2026-01-01T00:01:40Z'><r:work/></r:sphere></dm:person></presence>";
    ps.publish(&publish(CAROL).body(sphere));
    ps.send(&subscribe(ALICE, CAROL));
    assert_eq!(shown(&ps.notify_confirmed()), "open");
    ps.pass(Duration::from_millis(99_999));
    assert_eq!(ps.sent().len(), 0);
    ps.pass(Duration::from_millis(1));
    assert_eq!(shown(&ps.notify_confirmed()), "closed");
}

/// How many watchers may be told before one of them has answered.
const WINDOW: usize = 512;

/// Everybody who is told something answers, until nobody is told any more; what they were shown.
fn tell_all(ps: &mut Ps, first: Vec<sip_message::Message>) -> Vec<String> {
    let (mut all, mut told) = (Vec::new(), first);
    while !told.is_empty() {
        all.extend(told.iter().map(shown));
        told.iter().for_each(|notify| ps.answer(notify, 200));
        ps.pass(Duration::ZERO);
        told = ps.notifies();
    }
    all
}

/// A server where everybody may watch carol, and so many do.
fn with_room_for(many: usize) -> Ps {
    let mut settings = by_dialog();
    settings.default_action = SubHandling::Allow;
    settings.bounds.per_presentity = many;
    Ps::new(settings, RuleBook::new())
}

fn watch_carol(ps: &mut Ps, many: usize) {
    for number in 0..many {
        ps.send(&subscribe(&format!("sip:w{number}@home1.test"), CAROL));
        ps.notify_confirmed();
    }
}

/// Very many watchers are told in parts: whoever asks for something else meanwhile is answered between them.
#[test]
fn a_change_that_very_many_are_told_of_keeps_nobody_waiting() {
    const MANY: usize = 1000;
    let mut ps = with_room_for(MANY);
    let tag = ps.carol_is("open");
    watch_carol(&mut ps, MANY);
    let tag = ps.publish(&publish(CAROL).with("SIP-If-Match", &tag).body(&pidf("closed")));
    ps.pass(Duration::ZERO);
    let first = ps.notifies();
    assert_eq!(first.len(), WINDOW, "the others wait for answers");
    // Somebody else is answered meanwhile, and carol changes once more.
    assert_eq!(ps.status(&publish(ERIN).body(&pidf("open").replace(CAROL, ERIN))), 200);
    let tag = ps.publish(&publish(CAROL).with("SIP-If-Match", &tag).body(&pidf("open")));
    assert_eq!(ps.notifies().len(), 0);
    first.iter().for_each(|notify| ps.answer(notify, 200));
    let more = ps.notifies();
    let shown = tell_all(&mut ps, more);
    assert_eq!(shown, vec!["open"; WINDOW], "all others have seen what they saw before, and hear nothing");
    ps.publish(&publish(CAROL).with("SIP-If-Match", &tag).body(&pidf("closed")));
    let first = ps.notifies();
    assert_eq!(tell_all(&mut ps, first), vec!["closed"; MANY], "once each");
}

/// RFC 3261 section 17.1.1.1: who has not answered within T1 keeps the others from nothing.
#[test]
fn watchers_who_are_gone_delay_the_others_by_t1_and_no_more() {
    const MANY: usize = 600;
    let mut ps = with_room_for(MANY);
    watch_carol(&mut ps, MANY);
    ps.publish(&publish(CAROL).body(&pidf("open")));
    ps.pass(Duration::from_millis(499));
    assert_eq!(ps.notifies().len(), WINDOW);
    ps.pass(Duration::from_millis(1));
    let callers = |sent: &[sip_message::Message]| {
        sent.iter().map(|notify| notify.call_id().to_owned()).collect::<std::collections::BTreeSet<_>>()
    };
    let sent = ps.notifies();
    assert_eq!(callers(&sent).len(), MANY, "the first ones are sent again, the others for the first time");
}

#[test]
fn prs_08_the_throttle_is_off_unless_asked_for() {
    for (interval, expected) in [(0, 1), (5, 0)] {
        let mut settings = by_dialog();
        settings.notify.min_interval = Duration::from_secs(interval);
        let mut ps = Ps::new(settings, support::carols_friends());
        ps.watch(&subscribe(ALICE, CAROL));
        ps.publish(&publish(CAROL).body(&pidf("open")));
        assert_eq!(ps.notifies().len(), expected, "{interval}");
        if expected == 0 {
            ps.pass_s(interval);
            assert_eq!(shown(&ps.notify()), "open");
        }
    }
}

#[test]
fn edge_11_a_politely_blocked_watcher_sees_no_change() {
    let both = book(&[(CAROL, rules(&[(ALICE, "polite-block"), (BOB, "allow")]))]);
    let mut ps = Ps::new(by_dialog(), both);
    let polite = ps.watch(&subscribe(ALICE, CAROL)).first;
    ps.watch(&subscribe(BOB, CAROL));
    let mut tag = None;
    for basic in ["open", "closed"] {
        ps.pass_s(1);
        let request = publish(CAROL).body(&pidf(basic));
        let request = tag.iter().fold(request, |request, tag: &String| request.with("SIP-If-Match", tag));
        tag = Some(ps.publish(&request));
        let told = ps.notify_confirmed();
        assert_eq!((told.request_uri_text(), shown(&told).as_str()), ("sip:bob@127.0.10.11:5060", basic));
    }
    // Nothing published, and politely blocked: the same octets.
    let nobody = Ps::usual().watch(&subscribe(ALICE, CAROL)).first;
    assert_eq!(polite.body(), nobody.body());
}

#[test]
fn edge_12_pending_and_then_approved() {
    let mut ps = Ps::new(by_dialog(), carol_handles_alice("confirm"));
    ps.watch(&subscribe(ALICE, CAROL));
    ps.publish(&publish(CAROL).body(&pidf("open")));
    assert_eq!(ps.notifies().len(), 0, "nobody has decided");
    ps.set_rules(carol_handles_alice("allow"));
    let approved = ps.notify_confirmed();
    assert_eq!((state(&approved), shown(&approved).as_str()), ("active;expires=600", "open"));
}

#[test]
fn edge_14_a_presentity_that_never_registered_is_watched_like_any_other() {
    let mut ps = Ps::new(by_dialog(), book(&[(ERIN, rules(&[(ALICE, "allow")]))]));
    let notify = ps.watch(&subscribe(ALICE, ERIN)).first;
    assert_eq!((state(&notify), shown(&notify).as_str()), ("active;expires=600", "closed"));
    assert_eq!(notify.value(HeaderName::ContentType), Some("application/pidf+xml"));
}
