//! Filter criteria: which application server a request visits (TS 29.228 annexes B and C, TS 23.218 section 5.2).

use cx_protocol::{
    ConditionForm, InitialFilterCriterion, ProfilePart, ServiceTrigger, SessionCase, Spt, TriggerPoint,
};
use regex_lite::Regex;
use sip_message::{HeaderName, Message};
use smallvec::SmallVec;
use std::collections::HashMap;

/// Patterns kept compiled; above it all are dropped and compiled again as they are needed.
const MAX_PATTERNS: usize = 1000;

/// What a trigger looks at.
pub(crate) struct Facts<'a> {
    pub(crate) message: &'a Message,
    pub(crate) method: &'a str,
    pub(crate) request_uri: &'a str,
    pub(crate) case: SessionCase,
}

/// Texts whose outcome is remembered for each pattern, and how long they may be: nearly every request names one of a few
/// event packages.
const MAX_TEXTS: usize = 16;
const MAX_TEXT: usize = 64;

/// Compiled patterns, shared by all users because profiles repeat.
#[derive(Debug, Default)]
pub(crate) struct Patterns(HashMap<Box<str>, Pattern>);

#[derive(Debug)]
struct Pattern {
    regex: Option<Regex>,
    /// What came of the first texts.
    outcomes: Vec<Tried>,
}

/// A text in which a pattern was looked for.
#[derive(Debug)]
struct Tried {
    text: Box<str>,
    is_match: bool,
}

impl Pattern {
    fn new(pattern: &str) -> Self {
        Self { regex: Regex::new(pattern).ok(), outcomes: Vec::new() }
    }

    fn is_match(&mut self, text: &str) -> bool {
        if let Some(tried) = self.outcomes.iter().find(|tried| *tried.text == *text) {
            return tried.is_match;
        }
        let is_match = self.regex.as_ref().is_some_and(|regex| regex.is_match(text));
        if text.len() <= MAX_TEXT && self.outcomes.len() < MAX_TEXTS {
            self.outcomes.push(Tried { text: text.into(), is_match });
        }
        is_match
    }
}

impl Patterns {
    /// Whether the pattern is found in the text; a pattern that does not compile is found nowhere.
    fn is_match(&mut self, pattern: &str, text: &str) -> bool {
        if let Some(known) = self.0.get_mut(pattern) {
            return known.is_match(text);
        }
        if self.0.len() >= MAX_PATTERNS {
            self.0.clear();
        }
        self.0.entry(pattern.into()).or_insert_with(|| Pattern::new(pattern)).is_match(text)
    }
}

/// Index of the first criterion, `from` on in the profile's order of priority, whose trigger the request meets (rules
/// ISC-01 and ISC-03).
pub(crate) fn first_match(
    criteria: &[InitialFilterCriterion],
    from: usize,
    facts: &Facts<'_>,
    patterns: &mut Patterns,
) -> Option<usize> {
    let registered = match facts.case {
        SessionCase::TerminatingUnregistered | SessionCase::OriginatingUnregistered => {
            ProfilePart::Unregistered
        }
        SessionCase::Originating | SessionCase::TerminatingRegistered | SessionCase::Cdiv => {
            ProfilePart::Registered
        }
    };
    let applies = |part: ProfilePart| part == ProfilePart::Both || part == registered;
    criteria.iter().enumerate().skip(from).find_map(|(index, criterion)| {
        let met = applies(criterion.profile_part)
            && criterion.trigger.as_ref().is_none_or(|trigger| is_met(trigger, facts, patterns));
        met.then_some(index)
    })
}

/// Rule ISC-02: CNF is an AND of OR-groups, DNF an OR of AND-groups. A condition may stand in several groups.
fn is_met(trigger: &TriggerPoint, facts: &Facts<'_>, patterns: &mut Patterns) -> bool {
    let met: SmallVec<[bool; 8]> = trigger.spts.iter().map(|spt| spt_met(spt, facts, patterns)).collect();
    let mut groups = trigger.spts.iter().flat_map(|spt| &spt.groups);
    let holds = |group: &u32, outcome: bool| {
        let mut members = trigger.spts.iter().zip(&met).filter(|(spt, _)| spt.groups.contains(group));
        members.any(|(_, met)| *met == outcome)
    };
    match trigger.condition {
        ConditionForm::Cnf => groups.all(|group| holds(group, true)),
        ConditionForm::Dnf => groups.any(|group| !holds(group, false)),
    }
}

fn spt_met(spt: &Spt, facts: &Facts<'_>, patterns: &mut Patterns) -> bool {
    let met = match &spt.trigger {
        ServiceTrigger::Method(method) => **method == *facts.method,
        ServiceTrigger::RequestUri(pattern) => patterns.is_match(pattern, facts.request_uri),
        ServiceTrigger::SessionCase(case) => *case == facts.case,
        ServiceTrigger::Header { name, content } => header_met(name, content.as_deref(), facts, patterns),
        ServiceTrigger::SessionDescription { line, content } => {
            sdp_met(line, content.as_deref(), facts, patterns)
        }
    };
    met != spt.negated
}

fn header_met(name: &str, content: Option<&str>, facts: &Facts<'_>, patterns: &mut Patterns) -> bool {
    let wanted = HeaderName::from_bytes(name.as_bytes());
    let mut values = facts.message.header_lines().filter(|(header, _)| {
        let header_name = HeaderName::from_bytes(header);
        header_name == wanted && (wanted != HeaderName::Other || header.eq_ignore_ascii_case(name.as_bytes()))
    });
    let Some(pattern) = content else { return values.next().is_some() };
    values.any(|(_, value)| {
        let value = String::from_utf8_lossy(value);
        // Rule ISC-09: of Event only the package counts, so that `presence;id=1` is presence and its template is not.
        let value =
            if wanted == HeaderName::Event { value.split(';').next().unwrap_or_default() } else { &value };
        patterns.is_match(pattern, value.trim())
    })
}

fn sdp_met(line: &str, content: Option<&str>, facts: &Facts<'_>, patterns: &mut Patterns) -> bool {
    let is_sdp = facts.message.value(HeaderName::ContentType).is_some_and(|kind| {
        kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/sdp")
    });
    if !is_sdp {
        return false;
    }
    let body = facts.message.body();
    let text = String::from_utf8_lossy(&body);
    let mut lines = text.lines().filter_map(|text| text.split_once('=')).filter(|(field, _)| *field == line);
    match content {
        None => lines.next().is_some(),
        Some(pattern) => lines.any(|(_, value)| patterns.is_match(pattern, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cx_protocol::{ApplicationServer, DefaultHandling};

    fn message(headers: &str) -> Message {
        let text = format!(
            "SUBSCRIBE sip:bob@home2.test SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@home1.test>;tag=1\r\n\
             To: <sip:bob@home2.test>\r\nCall-ID: c\r\nCSeq: 1 SUBSCRIBE\r\n{headers}Content-Length: 0\r\n\r\n"
        );
        Message::parse(text.into()).unwrap()
    }

    fn met(trigger: &TriggerPoint, headers: &str, case: SessionCase) -> bool {
        let message = message(headers);
        let facts = Facts { message: &message, method: "SUBSCRIBE", request_uri: "sip:bob@home2.test", case };
        is_met(trigger, &facts, &mut Patterns::default())
    }

    fn spt(groups: &[u32], trigger: ServiceTrigger) -> Spt {
        Spt { groups: groups.to_vec(), negated: false, trigger }
    }

    fn method(name: &str) -> ServiceTrigger {
        ServiceTrigger::Method(name.into())
    }

    fn header(name: &str, content: Option<&str>) -> ServiceTrigger {
        ServiceTrigger::Header { name: name.into(), content: content.map(Into::into) }
    }

    const CASE: SessionCase = SessionCase::TerminatingRegistered;

    #[test]
    fn isc_02_cnf_is_and_of_ors_and_dnf_or_of_ands() {
        let yes = || method("SUBSCRIBE");
        let no = || method("PUBLISH");
        let rows = [
            (vec![spt(&[0], yes()), spt(&[1], yes())], true, true),
            (vec![spt(&[0], yes()), spt(&[1], no())], false, true),
            (vec![spt(&[0], yes()), spt(&[0], no())], true, false),
            (vec![spt(&[0], no()), spt(&[0], no())], false, false),
            (vec![spt(&[0, 1], yes()), spt(&[1], no())], true, true),
        ];
        for (row, (spts, cnf, dnf)) in rows.into_iter().enumerate() {
            for (condition, expected) in [(ConditionForm::Cnf, cnf), (ConditionForm::Dnf, dnf)] {
                let trigger = TriggerPoint { condition, spts: spts.clone() };
                assert_eq!(met(&trigger, "", CASE), expected, "row {row} {condition:?}");
            }
        }
    }

    #[test]
    fn isc_02_and_09_what_a_condition_looks_at() {
        let rows = [
            (header("Event", Some("^presence$")), "Event: presence\r\n", true),
            (header("Event", Some("^presence$")), "o: presence ;id=4\r\n", true),
            (header("Event", Some("^presence$")), "Event: presence.winfo\r\n", false),
            (header("event", None), "o: reg\r\n", true),
            (header("X-Own", Some("b+")), "x-own: abbbc\r\n", true),
            (header("X-Own", None), "X-Other: a\r\n", false),
            (header("Event", Some("([")), "Event: presence\r\n", false),
            (ServiceTrigger::RequestUri("@home2\\.test".into()), "", true),
            (ServiceTrigger::SessionCase(SessionCase::Originating), "", false),
            (ServiceTrigger::SessionCase(CASE), "", true),
        ];
        for (trigger, headers, expected) in rows {
            let text = format!("{trigger:?} {headers}");
            let spt = spt(&[0], trigger);
            let negated = Spt { negated: true, ..spt.clone() };
            let point = |spt| TriggerPoint { condition: ConditionForm::Cnf, spts: vec![spt] };
            assert_eq!(met(&point(spt), headers, CASE), expected, "{text}");
            assert_eq!(met(&point(negated), headers, CASE), !expected, "negated {text}");
        }
    }

    #[test]
    fn isc_01_and_03_order_and_profile_part() {
        let criterion = |part, trigger| InitialFilterCriterion {
            priority: 0,
            trigger,
            application_server: ApplicationServer {
                uri: "sip:as".into(),
                default_handling: DefaultHandling::Terminated,
                include_register_request: false,
                include_register_response: false,
            },
            profile_part: part,
        };
        let never = Some(TriggerPoint { condition: ConditionForm::Cnf, spts: vec![spt(&[0], method("X"))] });
        let criteria = [
            criterion(ProfilePart::Both, never),
            criterion(ProfilePart::Unregistered, None),
            criterion(ProfilePart::Registered, None),
            criterion(ProfilePart::Both, None),
        ];
        let message = message("");
        let find = |from, case| {
            let facts =
                Facts { message: &message, method: "SUBSCRIBE", request_uri: "sip:bob@home2.test", case };
            first_match(&criteria, from, &facts, &mut Patterns::default())
        };
        assert_eq!(find(0, SessionCase::TerminatingRegistered), Some(2));
        assert_eq!(find(3, SessionCase::TerminatingRegistered), Some(3));
        assert_eq!(find(4, SessionCase::TerminatingRegistered), None);
        assert_eq!(find(0, SessionCase::TerminatingUnregistered), Some(1));
    }
}
