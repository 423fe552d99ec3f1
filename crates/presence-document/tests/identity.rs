//! PRS-03 and PRS-05: which watchers a rule means.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

#[path = "support/ruleset.rs"]
mod ruleset;

use presence_document::{SubHandling, Watcher, same_user};
use ruleset::{START, action, parse, rule};

fn matches(conditions: &str, watcher: &str) -> bool {
    let rules = parse(&rule("r", conditions, "allow")).unwrap();
    action(&rules, watcher) == Some(SubHandling::Allow)
}

#[test]
fn gw_06_an_except_that_names_a_number_hides_from_it_however_it_is_asserted() {
    let except =
        "<cp:identity><cp:many><cp:except id='sip:+15550123@home2.test;user=phone'/></cp:many></cp:identity>";
    for (watcher, hidden) in [
        ("tel:+1-555-0123", true),
        ("sip:+15550123@home2.test;user=phone", true),
        ("sip:+15550123@home2.test", true),
        ("sip:+15550124@home2.test", false),
    ] {
        assert_eq!(matches(except, watcher), !hidden, "{watcher}");
    }
}

#[test]
fn prs_05_identity_one_many_except_and_domain() {
    const ONE: &str =
        "<cp:identity><cp:one id='sip:bob@home2.test'/><cp:one id='tel:+1-212-555-1234'/></cp:identity>";
    const MANY: &str = "<cp:identity><cp:many/></cp:identity>";
    const DOMAIN: &str = "<cp:identity><cp:many domain='Home2.test'/></cp:identity>";
    const EXCEPT: &str = "<cp:identity><cp:many><cp:except id='sip:bob@home2.test'/><cp:except domain='bad.test'/></cp:many></cp:identity>";
    const DOMAIN_EXCEPT: &str = "<cp:identity><cp:many domain='home2.test'><cp:except id='sip:bob@home2.test'/></cp:many></cp:identity>";
    const OR: &str =
        "<cp:identity><cp:one id='sip:a@x.test'/><x:other/><cp:many domain='home2.test'/></cp:identity>";
    const TWICE: &str =
        "<cp:identity><cp:many/></cp:identity><cp:identity><cp:one id='sip:bob@home2.test'/></cp:identity>";
    let table = [
        (ONE, "sip:bob@home2.test", true),
        (ONE, "sip:dave@home2.test", false),
        (ONE, "tel:+12125551234", true),
        (ONE, "sip:+12125551234@home2.test", false),
        (MANY, "sip:bob@home2.test", true),
        (MANY, "tel:+12125551234", true),
        (DOMAIN, "sip:bob@HOME2.test", true),
        (DOMAIN, "sip:bob@home2.test:5060;transport=tcp", true),
        (DOMAIN, "sip:bob@sub.home2.test", false),
        (DOMAIN, "mailto:bob@home2.test", true),
        (DOMAIN, "tel:+12125551234", false),
        (EXCEPT, "sip:bob@home2.test", false),
        (EXCEPT, "sips:bob@home2.test", false),
        (EXCEPT, "sip:%62ob@home2.test", false),
        (EXCEPT, "sip:dave@home2.test", true),
        (EXCEPT, "sip:dave@bad.test", false),
        (EXCEPT, "sip:dave@BAD.test.", false),
        (DOMAIN_EXCEPT, "sip:dave@home2.test", true),
        (DOMAIN_EXCEPT, "sip:bob@home2.test", false),
        (DOMAIN_EXCEPT, "sip:dave@home1.test", false),
        (OR, "sip:a@x.test", true),
        (OR, "sip:b@home2.test", true),
        (OR, "sip:b@x.test", false),
        (TWICE, "sip:bob@home2.test", true),
        (TWICE, "sip:dave@home2.test", false),
    ];
    for (conditions, watcher, expected) in table {
        assert_eq!(matches(conditions, watcher), expected, "{conditions} {watcher}");
    }
}

#[test]
fn prs_05_every_asserted_identity_counts() {
    let both = Watcher::identified(["sip:bob@home2.test", "tel:+12125551234"]);
    let table = [
        ("<cp:one id='tel:+1(212)555.1234'/>", true),
        ("<cp:one id='sip:bob@home2.test'/>", true),
        ("<cp:many domain='home2.test'/>", true),
        ("<cp:many><cp:except id='tel:+12125551234'/></cp:many>", false),
    ];
    for (term, expected) in table {
        let rules = parse(&rule("r", &format!("<cp:identity>{term}</cp:identity>"), "allow")).unwrap();
        assert_eq!(rules.evaluate(&both, START, None).is_some(), expected, "{term}");
    }
}

#[test]
fn prs_03_an_anonymous_watcher_matches_only_what_means_it() {
    let table = [
        ("", true),
        ("<cp:identity/>", true),
        ("<ocp:anonymous-request/>", true),
        ("<cp:identity><cp:many/></cp:identity>", false),
        ("<cp:identity><cp:many><cp:except domain='bad.test'/></cp:many></cp:identity>", false),
        ("<cp:identity><cp:one id='sip:anonymous@anonymous.invalid'/></cp:identity>", false),
        ("<ocp:other-identity/>", false),
    ];
    for (conditions, expected) in table {
        assert_eq!(matches(conditions, ""), expected, "{conditions}");
    }
    assert!(!matches("<ocp:anonymous-request/>", "sip:bob@home2.test"));
    assert!(!matches("<cp:identity/>", "sip:bob@home2.test"));
    assert!(Watcher::identified(["Anonymous"]).is_anonymous(), "what is no URI is no identity");
}

#[test]
fn prs_05_other_identity_is_whoever_no_rule_names() {
    let named = rule("a", "<cp:identity><cp:one id='sip:bob@home2.test'/></cp:identity>", "block");
    let rules = parse(&(named + &rule("b", "<ocp:other-identity/>", "allow"))).unwrap();
    assert_eq!(action(&rules, "sip:bob@home2.test"), Some(SubHandling::Block));
    assert_eq!(action(&rules, "sip:dave@home2.test"), Some(SubHandling::Allow));
    assert_eq!(action(&rules, ""), None);
}

#[test]
fn prs_05_what_is_unknown_never_matches() {
    for conditions in [
        "<x:weather/>",
        "<cp:weather/>",
        "<ocp:external-list><ocp:entry anc='http://x'/></ocp:external-list>",
        "<cp:identity><x:somebody/></cp:identity>",
        "<cp:identity><cp:one id='sip:bob@home2.test'><x:narrower/></cp:one></cp:identity>",
        "<cp:identity><cp:many><x:except/></cp:many></cp:identity>",
        "<cp:identity><cp:many domain='bücher.test'/></cp:identity>",
        "<cp:identity><cp:many><cp:except domain='bücher.test'/></cp:many></cp:identity>",
        "<cp:identity><cp:many/></cp:identity><x:weather/>",
    ] {
        assert!(!matches(conditions, "sip:bob@home2.test"), "{conditions}");
    }
}

#[test]
fn prs_05_who_is_the_same_user() {
    let table = [
        ("sip:alice@home1.test", "SIP:alice@HOME1.TEST", true),
        ("sip:alice@home1.test", "sips:alice@home1.test", true),
        ("sip:alice@home1.test", "pres:alice@home1.test", true),
        ("sip:alice@home1.test", "sip:alice@home1.test;user=phone?a=b", true),
        ("sip:alice@home1.test", "sip:alice:secret@home1.test", true),
        ("sip:alice@home1.test", "sip:%61lice@home1.test.", true),
        ("sip:a&b@home1.test", "sip:a%26b@home1.test", false),
        ("sip:alice@home1.test", "sip:alice%3asecret@home1.test", false),
        ("sip:alice%3asecret@home1.test", "sip:alice%3Asecret@home1.test", true),
        ("sip:alice@home1.test", "sip:Alice@home1.test", false),
        ("sip:alice@home1.test", "sip:alice@home2.test", false),
        ("sip:alice@home1.test", "sip:alice@home1.test:5070", false),
        ("sip:alice@home1.test", "mailto:alice@home1.test", false),
        ("sip:home1.test", "sip:HOME1.test", true),
        ("sip:alice@[2001:DB8::1]:5060", "sip:alice@[2001:db8::1]:5060", true),
        ("sip:eve@evil.test;x=@home1.test", "sip:eve@evil.test;x=@home1.test", false),
        ("tel:+1-212-555-1234", "tel:+1(212)555.1234", true),
        ("tel:7042;phone-context=example.com", "tel:70-42;PHONE-CONTEXT=example.com", true),
        ("tel:7042;phone-context=example.com", "tel:7042;phone-context=example.org", false),
        ("tel:+12125551234", "sip:+12125551234@home1.test", false),
        ("tel:+12125551234", "sip:+1-212-555-1234@Home1.test;user=phone", true),
        ("sip:1001@home1.test;user=phone", "sip:1001@home1.test", true),
        ("urn:uuid:1", "urn:uuid:1", true),
        ("alice@home1.test", "alice@home1.test", false),
        ("sip:", "sip:", false),
        ("sip:%6@home1.test", "sip:%6@home1.test", false),
        ("sip:%+1@home1.test", "sip:%+1@home1.test", false),
    ];
    for (left, right, expected) in table {
        assert_eq!(same_user(left, right), expected, "{left} {right}");
        assert_eq!(same_user(right, left), expected, "{right} {left}");
    }
}

#[test]
fn identities_do_not_reach_a_log() {
    let watcher = Watcher::identified(["sip:bob@home2.test"]);
    let identity = "<cp:identity><cp:one id='sip:bob@home2.test'/></cp:identity>";
    let rules = parse(&rule("r", identity, "allow")).unwrap();
    assert!(!format!("{watcher:?} {rules:?}").contains("bob"));
}
