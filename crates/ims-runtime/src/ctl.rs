//! Operator commands over a Unix socket.
//!
//! One command a connection. The client sends one line of words; the server sends the answer's lines, each with a
//! space in front, then `ok`, or `error: ` and the reason. So `nc -U` is a client too:
//!
//! ```text
//! > list subscriptions
//! <  sip:alice@home1.test from sip:bob@home2.test
//! < ok
//! ```
//!
//! With the word `--json` before the command the answer, or the reason, is one JSON value on one line.

mod answers;
mod client;
mod server;
mod words;

pub use answers::{Draining, Metrics, NotReloaded, Reloaded, Unanswered};
pub use client::ask;
pub use server::{CtlServer, LastAnswers};
pub use words::{BadWords, Command, Help, Usage};

pub use ims_node::{AskAnswer, write_lines};
use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::oneshot;

/// Bytes in a command line; a longer one is refused.
pub const MAX_REQUEST_BYTES: usize = 4096;
/// Bytes in an answer; the rest of a longer text is cut off, with a last line that says so, and a longer JSON value is refused.
pub const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// Connections at a time; another one is answered `error: busy`.
pub const MAX_CONNECTIONS: usize = 8;
/// How long a command may take from connecting to the last byte of its answer.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// The first word of a command whose answer is wanted as JSON.
const JSON: &str = "--json";
const OK: &str = "ok";
const ERROR: &str = "error: ";

/// What a command led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CtlAnswer {
    /// Done; the text is for the operator and may be empty or have many lines.
    Done(String),
    /// Not done; one line that says why.
    Refused(String),
}

/// How an answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Lines for people.
    Text,
    /// One JSON value on one line; of a refusal `{"error": NAME, "text": TEXT}`.
    Json,
}

/// A command that waits for its answer.
#[derive(Debug)]
pub struct CtlRequest {
    words: Vec<String>,
    form: Form,
    reply: oneshot::Sender<CtlAnswer>,
}

impl CtlRequest {
    /// The command and its arguments, at least one word.
    #[must_use]
    pub fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }

    /// Answers; a client that has gone away is no error. A request dropped without it is refused.
    pub fn answer(self, told: &impl AskAnswer) {
        let _ = self.reply.send(self.form.render(told));
    }

    /// Answers what was done, or why it was not.
    pub fn answer_either(self, told: Result<&impl AskAnswer, &impl AskAnswer>) {
        match told {
            Ok(told) => self.answer(told),
            Err(refused) => self.answer(refused),
        }
    }
}

impl Form {
    fn render(self, told: &impl AskAnswer) -> CtlAnswer {
        match (self, told.refusal()) {
            (Self::Text, None) => CtlAnswer::Done(told.to_string()),
            (Self::Text, Some(_)) => CtlAnswer::Refused(told.to_string()),
            (Self::Json, None) => match serde_json::to_string(told) {
                Ok(json) if json.len() <= MAX_ANSWER_BYTES => CtlAnswer::Done(json),
                Ok(_) => Self::refuse("too_long", "the answer is too long"),
                Err(error) => Self::refuse("no_json", &error.to_string()),
            },
            (Self::Json, Some(name)) => Self::refuse(name, &told.to_string()),
        }
    }

    fn refuse(name: &str, text: &str) -> CtlAnswer {
        CtlAnswer::Refused(error_json(name, text))
    }
}

/// A refusal or an error as JSON.
#[must_use]
pub fn error_json(name: &str, text: &str) -> String {
    serde_json::json!({ "error": name, "text": text }).to_string()
}

/// Why a command could not be sent, or its socket not opened.
#[derive(Debug)]
pub enum CtlError {
    /// Another process answers on this socket.
    AlreadyRunning(PathBuf),
    /// The socket cannot be made.
    Bind(PathBuf, io::Error),
    /// No process answers on this socket.
    NotRunning(PathBuf, io::Error),
    /// The connection broke.
    Broken(io::Error),
    /// No answer within [`DEADLINE`].
    NoAnswer,
    /// A word has a space or a line break in it, is empty, or the command is longer than [`MAX_REQUEST_BYTES`].
    BadWords,
    /// The process answered something that is not this protocol.
    BadAnswer,
}

impl CtlError {
    /// In snake_case, for programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AlreadyRunning(_) => "already_running",
            Self::Bind(..) => "no_socket",
            Self::NotRunning(..) => "not_running",
            Self::Broken(_) => "connection_broken",
            Self::NoAnswer => "no_answer",
            Self::BadWords => "bad_words",
            Self::BadAnswer => "bad_answer",
        }
    }
}

impl fmt::Display for CtlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyRunning(path) => write!(f, "{}: another process answers here", path.display()),
            Self::Bind(path, error) => write!(f, "{}: {error}", path.display()),
            Self::NotRunning(path, error) => write!(f, "{}: not running ({error})", path.display()),
            Self::Broken(error) => write!(f, "the process closed the connection: {error}"),
            Self::NoAnswer => write!(f, "no answer within {} s", DEADLINE.as_secs()),
            Self::BadWords => {
                write!(f, "words must have no spaces, and all of them at most {MAX_REQUEST_BYTES} bytes")
            }
            Self::BadAnswer => f.write_str("the answer cannot be read"),
        }
    }
}

impl Error for CtlError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Bind(_, error) | Self::NotRunning(_, error) | Self::Broken(error) => Some(error),
            Self::AlreadyRunning(_) | Self::NoAnswer | Self::BadWords | Self::BadAnswer => None,
        }
    }
}
