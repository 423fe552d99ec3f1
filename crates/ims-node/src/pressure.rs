//! How hard-pressed a node is, and what it leaves out then.

use crate::inbound::is_in_dialog;
use sip_message::{Credentials, Message, Method};

/// How hard-pressed a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Pressure {
    /// Everything is taken.
    #[default]
    None,
    /// New requests are shed.
    High,
    /// Everything but NOTIFY is shed.
    Extreme,
}

/// What is lost with a request, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// A wish: initial SUBSCRIBE, first REGISTER, MESSAGE, OPTIONS.
    New,
    /// Something that is there already: a request in a dialog, a PUBLISH, a REGISTER that answers a challenge or refreshes.
    Known,
    /// News for somebody who waits for it.
    Notify,
}

impl Class {
    pub(crate) fn of(request: &Message) -> Self {
        let in_dialog = is_in_dialog(request);
        match request.method() {
            Some(Method::Notify) if in_dialog => Self::Notify,
            Some(Method::Publish) => Self::Known,
            Some(Method::Register) if has_nonce(request) => Self::Known,
            _ if in_dialog => Self::Known,
            _ => Self::New,
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// Whether a REGISTER was sent by somebody who has been challenged before.
fn has_nonce(request: &Message) -> bool {
    Credentials::all(request).any(|credentials| !credentials.nonce.is_empty())
}

impl Pressure {
    pub(crate) fn sheds(self, class: Class) -> bool {
        match self {
            Self::None => false,
            Self::High => class == Class::New,
            Self::Extreme => class != Class::Notify,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, to: &str, headers: &str) -> Message {
        let text = format!(
            "{method} sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:b>;tag=1\r\nTo: <sip:a>{to}\r\n\
             Call-ID: c\r\nCSeq: 1 {method}\r\n{headers}\r\n"
        );
        Message::parse(text.into()).unwrap()
    }

    #[test]
    fn what_is_shed_at_which_pressure() {
        let challenged = "Authorization: Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:a\", response=\"x\"\r\n";
        let named =
            "Authorization: Digest username=\"a\", realm=\"r\", nonce=\"\", uri=\"sip:a\", response=\"\"\r\n";
        let rows = [
            ("SUBSCRIBE", "", "", [false, true, true]),
            ("SUBSCRIBE", ";tag=2", "", [false, false, true]),
            ("REGISTER", "", "", [false, true, true]),
            ("REGISTER", "", named, [false, true, true]),
            ("REGISTER", "", challenged, [false, false, true]),
            ("PUBLISH", "", "", [false, false, true]),
            ("MESSAGE", "", "", [false, true, true]),
            ("MESSAGE", ";tag=2", "", [false, true, true]),
            ("OPTIONS", "", "", [false, true, true]),
            ("OPTIONS", ";tag=2", "", [false, true, true]),
            ("REGISTER", ";tag=2", "", [false, true, true]),
            ("NOTIFY", ";tag=2", "", [false, false, false]),
            ("NOTIFY", "", "", [false, true, true]),
        ];
        for (method, to, headers, expected) in rows {
            let class = Class::of(&request(method, to, headers));
            let shed = [Pressure::None, Pressure::High, Pressure::Extreme].map(|p| p.sheds(class));
            assert_eq!(shed, expected, "{method} {to} {headers}");
        }
    }
}
