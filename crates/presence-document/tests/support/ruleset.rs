//! Rules documents for tests.

use clock::Wall;
use presence_document::{Rules, RulesError, SubHandling, Watcher};

pub(crate) const START: Wall = Wall::from_unix_millis(0);

fn ruleset(rules: &str) -> String {
    format!(
        "<cp:ruleset xmlns:cp='urn:ietf:params:xml:ns:common-policy' xmlns:pr='urn:ietf:params:xml:ns:pres-rules' \
         xmlns:ocp='urn:oma:xml:xdm:common-policy' xmlns:x='urn:x'>{rules}</cp:ruleset>"
    )
}

pub(crate) fn rule(id: &str, conditions: &str, action: &str) -> String {
    format!(
        "<cp:rule id='{id}'><cp:conditions>{conditions}</cp:conditions><cp:actions>\
         <pr:sub-handling>{action}</pr:sub-handling></cp:actions></cp:rule>"
    )
}

pub(crate) fn parse(rules: &str) -> Result<Rules, RulesError> {
    Rules::parse(ruleset(rules).as_bytes())
}

/// The action for a watcher, by rules of which each matches one identity or anybody.
pub(crate) fn action(rules: &Rules, watcher: &str) -> Option<SubHandling> {
    let watcher = if watcher.is_empty() { Watcher::anonymous() } else { Watcher::identified([watcher]) };
    rules.evaluate(&watcher, START, None).map(|v| v.action)
}
