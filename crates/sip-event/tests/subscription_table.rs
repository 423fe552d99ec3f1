//! RFC 6665 section 4.2: every state of a notifier's subscription with everything that can happen in it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

mod support;

use sip_event::{
    AcceptedSubscribe, Authorisation, Dialog, Granted, NotifierEnd, NotifierInput, NotifierOutput,
    NotifyContext, Reason, Subscription,
};
use sip_message::{Event, StatusCode, Substate};
use support::{CONTACT, POLICY, at, granted, notifier_dialog, secs};

const fn answered(status: StatusCode, retry_after: Option<u32>) -> NotifierInput {
    NotifierInput::Answered { status, retry_after }
}

fn inputs() -> [(&'static str, NotifierInput); 15] {
    let noresource = NotifierInput::Terminate { reason: Reason::Noresource, retry_after: None };
    [
        ("refresh", NotifierInput::Subscribed(granted(900))),
        ("unsubscribe", NotifierInput::Subscribed(Granted::ZERO)),
        ("change", NotifierInput::Changed(9)),
        ("old change", NotifierInput::Changed(1)),
        ("allowed", NotifierInput::Authorised(Authorisation::Allowed)),
        ("undecided", NotifierInput::Authorised(Authorisation::Undecided)),
        ("refused", NotifierInput::Authorised(Authorisation::Refused)),
        ("noresource", noresource),
        ("100", answered(StatusCode::TRYING, None)),
        ("200", answered(StatusCode::OK, None)),
        ("481", answered(StatusCode::NO_SUCH_TRANSACTION, Some(7))),
        ("500", answered(StatusCode::SERVER_ERROR, None)),
        ("503 wait 7", answered(StatusCode::SERVICE_UNAVAILABLE, Some(7))),
        ("no answer", NotifierInput::NoAnswer),
        ("deadline", NotifierInput::Deadline),
    ]
}

/// A subscription of 600 s in the state of this name, at 1 s.
fn in_state(name: &str) -> (Dialog, Subscription) {
    let mut dialog = notifier_dialog(CONTACT);
    let (standing, exchange) = name.split_once(' ').unwrap();
    let authorisation = if standing == "pending" { Authorisation::Undecided } else { Authorisation::Allowed };
    let event = Event { package: "presence", id: None };
    let accepted = AcceptedSubscribe { event, granted: granted(600), authorisation, version: 1 };
    let with = NotifyContext { dialog: &mut dialog, policy: &POLICY };
    let mut subscription = Subscription::new(at(0), accepted, with);
    let done = answered(StatusCode::OK, None);
    let steps: &[NotifierInput] = match (standing, exchange) {
        ("pending" | "active", "idle") => &[done],
        ("pending" | "active", "outstanding") => &[],
        ("pending" | "active", "waiting") => &[NotifierInput::NoAnswer],
        ("terminated", "outstanding") => &[done, NotifierInput::Subscribed(Granted::ZERO)],
        // Over while the NOTIFY before the last one is still out.
        ("terminated", "behind") => &[NotifierInput::Authorised(Authorisation::Refused)],
        ("terminated", "told") => &[done, NotifierInput::Subscribed(Granted::ZERO), done],
        other => panic!("{other:?}"),
    };
    for step in steps {
        subscription.handle(secs(1), *step, NotifyContext { dialog: &mut dialog, policy: &POLICY });
    }
    while subscription.poll_output().is_some() {}
    (dialog, subscription)
}

fn text(output: NotifierOutput) -> String {
    match output {
        NotifierOutput::Persist => "persist".into(),
        NotifierOutput::PersistLater => "later".into(),
        NotifierOutput::Notify(notify) => format!("NOTIFY {}", notify.subscription_state()),
        NotifierOutput::Ended(NotifierEnd::Refused(status)) => format!("ended {status}"),
        NotifierOutput::Ended(end) => format!("ended {end:?}"),
    }
}

/// What comes of the input: outputs, state, and the seconds at which it wants to be called.
fn outcome(state: &str, input: NotifierInput) -> String {
    let (mut dialog, mut subscription) = in_state(state);
    subscription.handle(secs(2), input, NotifyContext { dialog: &mut dialog, policy: &POLICY });
    let mut words: Vec<String> = std::iter::from_fn(|| subscription.poll_output()).map(text).collect();
    words.push(match subscription.record().standing().substate() {
        Substate::Pending => "pending".into(),
        Substate::Active => "active".into(),
        Substate::Terminated => "terminated".into(),
    });
    let timeout = subscription.poll_timeout().map(|at| at.saturating_since(secs(0).mono).as_secs());
    words.push(timeout.map_or_else(|| "-".into(), |seconds| seconds.to_string()));
    words.join(", ")
}

fn check(state: &str, expected: [&str; 15]) {
    for ((name, input), expected) in inputs().into_iter().zip(expected) {
        assert_eq!(outcome(state, input), expected, "{state}: {name}");
    }
}

#[test]
fn sub_n_pending_idle() {
    check(
        "pending idle",
        [
            "persist, NOTIFY pending;expires=900, pending, 902", // refresh
            "persist, NOTIFY terminated;reason=timeout, terminated, -", // unsubscribe
            "pending, 600",                                      // change
            "pending, 600",                                      // old change
            "persist, NOTIFY active;expires=598, active, 600",   // allowed
            "pending, 600",                                      // undecided
            "persist, NOTIFY terminated;reason=rejected, terminated, -", // refused
            "persist, NOTIFY terminated;reason=noresource, terminated, -", // noresource
            "pending, 600",                                      // 100
            "pending, 600",                                      // 200
            "pending, 600",                                      // 481
            "pending, 600",                                      // 500
            "pending, 600",                                      // 503 wait 7
            "pending, 600",                                      // no answer
            "pending, 600",                                      // deadline
        ],
    );
}

#[test]
fn sub_n_pending_outstanding() {
    check(
        "pending outstanding",
        [
            "persist, pending, 902",  // refresh
            "persist, terminated, -", // unsubscribe
            "pending, 600",           // change
            "pending, 600",           // old change
            "persist, active, 600",   // allowed
            "pending, 600",           // undecided
            "persist, terminated, -", // refused
            "persist, terminated, -", // noresource
            "pending, 600",           // 100
            "later, pending, 600",    // 200
            "ended 481, pending, -",  // 481
            "pending, 12",            // 500
            "pending, 9",             // 503 wait 7
            "pending, 12",            // no answer
            "pending, 600",           // deadline
        ],
    );
}

#[test]
fn sub_n_pending_waiting() {
    check(
        "pending waiting",
        [
            "persist, NOTIFY pending;expires=900, pending, 902", // refresh
            "persist, NOTIFY terminated;reason=timeout, terminated, -", // unsubscribe
            "pending, 11",                                       // change
            "pending, 11",                                       // old change
            "persist, active, 11",                               // allowed
            "pending, 11",                                       // undecided
            "persist, NOTIFY terminated;reason=rejected, terminated, -", // refused
            "persist, NOTIFY terminated;reason=noresource, terminated, -", // noresource
            "pending, 11",                                       // 100
            "pending, 11",                                       // 200
            "pending, 11",                                       // 481
            "pending, 11",                                       // 500
            "pending, 11",                                       // 503 wait 7
            "pending, 11",                                       // no answer
            "pending, 11",                                       // deadline
        ],
    );
}

#[test]
fn sub_n_active_idle() {
    check(
        "active idle",
        [
            "persist, NOTIFY active;expires=900, active, 902", // refresh
            "persist, NOTIFY terminated;reason=timeout, terminated, -", // unsubscribe
            "NOTIFY active;expires=598, active, 600",          // change
            "active, 600",                                     // old change
            "active, 600",                                     // allowed
            "persist, NOTIFY terminated;reason=deactivated, terminated, -", // undecided
            "persist, NOTIFY terminated;reason=rejected, terminated, -", // refused
            "persist, NOTIFY terminated;reason=noresource, terminated, -", // noresource
            "active, 600",                                     // 100
            "active, 600",                                     // 200
            "active, 600",                                     // 481
            "active, 600",                                     // 500
            "active, 600",                                     // 503 wait 7
            "active, 600",                                     // no answer
            "active, 600",                                     // deadline
        ],
    );
}

#[test]
fn sub_n_active_outstanding() {
    check(
        "active outstanding",
        [
            "persist, active, 902",   // refresh
            "persist, terminated, -", // unsubscribe
            "active, 600",            // change
            "active, 600",            // old change
            "active, 600",            // allowed
            "persist, terminated, -", // undecided
            "persist, terminated, -", // refused
            "persist, terminated, -", // noresource
            "active, 600",            // 100
            "later, active, 600",     // 200
            "ended 481, active, -",   // 481
            "active, 12",             // 500
            "active, 9",              // 503 wait 7
            "active, 12",             // no answer
            "active, 600",            // deadline
        ],
    );
}

#[test]
fn sub_n_active_waiting() {
    check(
        "active waiting",
        [
            "persist, NOTIFY active;expires=900, active, 902", // refresh
            "persist, NOTIFY terminated;reason=timeout, terminated, -", // unsubscribe
            "active, 11",                                      // change
            "active, 11",                                      // old change
            "active, 11",                                      // allowed
            "persist, NOTIFY terminated;reason=deactivated, terminated, -", // undecided
            "persist, NOTIFY terminated;reason=rejected, terminated, -", // refused
            "persist, NOTIFY terminated;reason=noresource, terminated, -", // noresource
            "active, 11",                                      // 100
            "active, 11",                                      // 200
            "active, 11",                                      // 481
            "active, 11",                                      // 500
            "active, 11",                                      // 503 wait 7
            "active, 11",                                      // no answer
            "active, 11",                                      // deadline
        ],
    );
}

#[test]
fn sub_n_terminated_outstanding() {
    check(
        "terminated outstanding",
        [
            "terminated, -",                      // refresh
            "terminated, -",                      // unsubscribe
            "terminated, -",                      // change
            "terminated, -",                      // old change
            "terminated, -",                      // allowed
            "terminated, -",                      // undecided
            "terminated, -",                      // refused
            "terminated, -",                      // noresource
            "terminated, -",                      // 100
            "ended Told(Timeout), terminated, -", // 200
            "ended 481, terminated, -",           // 481
            "ended 500, terminated, -",           // 500
            "ended 503, terminated, -",           // 503 wait 7
            "ended Unreachable, terminated, -",   // no answer
            "terminated, -",                      // deadline
        ],
    );
}

#[test]
fn sub_n_terminated_behind() {
    check(
        "terminated behind",
        [
            "terminated, -",                                           // refresh
            "terminated, -",                                           // unsubscribe
            "terminated, -",                                           // change
            "terminated, -",                                           // old change
            "terminated, -",                                           // allowed
            "terminated, -",                                           // undecided
            "terminated, -",                                           // refused
            "terminated, -",                                           // noresource
            "terminated, -",                                           // 100
            "later, NOTIFY terminated;reason=rejected, terminated, -", // 200
            "ended 481, terminated, -",                                // 481
            "NOTIFY terminated;reason=rejected, terminated, -",        // 500
            "NOTIFY terminated;reason=rejected, terminated, -",        // 503 wait 7
            "ended Unreachable, terminated, -",                        // no answer
            "terminated, -",                                           // deadline
        ],
    );
}

#[test]
fn sub_n_terminated_told() {
    check(
        "terminated told",
        [
            "terminated, -", // refresh
            "terminated, -", // unsubscribe
            "terminated, -", // change
            "terminated, -", // old change
            "terminated, -", // allowed
            "terminated, -", // undecided
            "terminated, -", // refused
            "terminated, -", // noresource
            "terminated, -", // 100
            "terminated, -", // 200
            "terminated, -", // 481
            "terminated, -", // 500
            "terminated, -", // 503 wait 7
            "terminated, -", // no answer
            "terminated, -", // deadline
        ],
    );
}
