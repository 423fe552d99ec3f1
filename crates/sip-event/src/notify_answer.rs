//! What the answer to a NOTIFY means for its subscription (RFC 6665 section 4.2.2, RFC 5057 section 5).

use sip_message::StatusCode;
use std::time::Duration;

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Provisional: the answer is still to come.
    Nothing,
    /// The watcher has it.
    Delivered,
    /// The subscription is gone.
    Over,
    /// This NOTIFY has failed, and the subscription stays; the watcher may have said how long it is to be left alone.
    Failed(Option<Duration>),
    /// Nobody answered, as far as the watcher is concerned.
    NoAnswer,
}

/// Answers to a request of a subscription that end it, whatever else they say (sections 4.1.2.2 and 4.2.2); both ends
/// of a range count.
const OVER: [(u16, u16); 8] = [
    (404, 404),
    (405, 405),
    (410, 410),
    (416, 416),
    (480, 485), // 481 among them
    (489, 489),
    (501, 501),
    (604, 604),
];

/// An element that gave up waiting for the watcher.
const NO_ANSWER: [u16; 2] = [408, 504];

/// The answers for which another way to the same watcher is worth one try, when this one was found afresh.
const WRONG_WAY: [u16; 4] = [404, 408, 430, 480];

/// What `status` with this Retry-After, in seconds, means.
pub(crate) fn meaning(status: StatusCode, retry_after: Option<u32>) -> Meaning {
    let code = status.code();
    if status.is_provisional() {
        Meaning::Nothing
    } else if status.is_success() {
        Meaning::Delivered
    } else if ends_usage(status) {
        Meaning::Over
    } else if NO_ANSWER.contains(&code) {
        Meaning::NoAnswer
    } else {
        // Also a challenge: there are no credentials to answer it with.
        Meaning::Failed(retry_after.map(|seconds| Duration::from_secs(seconds.into())))
    }
}

/// Whether this answer ends the subscription, on either side.
pub(crate) fn ends_usage(status: StatusCode) -> bool {
    OVER.iter().any(|(from, to)| (*from..=*to).contains(&status.code()))
}

/// Whether the way may be to blame rather than the watcher.
pub(crate) fn blames_the_way(status: StatusCode) -> bool {
    WRONG_WAY.contains(&status.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sub_n_15_every_final_status_has_its_meaning() {
        let over = [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604];
        for code in 100..700 {
            let status = StatusCode::new(code).unwrap();
            let told_to_wait = Meaning::Failed(Some(Duration::from_secs(9)));
            let (without, with) = match code {
                100..=199 => (Meaning::Nothing, Meaning::Nothing),
                200..=299 => (Meaning::Delivered, Meaning::Delivered),
                408 | 504 => (Meaning::NoAnswer, Meaning::NoAnswer),
                code if over.contains(&code) => (Meaning::Over, Meaning::Over),
                _ => (Meaning::Failed(None), told_to_wait),
            };
            assert_eq!((meaning(status, None), meaning(status, Some(9))), (without, with), "{code}");
        }
    }
}
