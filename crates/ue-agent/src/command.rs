//! What a user may ask for, in words.

use crate::account::sip_uri;
use crate::moving::NextPcscf;
use crate::presence::Wanted;
use presence_document::Basic;
use sip_message::{Transport, Uri};
use std::fmt;
use std::net::SocketAddr;

/// The commands, for `help`.
pub const HELP: &str = "\
register                          register, or register again
move HOST[:PORT][;transport=tcp]  register through that P-CSCF, and watch along the new way; pcscf1b is pcscf1b of the
                                  home domain
deregister                        be registered no more
watch URI...                      subscribe to somebody's presence, and stay subscribed
unwatch URI                       end that
fetch URI                         ask for somebody's presence once
publish open|closed [--activity NAME] [NOTE...]
                                  publish own presence, and keep it published
unpublish                         take it back
message URI TEXT...               send a text
options                           ask the P-CSCF whether it is there
status                            how things stand
quit                              end all of this";

/// Longest note or text, in bytes; a longer one is refused.
const MAX_TEXT: usize = 1024;

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Register, or register again.
    Register,
    /// Register through another P-CSCF.
    Move(NextPcscf),
    /// Be registered no more.
    Deregister,
    /// Subscribe to the presence of these, and stay subscribed.
    Watch(Vec<Uri>),
    /// End the subscription to this one.
    Unwatch(Uri),
    /// Ask for this one's presence once.
    Fetch(Uri),
    /// Publish own presence, and keep it published.
    Publish(Publication),
    /// Take it back.
    Unpublish,
    /// Send a text.
    Message(PagerMessage),
    /// Ask the P-CSCF whether it is there.
    Options,
    /// How do things stand.
    Status,
    /// End all of this.
    Quit,
}

/// What is to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication(pub(crate) Wanted);

/// A text to send, by itself (RFC 3428).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagerMessage {
    pub(crate) to: Uri,
    pub(crate) text: Box<str>,
}

/// Why words are no command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadCommand {
    /// No such command.
    Unknown(Box<str>),
    /// The command takes other words.
    Usage(&'static str),
    /// Not the address of a P-CSCF.
    Pcscf(Box<str>),
    /// Not a SIP URI.
    Uri(Box<str>),
    /// Note or text is too long.
    TooLong,
}

impl fmt::Display for BadCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(word) => write!(f, "unknown command {word:?}; try help"),
            Self::Usage(usage) => write!(f, "usage: {usage}"),
            Self::Pcscf(text) => {
                write!(f, "{text:?} is not an address, with ;transport=tcp where TCP is wanted")
            }
            Self::Uri(text) => write!(f, "{text:?} is not a SIP URI"),
            Self::TooLong => write!(f, "the text is longer than {MAX_TEXT} bytes"),
        }
    }
}

impl std::error::Error for BadCommand {}

impl Command {
    /// Reads a command.
    ///
    /// # Errors
    /// `BadCommand` says what the user did wrong.
    pub fn parse(words: &[&str]) -> Result<Self, BadCommand> {
        let (Some(word), rest) = (words.first(), words.get(1..).unwrap_or_default()) else {
            return Err(BadCommand::Usage("COMMAND [ARGUMENT...]"));
        };
        let alone = |command: Self, usage| {
            if rest.is_empty() { Ok(command) } else { Err(BadCommand::Usage(usage)) }
        };
        match *word {
            "register" => alone(Self::Register, "register"),
            "deregister" => alone(Self::Deregister, "deregister"),
            "unpublish" => alone(Self::Unpublish, "unpublish"),
            "options" => alone(Self::Options, "options"),
            "status" => alone(Self::Status, "status"),
            "quit" => alone(Self::Quit, "quit"),
            "move" => match rest {
                [text] => pcscf(text).map(Self::Move).ok_or_else(|| BadCommand::Pcscf((*text).into())),
                _ => Err(BadCommand::Usage("move HOST[:PORT][;transport=tcp]")),
            },
            "watch" if !rest.is_empty() => {
                rest.iter().map(|text| uri(text)).collect::<Result<_, _>>().map(Self::Watch)
            }
            "watch" => Err(BadCommand::Usage("watch URI...")),
            "unwatch" => one(rest, "unwatch URI").map(Self::Unwatch),
            "fetch" => one(rest, "fetch URI").map(Self::Fetch),
            "publish" => publication(rest).map(Self::Publish),
            "message" => match rest {
                [to, text @ ..] if !text.is_empty() => {
                    Ok(Self::Message(PagerMessage { to: uri(to)?, text: join(text)? }))
                }
                _ => Err(BadCommand::Usage("message URI TEXT...")),
            },
            word => Err(BadCommand::Unknown(word.into())),
        }
    }
}

fn one(words: &[&str], usage: &'static str) -> Result<Uri, BadCommand> {
    match words {
        [text] => uri(text),
        _ => Err(BadCommand::Usage(usage)),
    }
}

fn publication(words: &[&str]) -> Result<Publication, BadCommand> {
    const USAGE: &str = "publish open|closed [--activity NAME] [NOTE...]";
    let (basic, rest) = match words {
        ["open", rest @ ..] => (Basic::Open, rest),
        ["closed", rest @ ..] => (Basic::Closed, rest),
        _ => return Err(BadCommand::Usage(USAGE)),
    };
    let (activity, note) = match rest {
        ["--activity", name, note @ ..] => (Some(*name), note),
        ["--activity"] => return Err(BadCommand::Usage(USAGE)),
        note => (None, note),
    };
    let note = if note.is_empty() { None } else { Some(join(note)?) };
    Ok(Publication(Wanted { basic, note, activity: activity.map(Into::into) }))
}

fn join(words: &[&str]) -> Result<Box<str>, BadCommand> {
    let text = words.join(" ");
    if text.len() > MAX_TEXT { Err(BadCommand::TooLong) } else { Ok(text.into()) }
}

/// Where a P-CSCF is; names are for whoever can ask DNS.
fn pcscf(text: &str) -> Option<NextPcscf> {
    let uri = sip_uri(text).filter(|uri| uri.user().is_none())?;
    let transport = match uri.params().get("transport") {
        Some(token) => Some(Transport::from_token(token)?),
        None => None,
    };
    let address = SocketAddr::new(uri.address()?, uri.port().unwrap_or(5060));
    Some(NextPcscf { address, transport })
}

/// A presentity or another user; `pres:` is read as `sip:` (RFC 3861).
fn uri(text: &str) -> Result<Uri, BadCommand> {
    let plain = text.strip_prefix("pres:").unwrap_or(text);
    let with_user = |uri: &Uri| uri.user().is_some();
    let number = || Uri::parse(text).ok().filter(|uri| uri.telephone_number().is_some());
    sip_uri(plain).filter(with_user).or_else(number).ok_or_else(|| BadCommand::Uri(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_what_they_ask_for() {
        let parse = |line: &str| Command::parse(&line.split_whitespace().collect::<Vec<_>>());
        let carol = Uri::parse("sip:carol@home1.test").unwrap();
        let wanted = |basic, note: Option<&str>, activity: Option<&str>| {
            let (note, activity) = (note.map(Into::into), activity.map(Into::into));
            Ok(Command::Publish(Publication(Wanted { basic, note, activity })))
        };
        let move_to = |address: &str, transport| {
            Ok(Command::Move(NextPcscf { address: address.parse().unwrap(), transport }))
        };
        let rows = [
            ("register", Ok(Command::Register)),
            (
                "watch carol@home1.test pres:carol@home1.test",
                Ok(Command::Watch(vec![carol.clone(), carol.clone()])),
            ),
            ("fetch sip:carol@home1.test", Ok(Command::Fetch(carol.clone()))),
            ("publish open", wanted(Basic::Open, None, None)),
            ("publish closed in a  meeting", wanted(Basic::Closed, Some("in a meeting"), None)),
            ("publish open --activity away back soon", wanted(Basic::Open, Some("back soon"), Some("away"))),
            (
                "message carol@home1.test hello there",
                Ok(Command::Message(PagerMessage { to: carol, text: "hello there".into() })),
            ),
            ("quit", Ok(Command::Quit)),
            ("move 127.0.10.12", move_to("127.0.10.12:5060", None)),
            ("move [::1]:5080;transport=tcp", move_to("[::1]:5080", Some(Transport::Tcp))),
            ("move pcscf1b", Err(BadCommand::Pcscf("pcscf1b".into()))),
            ("move", Err(BadCommand::Usage("move HOST[:PORT][;transport=tcp]"))),
            ("quit now", Err(BadCommand::Usage("quit"))),
            ("watch", Err(BadCommand::Usage("watch URI..."))),
            ("watch home1.test", Err(BadCommand::Uri("home1.test".into()))),
            ("fetch tel:+1-234", Ok(Command::Fetch(Uri::parse("tel:+1-234").unwrap()))),
            ("fetch urn:x:y", Err(BadCommand::Uri("urn:x:y".into()))),
            ("publish maybe", Err(BadCommand::Usage("publish open|closed [--activity NAME] [NOTE...]"))),
            ("message carol@home1.test", Err(BadCommand::Usage("message URI TEXT..."))),
            ("dance", Err(BadCommand::Unknown("dance".into()))),
            ("", Err(BadCommand::Usage("COMMAND [ARGUMENT...]"))),
        ];
        for (line, expected) in rows {
            assert_eq!(parse(line), expected, "{line}");
        }
        let long = "x".repeat(MAX_TEXT + 1);
        assert_eq!(Command::parse(&["publish", "open", &long]), Err(BadCommand::TooLong));
    }
}
