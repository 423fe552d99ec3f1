//! Why a request was refused, in the words of who refused it.

use ims_node::Outcome;
use sip_message::{HeaderName, Message, list, unquote};

/// Longest text that is shown of somebody else's, in characters; the rest is cut off.
pub(crate) const MAX_SHOWN: usize = 200;

/// The text of the first Warning of the response with which a request ended, if there was a response.
pub(crate) fn of(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Response(response) => text(response),
        Outcome::TimedOut | Outcome::Unreachable | Outcome::Unresolved(_) => None,
    }
}

/// The text of the first Warning (RFC 3261 section 20.43).
pub(crate) fn text(response: &Message) -> Option<String> {
    let warning = response.value(HeaderName::Warning).and_then(|value| list(value).next())?;
    let quoted = warning.splitn(3, ' ').nth(2)?;
    let text: String = unquote(quoted.trim()).chars().filter(|c| !c.is_control()).take(MAX_SHOWN).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3261_20_43_the_text_of_a_warning() {
        let response = |warning: &str| {
            let text = format!(
                "SIP/2.0 403 Forbidden\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\n\
                 To: <sip:a@x>;tag=2\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n{warning}Content-Length: 0\r\n\r\n"
            );
            Message::parse(text.into()).unwrap()
        };
        assert_eq!(
            text(&response("Warning: 399 scscf1a \"wrong, password\"\r\n")).unwrap(),
            "wrong, password"
        );
        assert_eq!(text(&response("Warning: 399\r\n")), None);
        assert_eq!(text(&response("")), None);
    }
}
