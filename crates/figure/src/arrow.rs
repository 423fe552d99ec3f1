//! One message on one hop, as the figures write it.

use cx_protocol::Command;
use sip_message::{Message, Method};
use std::fmt;

/// One arrow of a figure.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Arrow {
    /// Who sends, by role and domain: `scscf1`.
    pub from: Box<str>,
    /// Who receives.
    pub to: Box<str>,
    /// The contribution's name: `SubscribePres`.
    pub name: Box<str>,
    /// The name on the wire: `SUBSCRIBE`, `200 SUBSCRIBE`, `LIR`.
    pub wire: Box<str>,
}

/// The contribution's names of messages.
pub(crate) const SUBSCRIBE_PRES: &str = "SubscribePres";
pub(crate) const NOTIFY_PRES_UP: &str = "NotifyPresUp";
pub(crate) const PRES_UPDATE_MSG: &str = "PresUpdateMsg";
pub(crate) const MSG_ACK: &str = "MsgAck";
pub(crate) const QUERY: &str = "Query";
pub(crate) const RESP: &str = "Resp";
pub(crate) const SHORT_MESSAGE: &str = "SM";

/// What an arrow says: the contribution's name, and that on the wire.
pub(crate) type Label = (&'static str, Box<str>);

/// The label of a SIP message; `None` for what the figures do not draw.
pub(crate) fn sip_label(message: &Message) -> Option<Label> {
    let method = Method::parse(message.cseq_method())?;
    let name = request_name(&method)?;
    match message.status() {
        None => Some((name, method.as_str().into())),
        Some(status) if status.is_provisional() => None,
        Some(status) => Some((MSG_ACK, format!("{} {method}", status.code()).into())),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "methods are an open vocabulary; three are drawn")]
const fn request_name(method: &Method) -> Option<&'static str> {
    match method {
        Method::Subscribe => Some(SUBSCRIBE_PRES),
        Method::Notify => Some(NOTIFY_PRES_UP),
        Method::Publish => Some(PRES_UPDATE_MSG),
        _ => None,
    }
}

/// The label of a Cx message: only the two questions that find somebody are drawn.
pub(crate) fn cx_label(command: Command, is_request: bool) -> Option<Label> {
    let (request, answer) = match command {
        Command::LocationInfo => ("LIR", "LIA"),
        Command::UserData => ("UDR", "UDA"),
        Command::Hello
        | Command::Watchdog
        | Command::UserAuthorization
        | Command::ServerAssignment
        | Command::MultimediaAuth
        | Command::RegistrationTermination
        | Command::PushProfile => return None,
    };
    Some(if is_request { (QUERY, request.into()) } else { (RESP, answer.into()) })
}

impl Arrow {
    /// Reads `FROM -> TO  Name  Wire name`.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (from, rest) = line.split_once(" -> ")?;
        let (to, rest) = rest.split_once("  ")?;
        let (name, wire) = rest.trim_start().split_once("  ")?;
        let parts = [from, to, name, wire].map(str::trim);
        let [from, to, name, wire] = parts;
        // Figure 5 says what is asked and answered where the others name the command.
        let wire = match (name, wire) {
            (QUERY, "presence server of the presentity") => "UDR",
            (RESP, "its name") => "UDA",
            (_, other) => other,
        };
        let whole = parts.iter().all(|part| !part.is_empty());
        whole.then(|| Self { from: from.into(), to: to.into(), name: name.into(), wire: wire.into() })
    }

    /// Whether a presence server sends it.
    pub(crate) fn leaves_presence_server(&self) -> bool {
        is_presence_server(&self.from)
    }

    /// Whether a presence server receives it.
    pub(crate) fn reaches_presence_server(&self) -> bool {
        is_presence_server(&self.to)
    }

    /// The SIP method it belongs to; `None` where it is no SIP.
    pub(crate) fn method(&self) -> Option<&str> {
        match &*self.name {
            SUBSCRIBE_PRES | NOTIFY_PRES_UP | PRES_UPDATE_MSG => Some(&self.wire),
            MSG_ACK => self.wire.split_once(' ').map(|(_, method)| method),
            _ => None,
        }
    }
}

fn is_presence_server(node: &str) -> bool {
    node.strip_prefix("ps").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
}

impl fmt::Display for Arrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}  {}  {}", self.from, self.to, self.name, self.wire)
    }
}
