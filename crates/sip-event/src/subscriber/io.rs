//! What goes into a [`crate::Subscriber`] and what comes out of it.

use crate::answer::Answer;
use crate::reason::Reason;
use crate::resubscribe::Retry;
use crate::schedule::Schedule;
use crate::sent_subscribe::SentSubscribe;
use sip_message::{StatusCode, Substate};
use std::time::Duration;

/// How a subscriber behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriberConfig {
    /// The Expires asked for, in seconds; zero fetches once.
    pub expires: u32,
    /// T1 of the access: Timer N is 64 times it.
    pub t1: Duration,
    /// When to refresh and when to try again.
    pub schedule: Schedule,
}

/// What happens to a subscriber, beside the NOTIFYs that [`crate::Subscriber::notify`] takes.
#[derive(Debug)]
pub enum SubscriberInput<'a> {
    /// An initial SUBSCRIBE was sent, or sent again with credentials.
    Sent(SentSubscribe),
    /// The SUBSCRIBE was answered; 401 and 407 come here only when the caller has no credentials.
    Answered(Answer<'a>),
    /// The SUBSCRIBE was not answered, or could not be sent.
    NoAnswer,
    /// The user wants no more of it.
    Unsubscribe,
    /// The time of [`crate::Subscriber::poll_timeout`] has come.
    Deadline,
}

/// What a subscriber wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriberOutput {
    /// Send a SUBSCRIBE outside any dialog, with a new Call-ID and tag and this Expires, and report it with
    /// [`SubscriberInput::Sent`].
    SubscribeAnew(u32),
    /// Send a SUBSCRIBE in the dialog ([`crate::Subscriber::dialog_mut`]) with this Expires.
    SubscribeInDialog(u32),
    /// The subscription is now active or pending.
    State(Substate),
    /// The subscription is over. Unless it never comes back, `SubscribeAnew` follows now or after the wait.
    Ended(SubscriberEnd, Retry),
}

/// Why a subscription is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriberEnd {
    /// A NOTIFY said so, with this reason where it gave one that is known.
    Notified(Option<Reason>),
    /// The SUBSCRIBE was refused.
    Refused(StatusCode),
    /// The SUBSCRIBE was not answered.
    NoAnswer,
    /// No NOTIFY came before Timer N.
    NoNotify,
    /// It ran out, because no refresh succeeded.
    Expired,
    /// The user ended it.
    Unsubscribed,
}

/// Why a NOTIFY is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadNotify {
    /// It belongs to no subscription of this machine.
    NoSuchSubscription,
    /// It belongs to our dialog, but not to our event package.
    BadEvent,
    /// Its CSeq is lower than that of an earlier NOTIFY.
    Stale,
    /// It says no state, or cannot create a dialog.
    Malformed,
}

impl BadNotify {
    /// The status that answers the NOTIFY.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NoSuchSubscription => StatusCode::NO_SUCH_TRANSACTION,
            Self::BadEvent => StatusCode::BAD_EVENT,
            Self::Stale => StatusCode::SERVER_ERROR,
            Self::Malformed => StatusCode::BAD_REQUEST,
        }
    }
}
