//! Whether a subscriber whose subscription ended comes back (RFC 6665 sections 4.1.2 and 4.1.3).

use crate::reason::Reason;
use sip_message::{StatusCode, SubscriptionState};
use std::time::Duration;

/// When to subscribe again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// At once.
    Now,
    /// After this wait.
    After(Duration),
    /// Not unless the user asks.
    Never,
}

/// A verdict whose wait is still to be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comeback {
    /// At once, unless that has just failed.
    AtOnce,
    /// After the wait the other side names.
    After(Duration),
    /// After a wait of our own.
    Later,
    Never,
}

/// Answers to a SUBSCRIBE that speak of this moment only; after any other the same request would fail again.
const PASSING: [u16; 14] = [408, 430, 440, 480, 481, 482, 483, 486, 487, 491, 500, 502, 503, 504];

fn later(retry_after: Option<u32>) -> Comeback {
    retry_after.map_or(Comeback::Later, |seconds| Comeback::After(Duration::from_secs(seconds.into())))
}

/// After a SUBSCRIBE was refused with `status` and this Retry-After.
pub(crate) fn after_refusal(status: StatusCode, retry_after: Option<u32>) -> Comeback {
    if retry_after.is_some() || PASSING.contains(&status.code()) {
        later(retry_after)
    } else {
        Comeback::Never
    }
}

/// After a NOTIFY said that it is over. A reason that is not known reads as none.
pub(crate) fn after_notify(state: &SubscriptionState<'_>) -> Comeback {
    match state.reason.and_then(Reason::parse) {
        Some(Reason::Deactivated | Reason::Timeout) => Comeback::AtOnce,
        Some(Reason::Probation | Reason::Giveup) | None => later(state.retry_after),
        Some(Reason::Rejected | Reason::Noresource | Reason::Invariant) => Comeback::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sub_s_08_what_follows_each_reason() {
        let after = |seconds| Comeback::After(Duration::from_secs(seconds));
        let rows = [
            ("terminated;reason=deactivated;retry-after=9", Comeback::AtOnce),
            ("terminated;reason=timeout;retry-after=9", Comeback::AtOnce),
            ("terminated;reason=probation", Comeback::Later),
            ("terminated;reason=probation;retry-after=9", after(9)),
            ("terminated;reason=GiveUp;retry-after=9", after(9)),
            ("terminated;reason=giveup", Comeback::Later),
            ("terminated;reason=rejected;retry-after=9", Comeback::Never),
            ("terminated;reason=noresource", Comeback::Never),
            ("terminated;reason=invariant;retry-after=31536000", Comeback::Never),
            ("terminated;reason=unheard-of;retry-after=7", after(7)),
            ("terminated;reason=unheard-of", Comeback::Later),
            ("terminated", Comeback::Later),
        ];
        for (text, comeback) in rows {
            assert_eq!(after_notify(&SubscriptionState::parse(text).unwrap()), comeback, "{text}");
        }
    }

    #[test]
    fn sub_s_07_what_follows_each_refusal() {
        let passing = [408, 430, 440, 480, 481, 482, 483, 486, 487, 491, 500, 502, 503, 504];
        for code in 300..700 {
            let status = StatusCode::new(code).unwrap();
            let expected = if passing.contains(&code) { Comeback::Later } else { Comeback::Never };
            assert_eq!(after_refusal(status, None), expected, "{code}");
            assert_eq!(after_refusal(status, Some(5)), Comeback::After(Duration::from_secs(5)), "{code}");
        }
    }
}
