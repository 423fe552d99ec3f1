//! What holds of the NOTIFYs of a presence server.

use super::{Broken, Death, Invariant, died};
use crate::domain::{Seen, Tape};
use sip_message::HeaderName;
use std::collections::BTreeMap;
use std::time::Duration;

/// A next hop that says nothing, not even 100, is given up after 4.5 s. Less what a NOTIFY may be held for its record.
const GIVEN_UP: Duration = Duration::from_millis(4400);

/// Less what it may take to open the connection that a request is recorded on.
const GIVEN_UP_BY_TCP: Duration = Duration::from_millis(500);

type Dialog<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

fn dialog(notify: &Seen) -> Dialog<'_> {
    (notify.message.call_id(), notify.message.from_tag(), notify.message.to_tag())
}

fn sent_by_servers(tape: &Tape) -> Vec<&Seen> {
    tape.fresh(|seen| seen.from.starts_with("ps") && seen.is_request("NOTIFY"))
}

/// In each dialog every NOTIFY has a higher CSeq than the one before, and after the one that ends it only its like. The
/// same NOTIFY may go to another address of the next hop; then nothing but its Via differs.
pub(crate) fn notifies_rise_and_end(tape: &Tape) -> Result<(), Broken> {
    let mut dialogs: BTreeMap<Dialog<'_>, &Seen> = BTreeMap::new();
    for notify in sent_by_servers(tape) {
        let Some(before) = dialogs.insert(dialog(notify), notify) else { continue };
        let (cseq, last) = (notify.message.cseq(), before.message.cseq());
        let again = cseq == last && below_via(notify) == below_via(before);
        if cseq <= last && !again {
            let how = format!("NOTIFY {cseq} after {last}\n{}", notify.text());
            return Err(Broken::new(Invariant::CseqRises, how));
        }
        if ends(before) && !ends(notify) {
            let how = format!("a NOTIFY after the end\n{}", notify.text());
            return Err(Broken::new(Invariant::NothingAfterTheEnd, how));
        }
    }
    Ok(())
}

fn ends(notify: &Seen) -> bool {
    notify.message.value(HeaderName::SubscriptionState).unwrap().starts_with("terminated")
}

fn below_via(notify: &Seen) -> String {
    let text = notify.text();
    text.lines().filter(|line| !line.starts_with("Via:")).collect()
}

/// A new NOTIFY of a dialog leaves when the one before it has been answered, or has met with silence, or could not be
/// handed to its next hop, or when the process that sent it is dead.
pub(crate) fn one_notify_outstanding(tape: &Tape, deaths: &[Death]) -> Result<(), Broken> {
    let mut answers: BTreeMap<(&str, u32), Duration> = BTreeMap::new();
    for seen in tape.seen.iter().filter(|seen| seen.to.starts_with("ps") && seen.method() == "NOTIFY") {
        if seen.is_final() {
            answers.entry((seen.message.call_id(), seen.message.cseq())).or_insert(seen.at);
        }
    }
    // The one before, and since when it is under way: the time that it has goes on when it tries another address.
    let mut dialogs: BTreeMap<Dialog<'_>, (&Seen, Duration)> = BTreeMap::new();
    for notify in sent_by_servers(tape) {
        let number = |seen: &Seen| seen.message.cseq();
        let Some((before, since)) = dialogs.insert(dialog(notify), (notify, notify.at)) else { continue };
        if number(notify) == number(before) {
            dialogs.insert(dialog(notify), (notify, since));
            continue;
        }
        let answered =
            answers.get(&(before.message.call_id(), number(before))).is_some_and(|at| *at <= notify.at);
        let span = (since, notify.at);
        let by_udp = before.message.top_via().is_some_and(|via| via.starts_with("SIP/2.0/UDP"));
        let given_up = notify.at >= since + if by_udp { GIVEN_UP } else { GIVEN_UP_BY_TCP };
        if !(answered || given_up || died(deaths, &before.from, span) || died(deaths, &before.to, span)) {
            let (one, other) = (number(before), number(notify));
            let how = format!("NOTIFY {other} though {one} is unanswered\n{}", notify.text());
            return Err(Broken::new(Invariant::OneOutstanding, how));
        }
    }
    Ok(())
}
