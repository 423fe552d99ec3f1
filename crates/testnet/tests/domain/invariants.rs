//! What holds of every recording.

mod notifies;
mod requests;

pub(crate) use notifies::{notifies_rise_and_end, one_notify_outstanding};
pub(crate) use requests::{one_final_response, registered_is_served, sent_again, ues_are_answered};

use super::{Seen, Tape};
use sip_message::HeaderName;
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// What a network promises, whatever its links and machines do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Invariant {
    /// The latest accepted state reaches every active watcher, or its subscription ends and it knows.
    Delivered,
    /// The CSeq of NOTIFYs rises within a dialog.
    CseqRises,
    /// A NOTIFY leaves when the one before it has been answered or given up.
    OneOutstanding,
    /// No NOTIFY follows the one that ends its subscription.
    NothingAfterTheEnd,
    /// A request gets one final response.
    OneFinalResponse,
    /// A request that is not answered is sent again.
    SentAgain,
    /// Who was told that it is registered is served as such.
    RegisteredIsServed,
    /// Nobody learns a state who may not.
    NobodyElse,
    /// When everybody has left, nothing is kept.
    NothingLeft,
}

/// A promise that was broken.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) invariant: Invariant,
    pub(crate) how: String,
}

impl Broken {
    pub(crate) fn new(invariant: Invariant, how: impl fmt::Display) -> Self {
        Self { invariant, how: how.to_string() }
    }
}

/// A time in which a node was dead.
#[derive(Debug, Clone)]
pub(crate) struct Death {
    pub(crate) node: String,
    pub(crate) from: Duration,
    pub(crate) until: Duration,
}

/// Whether a node was dead at some time of a span.
pub(crate) fn died(deaths: &[Death], node: &str, (from, until): (Duration, Duration)) -> bool {
    deaths.iter().any(|death| death.node == node && death.from <= until && death.until >= from)
}

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

/// PUBLISHes that a presence server has answered 200, with the entity-tag that each was given. One that came on another
/// way too was given the same there.
fn publishes(tape: &Tape) -> Vec<(&Seen, &str)> {
    let of_a_server: Vec<&Seen> = tape
        .seen
        .iter()
        .filter(|seen| {
            seen.method() == "PUBLISH" && (seen.from.starts_with("ps") || seen.to.starts_with("ps"))
        })
        .collect();
    let answers = of_a_server.iter().filter(|seen| seen.fresh && seen.status() == 200);
    let request_of = |answer: &Seen| {
        let mut requests = of_a_server.iter().filter(|seen| seen.is_request("PUBLISH"));
        *requests.find(|request| request.message.branch() == answer.message.branch()).unwrap()
    };
    let mut given = BTreeSet::new();
    answers
        .filter_map(|answer| Some((request_of(answer), answer.message.value(HeaderName::SipEtag)?)))
        .filter(|(_, tag)| given.insert(*tag))
        .collect()
}

fn is_removal(publish: &Seen) -> bool {
    publish.message.expires() == Some(0)
}

/// PUBLISHes that changed something and were accepted.
pub(crate) fn accepted_changes(tape: &Tape) -> u64 {
    let changes = publishes(tape).into_iter().filter(|(p, _)| is_removal(p) || !p.message.body().is_empty());
    changes.count().try_into().unwrap()
}

/// The state of a presentity that its presence server accepted last and that has not been taken back. There may be
/// several: whoever did not hear the tag of one can only make another.
pub(crate) fn accepted(tape: &Tape, presentity: &str) -> State {
    let mut publications: Vec<(&str, State)> = Vec::new();
    let of_it = |(publish, _): &(&Seen, &str)| publish.message.request_uri_text() == presentity;
    for (publish, tag) in publishes(tape).into_iter().filter(of_it) {
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

/// A watcher that may not know how a presentity is, by the name of its user agent, and the presentity's URI.
pub(crate) type Kept<'a> = (&'a str, &'a str);

/// Nothing that reaches a watcher tells it of somebody that is kept from it: every note names whose it is. Gives how
/// often it was told something else.
pub(crate) fn nobody_else_learns(tape: &Tape, kept: &[Kept<'_>]) -> Result<u64, Broken> {
    let mut denials = 0;
    for seen in &tape.seen {
        let of_it = kept.iter().filter(|(watcher, _)| *seen.to == **watcher);
        for (watcher, presentity) in of_it {
            let text = seen.text();
            let about = seen.message.from_uri().is_some_and(|uri| uri.as_str() == *presentity);
            let told_open = about && seen.is_request("NOTIFY") && text.contains(">open<");
            if text.contains(&whereabouts(presentity)) || told_open {
                return Err(Broken::new(
                    Invariant::NobodyElse,
                    format_args!("{watcher} learns of {presentity}\n{text}"),
                ));
            }
            let denied = about && seen.is_request("NOTIFY") || seen.status() == 403;
            denials += u64::from(denied);
        }
    }
    Ok(denials)
}

/// How the notes of a presentity begin.
pub(crate) fn whereabouts(presentity: &str) -> String {
    let user = presentity.trim_start_matches("sip:").split('@').next().unwrap_or_default();
    format!("whereabouts of {user}:")
}
