//! What holds of requests on each hop.

use super::{Broken, Death, Invariant, died};
use crate::domain::{Seen, Tape, UES};
use sip_message::HeaderName;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// RFC 3261 section 17.1.2.2: a request over UDP goes out again after T1, when a little time has passed on the way.
const T1: Duration = Duration::from_millis(500);
const SOON: Duration = Duration::from_millis(600);

/// A request on one hop: who asked whom, by branch and method.
type Hop<'a> = (&'a str, &'a str, &'a str, &'a str);

/// A final response: status and To tag.
type Final<'a> = (u16, Option<&'a str>);

fn hop<'a>(seen: &'a Seen, asker: &'a str, asked: &'a str) -> Hop<'a> {
    (asker, asked, seen.message.branch().unwrap_or_default(), seen.method())
}

fn asked(seen: &Seen) -> Hop<'_> {
    hop(seen, &seen.from, &seen.to)
}

fn answered(seen: &Seen) -> Hop<'_> {
    hop(seen, &seen.to, &seen.from)
}

/// On each hop a request gets one final response, however often it is repeated; a process that has died since does not
/// know any more what it answered.
pub(crate) fn one_final_response(tape: &Tape, deaths: &[Death]) -> Result<(), Broken> {
    let lives = |node: &str, at: Duration| {
        deaths.iter().filter(|death| death.node == node && death.from < at).count()
    };
    let mut finals: BTreeMap<(Hop<'_>, usize), BTreeSet<Final<'_>>> = BTreeMap::new();
    for seen in tape.seen.iter().filter(|seen| seen.is_final()) {
        let answers = finals.entry((answered(seen), lives(&seen.from, seen.at))).or_default();
        answers.insert((seen.status(), seen.message.to_tag()));
        if answers.len() > 1 {
            let how = format!("{answers:?}\n{}", seen.text());
            return Err(Broken::new(Invariant::OneFinalResponse, how));
        }
    }
    Ok(())
}

/// Where no node dies, every request of a user agent gets one.
pub(crate) fn ues_are_answered(tape: &Tape) -> Result<(), Broken> {
    let known: BTreeSet<Hop<'_>> = tape.seen.iter().filter(|seen| seen.is_final()).map(answered).collect();
    let of_ue = |seen: &&Seen| seen.status() == 0 && is_ue(&seen.from);
    match tape.seen.iter().filter(of_ue).find(|seen| !known.contains(&asked(seen))) {
        Some(seen) => Err(Broken::new(Invariant::OneFinalResponse, format_args!("none\n{}", seen.text()))),
        None => Ok(()),
    }
}

/// A P-CSCF that has told a phone over UDP that it is registered knows it, over restarts too: it is the network's word,
/// until the phone, or the S-CSCF by the `reg` package, takes it back.
pub(crate) fn registered_is_served(tape: &Tape) -> Result<(), Broken> {
    let mut served_by: BTreeMap<&str, &str> = BTreeMap::new();
    let over_udp = |seen: &&Seen| is_ue(&seen.to) && over_udp(seen);
    for seen in tape.whole() {
        // The network may end a registration, and the P-CSCF hear of it before the UE does.
        if seen.is_request("NOTIFY") && seen.text().contains("state=\"terminated\"") {
            served_by.retain(|ue, _| !seen.text().contains(&format!("aor=\"sip:{ue}@")));
        }
        if !over_udp(&seen) {
            continue;
        }
        let (ue, pcscf) = (&*seen.to, &*seen.from);
        if seen.method() == "REGISTER" && seen.status() == 200 {
            served_by.insert(ue, pcscf);
        }
        let warning = seen.message.value(HeaderName::Warning).unwrap_or_default();
        let refused = seen.fresh && seen.status() == 403 && warning.starts_with(&format!("399 {pcscf}."));
        if refused && served_by.get(ue) == Some(&pcscf) {
            return Err(Broken::new(Invariant::RegisteredIsServed, seen.text()));
        }
    }
    Ok(())
}

/// A network node repeats a request over UDP that nobody has answered within T1, unless one of both has died, or its own
/// patience has ended and it has answered whoever asked it.
pub(crate) fn sent_again(tape: &Tape, deaths: &[Death], until: Duration) -> Result<(), Broken> {
    let mut repeated: BTreeSet<Hop<'_>> = BTreeSet::new();
    let mut answers: BTreeMap<Hop<'_>, Duration> = BTreeMap::new();
    let mut upstream: BTreeMap<Errand<'_>, Duration> = BTreeMap::new();
    for seen in &tape.seen {
        if seen.status() == 0 && !seen.fresh {
            repeated.insert(asked(seen));
        } else if seen.is_final() {
            answers.entry(answered(seen)).or_insert(seen.at);
            upstream.insert(errand(seen), seen.at);
        }
    }
    for seen in tape.fresh(|seen| seen.status() == 0 && over_udp(seen) && !is_ue(&seen.from)) {
        let soon = seen.at + SOON;
        let hop = asked(seen);
        let settled = answers.get(&hop).is_some_and(|at| *at <= seen.at + T1) || repeated.contains(&hop);
        let given_up = upstream.get(&errand(seen)).is_some_and(|at| (seen.at..soon).contains(at));
        let dead = died(deaths, &seen.from, (seen.at, soon)) || died(deaths, &seen.to, (seen.at, soon));
        if !settled && !given_up && !dead && soon < until {
            let how = format!("{} to {} once\n{}", seen.from, seen.to, seen.text());
            return Err(Broken::new(Invariant::SentAgain, how));
        }
    }
    Ok(())
}

/// What a node does for a request: its name, Call-ID, CSeq.
type Errand<'a> = (&'a str, &'a str, &'a str, u32);

fn errand(seen: &Seen) -> Errand<'_> {
    (&seen.from, seen.message.call_id(), seen.method(), seen.message.cseq())
}

fn over_udp(seen: &Seen) -> bool {
    seen.message.top_via().is_some_and(|via| via.starts_with("SIP/2.0/UDP"))
}

fn is_ue(name: &str) -> bool {
    UES.iter().any(|(ue, _, _)| *ue == name)
}
