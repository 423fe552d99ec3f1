//! PRS-05 and PRS-06: when rules match, and what they say together.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

#[path = "support/ruleset.rs"]
mod ruleset;

use clock::Wall;
use presence_document::{MAX_RULES_ELEMENTS, Rules, RulesError, SubHandling, Watcher, XmlError};
use ruleset::{START, action, parse, rule};

const RFC_4745_MANY: &[u8] = include_bytes!("documents/rfc4745-7.1.3.2.xml");
const RFC_4745_SPHERE: &[u8] = include_bytes!("documents/rfc4745-7.3.xml");
const RFC_5025: &[u8] = include_bytes!("documents/rfc5025-6.xml");

fn wall(date_time: &str) -> Wall {
    // A rule's own boundary is the plainest way to read a date-time.
    let validity =
        format!("<cp:validity><cp:from>{date_time}</cp:from><cp:until>{date_time}</cp:until></cp:validity>");
    parse(&rule("r", &validity, "allow")).unwrap().next_change(START).unwrap()
}

#[test]
fn prs_05_the_actions_have_the_values_of_the_rfc() {
    use SubHandling::{Allow, Block, Confirm, PoliteBlock};
    assert_eq!([Block, Confirm, PoliteBlock, Allow].map(SubHandling::value), [0, 10, 20, 30]);
    assert!(Block < Confirm && Confirm < PoliteBlock && PoliteBlock < Allow);
}

#[test]
fn prs_05_rules_combine_by_the_most_permissive() {
    use SubHandling::{Allow, Block, Confirm, PoliteBlock};
    let table = [
        (&["block"][..], Block),
        (&["confirm"], Confirm),
        (&["polite-block"], PoliteBlock),
        (&["allow"], Allow),
        (&["block", "confirm"], Confirm),
        (&["polite-block", "confirm"], PoliteBlock),
        (&["allow", "block"], Allow),
        (&["block", "allow", "polite-block"], Allow),
    ];
    for (actions, expected) in table {
        let each = actions.iter().enumerate().map(|(i, a)| rule(&format!("r{i}"), "", a));
        assert_eq!(action(&parse(&each.collect::<String>()).unwrap(), "sip:bob@home2.test"), Some(expected));
    }
}

#[test]
fn prs_05_no_rule_that_matches_leaves_the_default_to_the_caller() {
    assert_eq!(action(&Rules::default(), "sip:bob@home2.test"), None);
    let rules =
        parse(&rule("r", "<cp:identity><cp:one id='sip:bob@home2.test'/></cp:identity>", "allow")).unwrap();
    assert_eq!(action(&rules, "sip:dave@home2.test"), None);
    let silent = parse("<cp:rule id='r'/>").unwrap();
    assert_eq!(
        action(&silent, "sip:dave@home2.test"),
        Some(SubHandling::Block),
        "RFC 5025 3.2.1: the lowest value"
    );
}

#[test]
fn prs_05_a_sphere_matches_any_of_its_words() {
    let rules = Rules::parse(RFC_4745_SPHERE).unwrap();
    let table = [
        ("sip:andrew@example.com", Some("work"), true),
        ("sip:andrew@example.com", Some("WORK"), true),
        ("sip:andrew@example.com", Some("home"), false),
        ("sip:andrew@example.com", None, false),
        ("sip:allison@example.com", Some("home"), true),
        ("sip:john@doe.example.com", Some("home"), true),
        ("sip:john@doe.example.com", Some("work"), true),
        ("sip:john@doe.example.com", Some("home work"), false),
    ];
    for (watcher, sphere, expected) in table {
        let verdict = rules.evaluate(&Watcher::identified([watcher]), START, sphere);
        assert_eq!(verdict.is_some(), expected, "{watcher} {sphere:?}");
    }
}

#[test]
fn prs_05_a_rule_is_valid_from_its_start_until_before_its_end() {
    let rules = Rules::parse(RFC_4745_MANY).unwrap();
    let (from, until) = (wall("2003-12-24T16:00:00Z"), wall("2003-12-24T18:00:00Z"));
    let before = |w: Wall| Wall::from_unix_millis(w.unix_millis() - 1);
    let bob = Watcher::identified(["sip:bob@home2.test"]);
    for (at, expected) in [(before(from), false), (from, true), (before(until), true), (until, false)] {
        assert_eq!(rules.evaluate(&bob, at, Some("work")).is_some(), expected, "{at:?}");
    }
    for excepted in ["sip:x@example.org", "sip:alice@bad.example.net", "tel:+12125551234"] {
        assert_eq!(rules.evaluate(&Watcher::identified([excepted]), from, Some("work")), None, "{excepted}");
    }
}

#[test]
fn prs_05_the_combining_example_of_the_rfc() {
    // RFC 4745 10.3: of six rules, 3 and 5 match Bob at work at 17:15, and the greater value holds.
    const A: &str = "2003-12-24T17:00:00+01:00";
    const B: (&str, &str) = ("2003-12-22T17:00:00+01:00", "2003-12-23T17:00:00+01:00");
    let table = [
        ("bob", "home", A, "2003-12-24T21:00:00+01:00", "allow"),
        ("alice", "work", A, "2003-12-24T21:00:00+01:00", "allow"),
        ("bob", "work", A, "2003-12-24T21:00:00+01:00", "confirm"),
        ("tom", "work", A, "2003-12-24T21:00:00+01:00", "allow"),
        ("bob", "work", A, "2003-12-24T23:30:00+01:00", "polite-block"),
        ("bob", "work", B.0, B.1, "allow"),
    ];
    let rules = table.iter().enumerate().map(|(i, (user, sphere, from, until, action))| {
        let conditions = format!(
            "<cp:identity><cp:one id='sip:{user}@example.com'/></cp:identity><cp:sphere value='{sphere}'/>\
             <cp:validity><cp:from>{from}</cp:from><cp:until>{until}</cp:until></cp:validity>"
        );
        rule(&format!("r{i}"), &conditions, action)
    });
    let rules = parse(&rules.collect::<String>()).unwrap();
    let bob = Watcher::identified(["sip:bob@example.com"]);
    let verdict = rules.evaluate(&bob, wall("2003-12-24T17:15:00+01:00"), Some("work"));
    assert_eq!(verdict.map(|v| v.action), Some(SubHandling::PoliteBlock));
    let later = rules.evaluate(&bob, wall("2003-12-24T23:00:00+01:00"), Some("work"));
    assert_eq!(later.map(|v| v.action), Some(SubHandling::PoliteBlock));
    assert_eq!(rules.evaluate(&bob, wall("2003-12-24T23:30:00+01:00"), Some("work")), None);
}

#[test]
fn prs_05_the_order_of_rules_means_nothing() {
    let rules = [
        rule("a", "<cp:identity><cp:many domain='home2.test'/></cp:identity>", "confirm"),
        rule("b", "<cp:identity><cp:one id='sip:bob@home2.test'/></cp:identity>", "allow"),
        rule("c", "", "block"),
    ];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let parsed = parse(&order.map(|i| rules[i].as_str()).concat()).unwrap();
        assert_eq!(action(&parsed, "sip:bob@home2.test"), Some(SubHandling::Allow));
        assert_eq!(action(&parsed, "sip:dave@home2.test"), Some(SubHandling::Confirm));
        assert_eq!(action(&parsed, "sip:carol@home1.test"), Some(SubHandling::Block));
    }
}

#[test]
fn prs_05_removing_a_rule_never_grants_more() {
    // RFC 4745 4: permit only. Every subset of these rules grants at most what all of them grant.
    let all = [
        rule("a", "<cp:identity><cp:many/></cp:identity>", "polite-block"),
        rule("b", "<cp:identity><cp:one id='sip:bob@home2.test'/></cp:identity>", "allow"),
        rule(
            "c",
            "<cp:identity><cp:many><cp:except id='sip:bob@home2.test'/></cp:many></cp:identity>",
            "confirm",
        ),
        rule("d", "<ocp:anonymous-request/>", "confirm"),
    ];
    let whole = parse(&all.concat()).unwrap();
    for watcher in ["", "sip:bob@home2.test", "sip:dave@home2.test"] {
        for subset in 0..1 << all.len() {
            let some: String =
                (0..all.len()).filter(|i| subset >> i & 1 == 1).map(|i| all[i].as_str()).collect();
            assert!(action(&parse(&some).unwrap(), watcher) <= action(&whole, watcher), "{watcher} {some}");
        }
    }
}

#[test]
fn prs_06_the_next_change_by_time_is_known() {
    let validity = "<cp:validity><cp:from>2026-01-01T00:00:00Z</cp:from><cp:until>2026-01-02T00:00:00Z</cp:until>\
                    <cp:from>2026-01-03T00:00:00+00:00</cp:from><cp:until>2026-01-04T00:00:00Z</cp:until></cp:validity>";
    let rules = parse(&(rule("a", validity, "allow") + &rule("b", "", "block"))).unwrap();
    let days =
        ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z"]
            .map(wall);
    let mut at = START;
    for day in days {
        assert_eq!(rules.next_change(at), Some(day));
        at = day;
    }
    assert_eq!(rules.next_change(at), None);
    let bob = Watcher::identified(["sip:bob@home2.test"]);
    let actions = days.map(|day| rules.evaluate(&bob, day, None).unwrap().action);
    use SubHandling::{Allow, Block};
    assert_eq!(actions, [Allow, Block, Allow, Block]);
}

#[test]
fn prs_05_a_document_that_is_not_understood_is_refused_with_its_reason() {
    let identity = |term: &str| rule("r", &format!("<cp:identity>{term}</cp:identity>"), "allow");
    let validity = |inside: &str| rule("r", &format!("<cp:validity>{inside}</cp:validity>"), "allow");
    let grant =
        |inside: &str| format!("<cp:rule id='r'><cp:transformations>{inside}</cp:transformations></cp:rule>");
    let table = [
        (String::from("<cp:rule/>"), RulesError::RuleId),
        (rule("a", "", "allow") + &rule("a", "", "block"), RulesError::RepeatedRuleId("a".into())),
        (rule("a", "", "permit"), RulesError::Value("sub-handling".into())),
        (identity("<cp:one/>"), RulesError::Attribute("one".into())),
        (identity("<cp:one id='bob'/>"), RulesError::Uri("bob".into())),
        (identity("<cp:many><cp:except/></cp:many>"), RulesError::Attribute("except".into())),
        (identity("<cp:many><cp:except id='bob@x'/></cp:many>"), RulesError::Uri("bob@x".into())),
        (rule("r", "<cp:sphere/>", "allow"), RulesError::Attribute("sphere".into())),
        (validity(""), RulesError::Value("validity".into())),
        (validity("<cp:from>2026-01-01T00:00:00Z</cp:from>"), RulesError::Value("validity".into())),
        (validity("<cp:until>2026-01-01T00:00:00Z</cp:until><cp:from/>"), RulesError::Value("until".into())),
        (validity("<cp:from>tomorrow</cp:from><cp:until>later</cp:until>"), RulesError::Value("from".into())),
        (grant("<pr:provide-mood>yes</pr:provide-mood>"), RulesError::Value("provide-mood".into())),
        (
            grant("<pr:provide-user-input>some</pr:provide-user-input>"),
            RulesError::Value("provide-user-input".into()),
        ),
        (
            grant("<pr:provide-unknown-attribute name='a'>true</pr:provide-unknown-attribute>"),
            RulesError::Attribute("provide-unknown-attribute".into()),
        ),
    ];
    for (rules, error) in table {
        assert_eq!(parse(&rules), Err(error), "{rules}");
    }
    assert_eq!(Rules::parse(b"<ruleset/>"), Err(RulesError::Root));
    assert_eq!(Rules::parse(b"<!DOCTYPE r><r/>"), Err(RulesError::Xml(XmlError::DocType)));
    let most = |n: usize| parse(&"<x:a/>".repeat(n));
    assert!(most(MAX_RULES_ELEMENTS - 1).is_ok());
    assert_eq!(most(MAX_RULES_ELEMENTS), Err(RulesError::Xml(XmlError::TooLarge)));
}

#[test]
fn prs_05_a_document_cut_anywhere_is_refused_and_harms_nothing() {
    for document in [RFC_4745_MANY, RFC_4745_SPHERE, RFC_5025] {
        for cut in 0..document.trim_ascii_end().len() {
            assert!(Rules::parse(&document[..cut]).is_err(), "cut at {cut}");
        }
    }
}

#[test]
fn prs_05_a_document_with_any_byte_changed_harms_nothing_and_names_its_fault() {
    for document in [RFC_4745_MANY, RFC_5025] {
        for at in 0..document.len() {
            for byte in [0, b'<', b'>', b'&', b'"', b':', b'z', 0xff] {
                let mut changed = document.to_vec();
                changed[at] = byte;
                if let Err(error) = Rules::parse(&changed) {
                    assert!(!error.to_string().is_empty());
                }
            }
        }
    }
}

#[test]
fn prs_05_the_reason_of_a_refusal_can_be_read() {
    let table = [
        (RulesError::Xml(XmlError::Malformed), "the document is not well-formed XML"),
        (RulesError::Xml(XmlError::UnboundPrefix("p".into())), "the namespace prefix \"p\" is not declared"),
        (RulesError::RepeatedRuleId("a".into()), "two rules have the id \"a\""),
        (RulesError::Uri("bob".into()), "the identity \"bob\" is not a URI"),
        (RulesError::Value("from".into()), "from has no valid content"),
        (RulesError::Attribute("one".into()), "one lacks an attribute"),
    ];
    for (error, text) in table {
        assert_eq!(error.to_string(), text);
    }
}
