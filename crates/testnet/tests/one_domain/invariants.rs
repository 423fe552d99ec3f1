//! What holds of every recording.

use crate::domain::{Seen, Tape};
use sip_message::HeaderName;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What is said of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) basic: String,
    pub(crate) note: String,
}

impl State {
    /// Of whom nothing is published.
    pub(crate) fn away() -> Self {
        Self { basic: "closed".into(), note: String::new() }
    }
}

/// PUBLISHes that the presence server has answered 200, with the entity-tag that each was given.
fn publishes(tape: &Tape) -> Vec<(&Seen, &str)> {
    let answers =
        tape.fresh(|seen| &*seen.from == "ps1" && seen.method() == "PUBLISH" && seen.status() == 200);
    let request_of = |answer: &Seen| {
        let mut requests = tape.0.iter().filter(|seen| &*seen.to == "ps1" && seen.is_request("PUBLISH"));
        requests.find(|request| request.message.branch() == answer.message.branch()).unwrap()
    };
    let tags = answers.iter().filter_map(|answer| answer.message.value(HeaderName::SipEtag));
    answers.iter().map(|answer| request_of(answer)).zip(tags).collect()
}

fn is_removal(publish: &Seen) -> bool {
    publish.message.expires() == Some(0)
}

/// PUBLISHes that changed something and were accepted.
pub(crate) fn accepted_changes(tape: &Tape) -> u64 {
    let changes = publishes(tape).into_iter().filter(|(p, _)| is_removal(p) || !p.message.body().is_empty());
    changes.count().try_into().unwrap()
}

/// The state that the presence server accepted last and that has not been taken back. There may be several: whoever did
/// not hear the tag of one can only make another.
pub(crate) fn accepted(tape: &Tape) -> State {
    let mut publications: Vec<(&str, State)> = Vec::new();
    for (publish, tag) in publishes(tape) {
        let named = publish.message.value(HeaderName::SipIfMatch);
        let known = named.and_then(|named| publications.iter().position(|(tag, _)| *tag == named));
        if is_removal(publish) {
            known.map(|at| publications.remove(at));
        } else if publish.message.body().is_empty() {
            publications[known.unwrap()].0 = tag;
        } else {
            known.map(|at| publications.remove(at));
            publications.push((tag, said(&publish.text())));
        }
    }
    publications.pop().map_or_else(State::away, |(_, state)| state)
}

fn said(document: &str) -> State {
    let inner =
        |tag: &str| Some(document.split_once(tag)?.1.split_once('>')?.1.split_once('<')?.0.to_owned());
    State { basic: inner("<basic").unwrap(), note: inner("<note").unwrap_or_default() }
}

/// In each dialog every NOTIFY has a higher CSeq than the one before, and after the one that ends it only its like. The
/// same NOTIFY may go to another address of the next hop; then nothing but its Via differs.
pub(crate) fn notifies_rise_and_end(tape: &Tape) {
    let mut dialogs: BTreeMap<(&str, Option<&str>, Option<&str>), &Seen> = BTreeMap::new();
    for notify in tape.fresh(|seen| &*seen.from == "ps1" && seen.is_request("NOTIFY")) {
        let message = &notify.message;
        let dialog = (message.call_id(), message.from_tag(), message.to_tag());
        let Some(before) = dialogs.insert(dialog, notify) else { continue };
        let (cseq, last) = (message.cseq(), before.message.cseq());
        let again = cseq == last && below_via(notify) == below_via(before);
        assert!(cseq > last || again, "NOTIFY {cseq} after {last}\n{}", notify.text());
        assert!(ends(notify) || !ends(before), "a NOTIFY after the end\n{}", notify.text());
    }
}

fn ends(notify: &Seen) -> bool {
    notify.message.value(HeaderName::SubscriptionState).unwrap().starts_with("terminated")
}

fn below_via(notify: &Seen) -> String {
    let text = notify.text();
    text.lines().filter(|line| !line.starts_with("Via:")).collect()
}

/// A request on one hop: who asked whom, by branch and method.
type Hop<'a> = (&'a str, &'a str, &'a str, &'a str);

/// A final response: status and To tag.
type Final<'a> = (u16, Option<&'a str>);

fn hop<'a>(seen: &'a Seen, asker: &'a str, asked: &'a str) -> Hop<'a> {
    (asker, asked, seen.message.branch().unwrap_or_default(), seen.method())
}

/// On each hop a request gets one final response, however often it is repeated; a process that has died since does not
/// know any more what it answered. Gives how many got none.
pub(crate) fn one_final_response(tape: &Tape, deaths: &[(&str, Duration)]) -> u64 {
    let lives =
        |node: &str, at: Duration| deaths.iter().filter(|(dead, when)| *dead == node && *when < at).count();
    let mut answered: BTreeMap<(Hop<'_>, usize), BTreeSet<Final<'_>>> = BTreeMap::new();
    for seen in tape.0.iter().filter(|seen| seen.is_final()) {
        let answers =
            answered.entry((hop(seen, &seen.to, &seen.from), lives(&seen.from, seen.at))).or_default();
        answers.insert((seen.status(), seen.message.to_tag()));
        assert!(answers.len() == 1, "two final responses: {answers:?}, deaths {deaths:?}\n{}", tape.show());
    }
    let known: BTreeSet<Hop<'_>> = answered.keys().map(|(hop, _)| *hop).collect();
    let asked: BTreeSet<Hop<'_>> =
        tape.0.iter().filter(|seen| seen.status() == 0).map(|seen| hop(seen, &seen.from, &seen.to)).collect();
    asked.difference(&known).count().try_into().unwrap()
}

/// Nothing that reaches erin tells where carol is. Gives how often she was told something else.
pub(crate) fn erin_learns_nothing(tape: &Tape) -> u64 {
    let mut denials = 0;
    for seen in tape.0.iter().filter(|seen| &*seen.to == "erin") {
        let text = seen.text();
        assert!(!text.contains("whereabouts") && !text.contains(">open<"), "erin learns\n{text}");
        denials += u64::from(seen.is_request("NOTIFY") || seen.status() == 403);
    }
    denials
}
