//! Between a role and its [`Notifier`]: what a SUBSCRIBE is answered (RFC 6665 section 4.2.1), and what is done for its subscriptions.

use crate::cause::NodeCause;
use crate::decision::Next;
use crate::effects::Effects;
use crate::own::{Outcome, OwnRequest};
use crate::refusal::{Refusal, is_body_optional};
use clock::Now;
use sip_event::{
    Accepted, BadDialog, BadEvent, DialogError, Granted, Notified, Notifier, NotifierEnd, NotifierInput,
    Output, Package, Refused, TooBrief, UnknownBody,
};
use sip_message::{HeaderName, Message, Response, StatusCode};

/// Does what a notifier wants done; `then` says which of the role's own requests a NOTIFY is.
pub fn carry_out<P: Package, O, T>(
    notifier: &mut Notifier<P>,
    fx: &mut Effects<O, T>,
    then: impl Fn(Notified) -> O,
) {
    while let Some(output) = notifier.poll_output() {
        match output {
            Output::Keep { key, value } => fx.persist(key, value),
            Output::Hint { key, value } => fx.hint(key, value),
            Output::Forget { key } => fx.forget(key),
            Output::Send { draft, notified } => {
                fx.send(OwnRequest { draft: *draft, next: Next::Route, then: then(notified) });
            }
            Output::Ended { end, call_id } => log_end(end, &call_id, fx),
        }
    }
}

fn log_end<O, T>(end: NotifierEnd, call_id: &str, fx: &mut Effects<O, T>) {
    match end {
        NotifierEnd::Told(_) => {}
        NotifierEnd::Refused(_) => fx.log("subscription ended: the watcher refused a NOTIFY", call_id),
        NotifierEnd::Unreachable => fx.log("subscription ended: the watcher cannot be reached", call_id),
        NotifierEnd::ExpiredWhileDown => fx.log("subscription ended: it ran out while we were down", call_id),
    }
}

/// The answer to a SUBSCRIBE, for what a notifier made of it.
///
/// # Errors
/// [`Refusal`] for what it refused.
pub fn answer<P: Package, O, T>(
    now: Now,
    subscribe: &Message,
    contact: &str,
    outcome: Result<Accepted, Refused>,
    fx: &mut Effects<O, T>,
) -> Result<Response, Refusal> {
    match outcome {
        Ok(Accepted { local_tag, granted, is_repeat }) => {
            if is_repeat {
                fx.hold_answer();
            }
            Ok(subscribed(subscribe, &local_tag, contact, granted))
        }
        Err(refused) => {
            if refused == Refused::NotKept {
                // The node knows since when the journal takes nothing, or that it is ending.
                fx.check_storage(now)?;
            }
            Err(Refusal::of_subscribe(now, refused, subscribe, P::PACKAGES))
        }
    }
}

/// The 200 that makes or refreshes a subscription, with our tag of the dialog (rule SUB-N-06).
fn subscribed(subscribe: &Message, local_tag: &str, contact: &str, granted: Granted) -> Response {
    Response::to(subscribe, StatusCode::OK, local_tag)
        .copy(subscribe, HeaderName::RecordRoute)
        .header(HeaderName::Contact, contact)
        .header(HeaderName::Expires, granted.seconds())
}

/// An event filter that was left out would not be noticed (rule PRS-20). A body that its sender calls optional is no filter.
///
/// # Errors
/// [`UnknownBody`] where there is a body that has to be understood.
pub fn check_no_filter(subscribe: &Message) -> Result<(), UnknownBody> {
    if subscribe.body().is_empty() || is_body_optional(subscribe) { Ok(()) } else { Err(UnknownBody) }
}

impl Refusal {
    /// 481.
    #[must_use]
    pub fn no_subscription() -> Self {
        Self::new(StatusCode::NO_SUCH_TRANSACTION, NodeCause::NoSubscription)
    }

    /// What a notifier refuses.
    fn of_subscribe(now: Now, refused: Refused, subscribe: &Message, packages: &[&str]) -> Self {
        let crowded = |cause| Self::new(StatusCode::TEMPORARILY_UNAVAILABLE, cause);
        let forbidden = |cause| Self::new(StatusCode::FORBIDDEN, cause);
        match refused {
            Refused::Event(bad) => Self::of_event(bad, &packages.join(", ")),
            Refused::NotAllowed => forbidden(NodeCause::WatcherNotAllowed),
            Refused::Brief(brief) => brief.into(),
            Refused::Accept(bad) => Self::new(bad.status(), NodeCause::NotAcceptable),
            Refused::Body => Self::of_body(subscribe, NodeCause::FilterNotSupported, ""),
            Refused::Dialog(bad) => bad.into(),
            Refused::Order(error) => error.into(),
            Refused::NoSubscription => Self::no_subscription(),
            Refused::SomebodyElse => forbidden(NodeCause::NotTheWatcher),
            // 480 would end the subscription that the dialog has (RFC 5057 section 5.1).
            Refused::CrowdedDialog => Self::no_room(NodeCause::TooManyInDialog, u64::MAX),
            Refused::CrowdedResource => crowded(NodeCause::TooManyOfResource),
            Refused::BusyWatcher => crowded(NodeCause::TooManyOfWatcher),
            Refused::NoRoom(first_end) => {
                Self::no_room(NodeCause::TooManySubscriptions, now.seconds_until(first_end))
            }
            Refused::NotKept => Self::no_room(NodeCause::JournalFull, 1),
        }
    }

    /// 489 with the packages that are `served`, separated by commas (rules SUB-N-02 and PUB-02).
    #[must_use]
    pub fn of_event(error: BadEvent, served: &str) -> Self {
        Self::new(error.status(), NodeCause::UnknownEvent).with(HeaderName::AllowEvents, served)
    }
}

/// Rule SUB-N-04.
impl From<TooBrief> for Refusal {
    fn from(brief: TooBrief) -> Self {
        Self::new(brief.status(), NodeCause::ExpiresTooShort).with(HeaderName::MinExpires, brief.min)
    }
}

impl From<DialogError> for Refusal {
    fn from(error: DialogError) -> Self {
        match error {
            DialogError::StaleCSeq => Self::new(error.status(), NodeCause::StaleCSeq),
        }
    }
}

impl From<BadDialog> for Refusal {
    fn from(bad: BadDialog) -> Self {
        let cause = match bad {
            BadDialog::NoContact => NodeCause::NoContact,
            BadDialog::BadContact => NodeCause::BadContact,
            BadDialog::NoTag => NodeCause::NoFromTag,
            BadDialog::InDialog => NodeCause::NoSuchDialog,
            BadDialog::RouteSet => NodeCause::BadRecordRoute,
            BadDialog::TooLarge => NodeCause::DialogTooLarge,
        };
        Self::new(bad.status(), cause)
    }
}

/// What the end of a NOTIFY says to its subscription (rule SUB-N-15).
impl From<&Outcome> for NotifierInput {
    fn from(outcome: &Outcome) -> Self {
        let Outcome::Response(response) = outcome else { return Self::NoAnswer };
        response
            .status()
            .map_or(Self::NoAnswer, |status| Self::Answered { status, retry_after: response.retry_after() })
    }
}
