//! PRS-07: what each permission shows a watcher of a document.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

#[path = "support/grants.rs"]
mod grants;

use clock::Wall;
use grants::{EVERYBODY, permissions, rpid, shown};
use presence_document::{Component, Permissions, Pidf, Rules, Watcher, filter};

const RFC_5025: &[u8] = include_bytes!("documents/rfc5025-6.xml");

fn ids(pidf: &Pidf) -> Vec<&str> {
    pidf.tuples().chain(pidf.persons()).chain(pidf.devices()).map(Component::id).collect()
}

#[test]
fn prs_07_nothing_granted_shows_nothing() {
    let filtered = filter(&rpid(), &permissions(&[""]));
    assert_eq!(filtered.entity(), "pres:someone@example.com");
    assert_eq!(ids(&filtered), [""; 0]);
    assert_eq!(filtered.notes().count(), 0);
}

#[test]
fn prs_07_occurrences_are_granted_by_kind_and_name() {
    let services = |inside: &str| format!("<pr:provide-services>{inside}</pr:provide-services>");
    let persons = |inside: &str| format!("<pr:provide-persons>{inside}</pr:provide-persons>");
    let devices = |inside: &str| format!("<pr:provide-devices>{inside}</pr:provide-devices>");
    let table: [(String, &[&str]); 19] = [
        (services("<pr:all-services/>"), &["bs35r9", "ty4658", "eg92n8"]),
        (services("<pr:class>email</pr:class>"), &["eg92n8"]),
        (services("<pr:class>Email</pr:class>"), &[]),
        (services("<pr:occurrence-id>ty4658</pr:occurrence-id>"), &["ty4658"]),
        (services("<pr:service-uri>MAILTO:secretary@example.com</pr:service-uri>"), &["ty4658"]),
        (services("<pr:service-uri-scheme>mailto</pr:service-uri-scheme>"), &["ty4658", "eg92n8"]),
        (services("<pr:service-uri-scheme>MAILTO</pr:service-uri-scheme>"), &[]),
        (services("<pr:service-uri-scheme>mail</pr:service-uri-scheme>"), &[]),
        (services("<pr:deviceID>urn:device:0003ba4811e3</pr:deviceID>"), &[]),
        (services("<pr:all-persons/>"), &[]),
        (services("<all-services xmlns='urn:x'/>"), &[]),
        (
            services("<pr:class>email</pr:class><pr:occurrence-id>bs35r9</pr:occurrence-id>"),
            &["bs35r9", "eg92n8"],
        ),
        (persons("<pr:all-persons/>"), &["p1"]),
        (persons("<pr:class>calendar</pr:class>"), &["p1"]),
        (persons("<pr:occurrence-id>p2</pr:occurrence-id>"), &[]),
        (devices("<pr:all-devices/>"), &["pc147"]),
        (devices("<pr:deviceID>urn:device:0003ba4811e3</pr:deviceID>"), &["pc147"]),
        (devices("<pr:deviceID>urn:device:0</pr:deviceID>"), &[]),
        (devices("<pr:occurrence-id>pc147</pr:occurrence-id>"), &["pc147"]),
    ];
    for (grants, expected) in table {
        assert_eq!(ids(&filter(&rpid(), &permissions(&[&grants]))), expected, "{grants}");
    }
}

#[test]
fn prs_07_some_elements_come_with_their_occurrence() {
    let text = shown(&rpid(), EVERYBODY);
    for always in ["<contact", "<rpid:service-class>", "<basic>open</basic>", "<timestamp>", "<dm:timestamp>"]
    {
        assert!(text.contains(always), "{always} is not in {text}");
    }
    assert_eq!(text.matches("<dm:deviceID>").count(), 1, "only that of the device itself: {text}");
    for never in
        ["note", "activities", "class>email", "mood", "place", "privacy", "relationship", "sphere", "icon"]
    {
        assert!(!text.contains(never), "{never} is in {text}");
    }
    for never in ["time-offset", "user-input", "\n ", "location-type"] {
        assert!(!text.contains(never), "{never:?} is in {text}");
    }
}

#[test]
fn prs_07_each_permission_grants_its_element_and_no_other() {
    let table = [
        ("provide-activities", "<rpid:activities"),
        ("provide-class", "<rpid:class>"),
        ("provide-mood", "<rpid:mood>"),
        ("provide-place-is", "<rpid:place-is>"),
        ("provide-place-type", "<rpid:place-type>"),
        ("provide-privacy", "<rpid:privacy>"),
        ("provide-relationship", "<rpid:relationship>"),
        ("provide-sphere", "<rpid:sphere>"),
        ("provide-status-icon", "<rpid:status-icon>"),
        ("provide-time-offset", "<rpid:time-offset>"),
        ("provide-note", "<dm:note>"),
    ];
    for (granted, _) in table {
        for (value, given) in [("true", true), ("1", true), ("false", false), ("0", false)] {
            let text = shown(&rpid(), &format!("{EVERYBODY}<pr:{granted}>{value}</pr:{granted}>"));
            for (permission, element) in table {
                assert_eq!(
                    text.contains(element),
                    given && permission == granted,
                    "{granted}={value}: {element}"
                );
            }
        }
    }
    let text = shown(&rpid(), &format!("{EVERYBODY}<pr:provide-deviceID>true</pr:provide-deviceID>"));
    assert_eq!(text.matches("<dm:deviceID>").count(), 3);
    let text = shown(&rpid(), &format!("{EVERYBODY}<pr:provide-activities>true</pr:provide-activities>"));
    assert!(text.contains("<rpid:note>Far away</rpid:note>"), "a note inside belongs to its element: {text}");
}

#[test]
fn prs_07_user_input_has_four_steps() {
    let table = [
        ("false", None),
        ("bare", Some("<rpid:user-input>idle<")),
        ("thresholds", Some("<rpid:user-input idle-threshold=\"600\">idle<")),
        (
            "full",
            Some("<rpid:user-input idle-threshold=\"600\" last-input=\"2004-10-21T13:20:00-05:00\">idle<"),
        ),
    ];
    for (value, expected) in table {
        let text =
            shown(&rpid(), &format!("{EVERYBODY}<pr:provide-user-input>{value}</pr:provide-user-input>"));
        assert_eq!(text.contains("user-input"), expected.is_some(), "{value}");
        assert!(expected.is_none_or(|e| text.contains(e)), "{value}: {text}");
    }
}

#[test]
fn prs_07_unknown_elements_are_granted_by_name() {
    let text = include_str!("documents/rfc3863-4.3.1.xml");
    let text = text.replace("<contact priority=\"0.8\">", "<myex:tag/><contact priority=\"0.8\">");
    let text = text.replace("</presence>", "<myex:top/></presence>");
    let document = Pidf::parse(text.as_bytes()).unwrap();
    let unknown = |ns: &str, name: &str| {
        shown(
            &document,
            &format!(
                "{EVERYBODY}<pr:provide-unknown-attribute ns='{ns}' name='{name}'>true</pr:provide-unknown-attribute>"
            ),
        )
    };
    let elements = ["<im:im>", "<myex:location>", "<myex:tag/>", "<myex:top/>"];
    let table = [
        ("urn:ietf:params:xml:ns:pidf:im", "im", Some("<im:im>")),
        ("http://id.example.com/presence/", "location", Some("<myex:location>")),
        ("http://id.example.com/presence/", "tag", Some("<myex:tag/>")),
        ("http://id.example.com/presence/", "top", Some("<myex:top/>")),
        ("http://id.example.com/presence/", "im", None),
        ("", "tag", None),
    ];
    for (ns, name, expected) in table {
        let text = unknown(ns, name);
        for element in elements {
            assert_eq!(text.contains(element), expected == Some(element), "{ns} {name}: {element} in {text}");
        }
    }
    let none = shown(&document, EVERYBODY);
    assert!(!none.contains("id.example.com"), "not even the extension's name is told: {none}");
}

#[test]
fn prs_07_an_element_with_a_permission_of_its_own_is_not_unknown() {
    let grant = "<pr:provide-unknown-attribute ns='urn:ietf:params:xml:ns:pidf:rpid' name='mood'>true\
                 </pr:provide-unknown-attribute>";
    assert!(!shown(&rpid(), &format!("{EVERYBODY}{grant}")).contains("mood"));
    let grant = "<pr:provide-unknown-attribute ns='urn:ietf:params:xml:ns:pidf' name='note'>true\
                 </pr:provide-unknown-attribute>";
    assert!(!shown(&rpid(), &format!("{EVERYBODY}{grant}")).contains("note"));
}

#[test]
fn prs_07_all_attributes_of_what_is_shown() {
    let only_person =
        "<pr:provide-persons><pr:all-persons/></pr:provide-persons><pr:provide-all-attributes/>";
    let person = Pidf::parse(shown(&rpid(), only_person).as_bytes()).unwrap();
    assert_eq!(ids(&person), ["p1"]);
    assert_eq!(person.persons().next(), rpid().persons().next());
    let everything = shown(&rpid(), &format!("{EVERYBODY}<pr:provide-all-attributes/>"));
    assert_eq!(everything.as_bytes(), filter(&rpid(), &Permissions::all()).to_bytes());
    assert_eq!(Pidf::parse(everything.as_bytes()), Pidf::parse(&rpid().to_bytes()));
}

#[test]
fn prs_07_a_note_on_the_presentity_is_shown_with_a_person_it_speaks_of() {
    const NOTE: &str = "<pr:provide-note>true</pr:provide-note>";
    const P1: &str = "<pr:provide-persons><pr:occurrence-id>p1</pr:occurrence-id></pr:provide-persons>";
    const ALL: &str = "<pr:provide-persons><pr:all-persons/></pr:provide-persons>";
    const SERVICES: &str = "<pr:provide-services><pr:all-services/></pr:provide-services>";
    let silent = "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' \
                  entity='sip:a@b'><note>Tokyo</note><dm:person id='p1'/></presence>";
    let silent = Pidf::parse(silent.as_bytes()).unwrap();
    let table = [
        (&silent, format!("{P1}{NOTE}"), true),
        (&silent, P1.into(), false),
        (&silent, format!("{SERVICES}{NOTE}"), false),
        (&rpid(), format!("{P1}{NOTE}"), false),
        (&rpid(), format!("{ALL}{NOTE}"), true),
    ];
    for (document, grants, expected) in table {
        assert_eq!(shown(document, &grants).contains("Tokyo"), expected, "{grants}");
    }
}

#[test]
fn prs_05_permissions_of_several_rules_unite() {
    let class = |c: &str| format!("<pr:provide-services><pr:class>{c}</pr:class></pr:provide-services>");
    let rules = [
        class("email")
            + "<pr:provide-user-input>thresholds</pr:provide-user-input><pr:provide-mood>true</pr:provide-mood>",
        String::from(
            "<pr:provide-services><pr:occurrence-id>ty4658</pr:occurrence-id></pr:provide-services>\
             <pr:provide-devices><pr:all-devices/></pr:provide-devices><pr:provide-user-input>bare</pr:provide-user-input>\
             <pr:provide-mood>false</pr:provide-mood>",
        ),
        String::from("<pr:provide-persons><pr:all-persons/></pr:provide-persons>"),
    ];
    let filtered = filter(&rpid(), &permissions(&rules.each_ref().map(String::as_str)));
    assert_eq!(ids(&filtered), ["ty4658", "eg92n8", "p1", "pc147"]);
    let text = String::from_utf8(filtered.to_bytes()).unwrap();
    assert!(text.contains("<rpid:user-input idle-threshold=\"600\">idle<"), "{text}");
    assert!(text.contains("<rpid:mood>"), "{text}");
}

#[test]
fn prs_07_the_example_of_the_rfc() {
    let rules = Rules::parse(RFC_5025).unwrap();
    let watcher = Watcher::identified(["sip:user@example.com"]);
    let verdict = rules.evaluate(&watcher, Wall::from_unix_millis(0), None).unwrap();
    let filtered = filter(&rpid(), &verdict.permissions);
    assert_eq!(ids(&filtered), ["ty4658", "eg92n8", "p1"], "services by mailto, the person, no device");
    let person = filtered.persons().next().unwrap();
    assert_eq!(person.activities().collect::<Vec<_>>(), ["away"]);
    assert_eq!((person.class(), person.notes().count()), (None, 0));
}

#[test]
fn prs_07_text_and_foreign_attributes_beside_elements_are_not_shown() {
    let text = "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:x='urn:x' entity='sip:a@b' x:root='1'>\
                <tuple id='t' x:secret='2'>hidden<status x:s='3'><basic>open</basic></status></tuple></presence>";
    let text = shown(&Pidf::parse(text.as_bytes()).unwrap(), EVERYBODY);
    assert!(text.contains("<tuple id=\"t\"><status><basic>open</basic></status></tuple>"), "{text}");
    assert!(!text.contains("urn:x") && !text.contains("root"), "{text}");
}
