//! A subscription at the notifier (RFC 6665 section 4.2).

mod outcome;
mod sending;

use crate::expires::Granted;
use crate::notify::{
    AcceptedSubscribe, Authorisation, Cause, NotifierEnd, NotifierInput, NotifierOutput, Notify,
    NotifyContext, NotifyPolicy, Way,
};
use crate::reason::Reason;
use crate::subscription_record::{Standing, SubscriptionRecord, event_value};
use clock::{Mono, Now};

/// One subscription: it decides when a NOTIFY is sent and when the subscription ends.
///
/// One NOTIFY is outstanding at a time. What happens meanwhile is remembered as one cause and the newest version, so
/// that after the answer at most one NOTIFY follows, with the newest state. The caller composes bodies, sends, and
/// reports how each NOTIFY ended.
#[derive(Debug)]
pub struct Subscription {
    record: SubscriptionRecord,
    keeping: Keeping,
    /// When `record.expires_at` is on this process's clock.
    expires: Mono,
    newest: u64,
    /// Why a NOTIFY has to be sent as soon as one may be.
    due: Option<Cause>,
    /// No NOTIFY for a mere change before this.
    quiet_until: Mono,
    exchange: Exchange,
    persist: Option<Persist>,
    /// For a moment only, so apart from the rest.
    notify: Option<Box<Notify>>,
    ended: Option<NotifierEnd>,
}

/// Whether the journal knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeping {
    Journalled,
    /// A fetch: nothing is stored (section 4.4.3).
    Fetch,
}

/// The NOTIFY under way.
#[derive(Debug, Clone, Copy)]
enum Exchange {
    Idle,
    Outstanding {
        attempt: Attempt,
        version: u64,
    },
    /// The last one failed; the next is not sent before `until`.
    Waiting {
        until: Mono,
        failures: Failures,
    },
    /// The subscription is gone.
    Over,
}

/// One sending of a NOTIFY.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    cause: Cause,
    way: Way,
    /// How those before it failed.
    failures: Failures,
}

/// How a subscription is ended from this side.
#[derive(Debug, Clone, Copy)]
struct Termination {
    reason: Reason,
    retry_after: Option<u32>,
    cause: Cause,
}

impl Termination {
    /// By a decision of ours, with no word about coming again.
    const fn of(reason: Reason) -> Self {
        Self { reason, retry_after: None, cause: Cause::Standing }
    }
}

/// NOTIFYs that failed in a row.
#[derive(Debug, Clone, Copy, Default)]
struct Failures {
    /// By an error or without an answer.
    all: u8,
    /// Those of them, since something was last answered, that found nobody.
    silent: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Persist {
    Later,
    First,
}

impl Subscription {
    /// The subscription that an initial SUBSCRIBE creates. Its 200 goes out after [`NotifierOutput::Persist`].
    #[must_use]
    pub fn new(now: Now, accepted: AcceptedSubscribe<'_>, mut with: NotifyContext<'_>) -> Self {
        let standing = match accepted.authorisation {
            Authorisation::Allowed => Standing::Active,
            Authorisation::Undecided => Standing::Pending,
            Authorisation::Refused => Standing::Terminated { reason: Reason::Rejected, retry_after: None },
        };
        let record = SubscriptionRecord {
            event: event_value(accepted.event),
            standing,
            expires_at: accepted.granted.ends(now),
            delivered: None,
        };
        let mut new = Self::idle(now, record, accepted.version);
        if accepted.granted.is_zero() {
            new.keeping = Keeping::Fetch;
            let fetched = Termination { cause: Cause::Subscribe, ..Termination::of(Reason::Timeout) };
            new.terminate(now, fetched, with.policy);
        }
        new.owe_subscribe();
        new.advance(now, &mut with);
        new
    }

    /// The subscription as it was when its record was written. `version` is the newest document that the watcher may
    /// see. A NOTIFY follows only where the watcher may lack something: that version, or the NOTIFY that its last
    /// SUBSCRIBE is owed. What ran out meanwhile ends in silence.
    #[must_use]
    pub fn restore(now: Now, record: SubscriptionRecord, version: u64, mut with: NotifyContext<'_>) -> Self {
        let mut restored = Self::idle(now, record, version);
        if restored.record.expires_at <= now.wall {
            restored.end(NotifierEnd::ExpiredWhileDown);
            return restored;
        }
        restored.due = match (restored.record.standing, restored.record.delivered) {
            (_, None) => Some(Cause::Subscribe),
            (Standing::Terminated { .. }, Some(_)) => Some(Cause::Standing),
            (Standing::Active, Some(delivered)) if delivered < version => Some(Cause::Change),
            (Standing::Active | Standing::Pending, Some(_)) => None,
        };
        restored.advance(now, &mut with);
        restored
    }

    fn idle(now: Now, record: SubscriptionRecord, newest: u64) -> Self {
        Self {
            expires: now.mono_at(record.expires_at),
            record,
            keeping: Keeping::Journalled,
            newest,
            due: None,
            quiet_until: Mono::ZERO,
            exchange: Exchange::Idle,
            persist: None,
            notify: None,
            ended: None,
        }
    }

    /// Takes what happened. What comes of it is read with [`Subscription::poll_output`].
    pub fn handle(&mut self, now: Now, input: NotifierInput, mut with: NotifyContext<'_>) {
        if let Exchange::Over = self.exchange {
            return;
        }
        if !self.is_terminated() && now.mono >= self.expires {
            // Not journalled: the record itself says when it ran out.
            let persist = self.persist;
            self.terminate(now, Termination::of(Reason::Timeout), with.policy);
            self.persist = persist;
        }
        match input {
            NotifierInput::Subscribed(granted) => self.subscribed(now, granted, with.policy),
            NotifierInput::Changed(version) => self.changed(version),
            NotifierInput::Authorised(authorisation) => self.authorised(now, authorisation, with.policy),
            NotifierInput::Terminate { reason, retry_after } => {
                self.terminate(now, Termination { retry_after, ..Termination::of(reason) }, with.policy);
            }
            NotifierInput::Answered { status, retry_after } => {
                self.answered(now, status, retry_after, &mut with);
            }
            NotifierInput::NoAnswer => self.no_answer(now, &mut with),
            NotifierInput::Deadline => {}
        }
        self.advance(now, &mut with);
    }

    /// The next thing to be done.
    pub fn poll_output(&mut self) -> Option<NotifierOutput> {
        match self.persist.take() {
            Some(Persist::First) => return Some(NotifierOutput::Persist),
            Some(Persist::Later) => return Some(NotifierOutput::PersistLater),
            None => {}
        }
        if let Some(notify) = self.notify.take() {
            return Some(NotifierOutput::Notify(*notify));
        }
        self.ended.take().map(NotifierOutput::Ended)
    }

    /// When to call [`Subscription::handle`] with a deadline if nothing else happens.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        if let Exchange::Over = self.exchange {
            return None;
        }
        let expires = (!self.is_terminated()).then_some(self.expires);
        [expires, self.send_at()].into_iter().flatten().min()
    }

    /// Whether a SUBSCRIBE in its dialog still refreshes it; if not, that is answered 481.
    #[must_use]
    pub fn is_live(&self, now: Now) -> bool {
        !self.is_terminated() && now.mono < self.expires
    }

    /// The newest version it was told of.
    #[must_use]
    pub const fn newest(&self) -> u64 {
        self.newest
    }

    /// The durable part.
    #[must_use]
    pub const fn record(&self) -> &SubscriptionRecord {
        &self.record
    }

    pub(crate) fn is_active(&self) -> bool {
        self.record.standing == Standing::Active
    }

    pub(crate) fn is_terminated(&self) -> bool {
        matches!(self.record.standing, Standing::Terminated { .. })
    }

    fn subscribed(&mut self, now: Now, granted: Granted, policy: &NotifyPolicy) {
        if self.is_terminated() {
            return;
        }
        if granted.is_zero() {
            let asked = Termination { cause: Cause::Subscribe, ..Termination::of(Reason::Timeout) };
            self.terminate(now, asked, policy);
        } else {
            self.record.expires_at = granted.ends(now);
            self.expires = now.mono + granted.duration();
        }
        self.owe_subscribe();
        // The watcher lives: whatever was waited for is past.
        if let Exchange::Waiting { .. } = self.exchange {
            self.exchange = Exchange::Idle;
        }
    }

    /// Section 4.2.1.2: every accepted SUBSCRIBE is owed a NOTIFY, and the journal has to know of the debt.
    fn owe_subscribe(&mut self) {
        self.record.delivered = None;
        self.due = Some(Cause::Subscribe);
        self.want_persisted(Persist::First);
    }

    fn changed(&mut self, version: u64) {
        if version <= self.newest {
            return;
        }
        self.newest = version;
        match self.record.standing {
            Standing::Active => self.due = self.due.max(Some(Cause::Change)),
            // Neither is shown any state that could have changed.
            Standing::Pending | Standing::Terminated { .. } => {}
        }
    }

    fn authorised(&mut self, now: Now, authorisation: Authorisation, policy: &NotifyPolicy) {
        match (self.record.standing, authorisation) {
            (Standing::Pending, Authorisation::Allowed) => {
                self.record.standing = Standing::Active;
                self.due = self.due.max(Some(Cause::Standing));
                self.want_persisted(Persist::First);
            }
            (Standing::Pending | Standing::Active, Authorisation::Refused) => {
                self.terminate(now, Termination::of(Reason::Rejected), policy);
            }
            // There is no way back to pending (section 4.2.2): the watcher subscribes anew and is pending then.
            (Standing::Active, Authorisation::Undecided) => {
                self.terminate(now, Termination::of(Reason::Deactivated), policy);
            }
            (Standing::Pending, Authorisation::Undecided)
            | (Standing::Active, Authorisation::Allowed)
            | (Standing::Terminated { .. }, _) => {}
        }
    }

    fn terminate(&mut self, now: Now, end: Termination, policy: &NotifyPolicy) {
        let Termination { reason, retry_after, cause } = end;
        if self.is_terminated() {
            return;
        }
        self.record.standing = Standing::Terminated { reason, retry_after };
        self.record.expires_at = now.wall + policy.timer_n;
        self.due = self.due.max(Some(cause));
        if let Exchange::Waiting { .. } = self.exchange {
            self.exchange = Exchange::Idle;
        }
        self.want_persisted(Persist::First);
    }

    fn want_persisted(&mut self, persist: Persist) {
        match self.keeping {
            Keeping::Journalled => self.persist = self.persist.max(Some(persist)),
            Keeping::Fetch => {}
        }
    }

    fn end(&mut self, end: NotifierEnd) {
        self.exchange = Exchange::Over;
        self.persist = None;
        self.notify = None;
        self.ended = Some(end);
    }
}
