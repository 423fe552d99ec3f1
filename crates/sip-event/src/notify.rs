//! What goes into a notifier's [`crate::Subscription`] and what comes out of it.

use crate::dialog::Dialog;
use crate::expires::Granted;
use crate::reason::Reason;
use crate::subscription_record::Standing;
use sip_message::{Event, StatusCode, SubscriptionState};
use std::time::Duration;

/// How NOTIFYs are sent; the same for all subscriptions of a notifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotifyPolicy {
    /// Which way NOTIFYs go that no SUBSCRIBE caused.
    pub updates: Updates,
    /// Shortest time between a NOTIFY and one caused by a change of state (RFC 3856 section 6.10).
    pub min_interval: Duration,
    /// Wait before a NOTIFY that failed is sent again; it doubles each time.
    pub retry: Duration,
    /// After so many NOTIFYs in a row that nobody answers the subscription is deleted; at least one.
    pub attempts: u8,
    /// After so many NOTIFYs in a row that fail, the last one by an error, the subscription is ended; at least one.
    pub errors: u8,
    /// 64 times T1, which is how long a transaction lives. A watcher waits as long for the last NOTIFY (Timer N, RFC 6665 section 4.1.2.4),
    /// and a request may come a second time on another way for as long (Timer J).
    pub timer_n: Duration,
}

/// The longest wait that doubling comes to.
const LONGEST_WAIT: Duration = Duration::from_secs(900);

impl NotifyPolicy {
    /// What every notifier here does: 30 s until the first retry, three NOTIFYs that nobody answers, eight that fail; the usual T1.
    #[must_use]
    pub const fn usual(updates: Updates) -> Self {
        Self {
            updates,
            min_interval: Duration::ZERO,
            retry: Duration::from_secs(30),
            attempts: 3,
            errors: 8,
            timer_n: Duration::from_millis(64 * 500),
        }
    }

    /// How long to wait after a NOTIFY that failed, as did so many before it.
    pub(crate) fn back_off(&self, failures: u8) -> Duration {
        self.retry.saturating_mul(1 << failures.min(16)).min(LONGEST_WAIT.max(self.retry))
    }
}

/// Which way NOTIFYs go that no SUBSCRIBE caused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Updates {
    /// To the watcher's address, found afresh, where its Contact is a GRUU; once by the dialog if that fails.
    Identity,
    /// Along the dialog.
    Dialog,
}

/// What the machine works on beside its own state.
#[derive(Debug)]
pub struct NotifyContext<'a> {
    /// The dialog that carries the subscription; its CSeq is taken from it.
    pub dialog: &'a mut Dialog,
    /// How NOTIFYs are sent.
    pub policy: &'a NotifyPolicy,
}

/// An accepted initial SUBSCRIBE.
#[derive(Debug, Clone, Copy)]
pub struct AcceptedSubscribe<'a> {
    /// Its Event.
    pub event: Event<'a>,
    /// What it was granted; zero is a fetch, of which nothing is kept.
    pub granted: Granted,
    /// What the rules say of the watcher.
    pub authorisation: Authorisation,
    /// The newest version of the document that the watcher may see.
    pub version: u64,
}

/// What the rules say of a watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorisation {
    /// It may watch.
    Allowed,
    /// Somebody has still to decide.
    Undecided,
    /// It may not. A new SUBSCRIBE of such a watcher is answered 403 and reaches no machine.
    Refused,
}

/// What happens to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotifierInput {
    /// A SUBSCRIBE in the dialog was accepted: a refresh, or with zero the end.
    Subscribed(Granted),
    /// A newer version of the document exists.
    Changed(u64),
    /// The rules changed.
    Authorised(Authorisation),
    /// We end it.
    Terminate {
        /// Why.
        reason: Reason,
        /// Seconds after which the watcher may subscribe again.
        retry_after: Option<u32>,
    },
    /// The NOTIFY was answered.
    Answered {
        /// The status.
        status: StatusCode,
        /// Retry-After, in seconds.
        retry_after: Option<u32>,
    },
    /// The NOTIFY was not answered, or could not be sent.
    NoAnswer,
    /// The time of [`crate::Subscription::poll_timeout`] has come.
    Deadline,
}

/// What a subscription wants done, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotifierOutput {
    /// Journal dialog and record. What is sent from now on, the answer to the SUBSCRIBE included, waits for it.
    Persist,
    /// Journal the record when there is time. Losing it costs one NOTIFY too many after a restart.
    PersistLater,
    /// Compose and send this NOTIFY; the machine waits for its outcome.
    Notify(Notify),
    /// Forget the subscription and its record.
    Ended(NotifierEnd),
}

/// A NOTIFY to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notify {
    /// Its CSeq.
    pub cseq: u32,
    /// Why it is sent.
    pub cause: Cause,
    /// Which way it goes.
    pub way: Way,
    /// The version that counts as delivered when it is confirmed; send this one or a newer one.
    pub version: u64,
    pub(crate) standing: Standing,
    pub(crate) expires: u32,
}

impl Notify {
    /// The value of Subscription-State.
    #[must_use]
    pub const fn subscription_state(&self) -> SubscriptionState<'static> {
        let state = self.standing.substate();
        match self.standing {
            Standing::Pending | Standing::Active => {
                SubscriptionState { state, expires: Some(self.expires), reason: None, retry_after: None }
            }
            Standing::Terminated { reason, retry_after } => {
                SubscriptionState { state, expires: None, reason: Some(reason.as_str()), retry_after }
            }
        }
    }
}

/// Why a NOTIFY is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The state of the resource changed.
    Change,
    /// The state of the subscription changed: decided, ended, expired.
    Standing,
    /// A SUBSCRIBE was accepted.
    Subscribe,
}

/// Which way a NOTIFY goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Along the route set ([`Dialog::request_numbered`]).
    Dialog,
    /// Found afresh for the remote target ([`Dialog::request_apart`]).
    Identity,
}

/// How a subscription came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotifierEnd {
    /// The watcher confirmed the last NOTIFY.
    Told(Reason),
    /// The watcher, or an element on the way, answered that it is gone.
    Refused(StatusCode),
    /// Nobody answers.
    Unreachable,
    /// It ran out while this node was down; nobody waits for a NOTIFY.
    ExpiredWhileDown,
}
