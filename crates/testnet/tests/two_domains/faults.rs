//! Faults put in on purpose: each is found, within the seeds of a sweep, by the promise that names it.

use crate::domain::Fault;
use crate::domain::invariants::Invariant;
use crate::seeds::{self, SEEDS};
use sip_message::Transport;

fn is_found(fault: Fault, by: Invariant) {
    match seeds::run(0..SEEDS, Transport::Udp, Some(fault), Some(by)) {
        Ok(total) => panic!("{fault:?} goes unnoticed\n{total}"),
        Err((seed, broken)) => {
            eprintln!("{fault:?}: seed {seed}: {by:?}: {}", broken.how.lines().next().unwrap_or_default());
        }
    }
}

#[test]
fn no_timer_e() {
    is_found(Fault::NoTimerE, Invariant::SentAgain);
}

#[test]
fn cseq_reset_on_restart() {
    is_found(Fault::CseqResetOnRestart, Invariant::CseqRises);
}

#[test]
fn second_notify_outstanding() {
    is_found(Fault::SecondNotifyOutstanding, Invariant::OneOutstanding);
}

#[test]
fn lost_binding() {
    is_found(Fault::LostBinding, Invariant::RegisteredIsServed);
}

#[test]
fn forgotten_expiry() {
    is_found(Fault::ForgottenExpiry, Invariant::NothingLeft);
}
