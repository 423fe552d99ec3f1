//! Who may watch whom.

use presence_document::Rules;
use presence_server::RuleBook;
use std::fmt::Write as _;

/// The rules of presentities: what becomes of whom.
pub(crate) fn book(of: &[(&str, &[(&str, &str)])]) -> RuleBook {
    of.iter().map(|(presentity, watchers)| ((*presentity).into(), rules(watchers))).collect()
}

fn rules(watchers: &[(&str, &str)]) -> Rules {
    let mut text = "<cp:ruleset xmlns:cp='urn:ietf:params:xml:ns:common-policy' \
         xmlns:pr='urn:ietf:params:xml:ns:pres-rules'>"
        .to_owned();
    for (number, (watcher, action)) in watchers.iter().enumerate() {
        write!(
            text,
            "<cp:rule id='r{number}'><cp:conditions><cp:identity><cp:one id='{watcher}'/></cp:identity>\
             </cp:conditions><cp:actions><pr:sub-handling>{action}</pr:sub-handling></cp:actions>\
             <cp:transformations><pr:provide-services><pr:all-services/></pr:provide-services>\
             <pr:provide-persons><pr:all-persons/></pr:provide-persons><pr:provide-all-attributes/>\
             </cp:transformations></cp:rule>"
        )
        .unwrap();
    }
    Rules::parse((text + "</cp:ruleset>").as_bytes()).unwrap()
}
