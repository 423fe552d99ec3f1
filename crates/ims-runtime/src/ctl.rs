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

mod client;
mod server;

pub use client::ask;
pub use server::CtlServer;

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::oneshot;

/// Bytes in a command line; a longer one is refused.
pub const MAX_REQUEST_BYTES: usize = 4096;
/// Bytes in an answer; the rest of a longer one is cut off, with a last line that says so.
pub const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// Connections at a time; another one is answered `error: busy`.
pub const MAX_CONNECTIONS: usize = 8;
/// How long a command may take from connecting to the last byte of its answer.
pub const DEADLINE: Duration = Duration::from_secs(10);

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

/// Lines of `help`, each a command with its arguments, a colon and what it does, in two columns.
#[must_use]
pub fn help(lines: &str) -> String {
    let lines: Vec<(&str, &str)> = lines.lines().filter_map(|line| line.split_once(": ")).collect();
    let width = lines.iter().map(|(usage, _)| usage.chars().count()).max().unwrap_or_default();
    let rows: Vec<String> = lines.iter().map(|(usage, text)| format!("{usage:<width$}  {text}")).collect();
    rows.join("\n")
}

/// A command that waits for its answer.
#[derive(Debug)]
pub struct CtlRequest {
    words: Vec<String>,
    reply: oneshot::Sender<CtlAnswer>,
}

impl CtlRequest {
    /// The command and its arguments, at least one word.
    #[must_use]
    pub fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }

    /// Answers; a client that has gone away is no error. A request dropped without it is refused.
    pub fn answer(self, answer: CtlAnswer) {
        let _ = self.reply.send(answer);
    }
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
