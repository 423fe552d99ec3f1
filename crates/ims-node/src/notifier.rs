//! What every role that is a notifier answers to a SUBSCRIBE (RFC 6665 section 4.2.1).

use crate::decision::{Refusal, is_body_optional};
use crate::own::Outcome;
use sip_event::{BadDialog, BadEvent, DialogError, Granted, NotifierInput, TooBrief};
use sip_message::{HeaderName, Message, Response, StatusCode};

/// The 200 that makes or refreshes a subscription, with our tag of the dialog (rule SUB-N-06).
#[must_use]
pub fn subscribed(subscribe: &Message, local_tag: &str, contact: &str, granted: Granted) -> Response {
    Response::to(subscribe, StatusCode::OK, local_tag)
        .copy(subscribe, HeaderName::RecordRoute)
        .header(HeaderName::Contact, contact)
        .header(HeaderName::Expires, granted.seconds())
}

/// An event filter that was left out would not be noticed (rule PRS-20). A body that its sender calls optional is no filter.
///
/// # Errors
/// 415 where there is a body that has to be understood.
pub fn check_no_filter(subscribe: &Message) -> Result<(), Refusal> {
    if subscribe.body().is_empty() || is_body_optional(subscribe) {
        Ok(())
    } else {
        Err(Refusal::of_body(subscribe, "event filters are not supported", ""))
    }
}

impl Refusal {
    /// 481.
    #[must_use]
    pub const fn no_subscription() -> Self {
        Self::new(StatusCode::NO_SUCH_TRANSACTION, "no such subscription")
    }

    /// 489 with the packages that are `served`, separated by commas (rules SUB-N-02 and PUB-02).
    #[must_use]
    pub fn of_event(error: BadEvent, served: &str) -> Self {
        Self::new(error.status(), "this event package is not served").with(HeaderName::AllowEvents, served)
    }
}

/// Rule SUB-N-04.
impl From<TooBrief> for Refusal {
    fn from(brief: TooBrief) -> Self {
        Self::new(brief.status(), "Expires is too short").with(HeaderName::MinExpires, brief.min)
    }
}

impl From<DialogError> for Refusal {
    fn from(error: DialogError) -> Self {
        match error {
            DialogError::StaleCSeq => Self::new(error.status(), "CSeq is lower than before"),
        }
    }
}

impl From<BadDialog> for Refusal {
    fn from(bad: BadDialog) -> Self {
        let cause = match bad {
            BadDialog::NoContact => "there is no Contact",
            BadDialog::BadContact => "Contact is no target",
            BadDialog::NoTag => "From has no tag",
            BadDialog::InDialog => "no such dialog",
            BadDialog::RouteSet => "Record-Route is no route set",
            BadDialog::TooLarge => "a dialog of so much text is not kept",
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
