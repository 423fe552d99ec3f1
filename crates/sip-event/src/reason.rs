//! Why a subscription ended, in Subscription-State (RFC 6665 section 4.1.3).

use minicbor::{Decode, Encode};

/// The `reason` of a terminated subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Reason {
    /// Subscribe again at once: another notifier has taken over, or the decision is open again.
    #[n(0)]
    Deactivated,
    /// Subscribe again later.
    #[n(1)]
    Probation,
    /// Authorisation was taken away.
    #[n(2)]
    Rejected,
    /// It was not refreshed, was ended by the subscriber, or was a fetch.
    #[n(3)]
    Timeout,
    /// Nobody decided in time.
    #[n(4)]
    Giveup,
    /// The resource is no more.
    #[n(5)]
    Noresource,
    /// The state will not change.
    #[n(6)]
    Invariant,
}

impl Reason {
    /// The value as written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deactivated => "deactivated",
            Self::Probation => "probation",
            Self::Rejected => "rejected",
            Self::Timeout => "timeout",
            Self::Giveup => "giveup",
            Self::Noresource => "noresource",
            Self::Invariant => "invariant",
        }
    }

    /// Reads the value in any case; `None` for a reason that is not known here.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        const ALL: [Reason; 7] = [
            Reason::Deactivated,
            Reason::Probation,
            Reason::Rejected,
            Reason::Timeout,
            Reason::Giveup,
            Reason::Noresource,
            Reason::Invariant,
        ];
        ALL.into_iter().find(|reason| reason.as_str().eq_ignore_ascii_case(text))
    }
}
