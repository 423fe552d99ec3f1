//! Permissions for tests, and what they show.

use clock::Wall;
use presence_document::{Permissions, Pidf, Rules, Watcher, filter};

/// Every occurrence, and of it what always comes along.
pub(crate) const EVERYBODY: &str = "<pr:provide-services><pr:all-services/></pr:provide-services>\
    <pr:provide-persons><pr:all-persons/></pr:provide-persons><pr:provide-devices><pr:all-devices/></pr:provide-devices>";

/// The permissions of as many rules as there are groups of transformations.
pub(crate) fn permissions(rules: &[&str]) -> Permissions {
    let each = rules.iter().enumerate().map(|(i, grants)| {
        format!("<cp:rule id='r{i}'><cp:transformations>{grants}</cp:transformations></cp:rule>")
    });
    let text = format!(
        "<cp:ruleset xmlns:cp='urn:ietf:params:xml:ns:common-policy' xmlns:pr='urn:ietf:params:xml:ns:pres-rules'>{}\
         </cp:ruleset>",
        each.collect::<String>()
    );
    let rules = Rules::parse(text.as_bytes()).unwrap();
    rules.evaluate(&Watcher::anonymous(), Wall::from_unix_millis(0), None).unwrap().permissions
}

pub(crate) fn rpid() -> Pidf {
    Pidf::parse(include_bytes!("../documents/rfc4480-4.xml")).unwrap()
}

pub(crate) fn shown(document: &Pidf, grants: &str) -> String {
    let permissions = permissions(&[grants]);
    let filtered = filter(document, &permissions);
    assert_eq!(filter(&filtered, &permissions), filtered, "RFC 5025 4: filtering twice changes nothing");
    let bytes = filtered.to_bytes();
    assert_eq!(Pidf::parse(&bytes).unwrap().to_bytes(), bytes, "what is shown is a document");
    String::from_utf8(bytes).unwrap()
}
