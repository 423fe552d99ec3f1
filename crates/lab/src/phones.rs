//! Phones without SIP, from outside the lab's process: `lab sms` writes to a running lab.

use crate::error::LabError;
use crate::lab::Lab;
use crate::smsc::{NotSent, Received, Smsc};
use ims_runtime::ctl::{AskAnswer, CtlRequest, CtlServer};
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// The socket of a running lab, in its directory.
const SOCKET: &str = "run/phones.sock";

/// What came of a message.
#[derive(Debug, Serialize)]
#[serde(tag = "sent", rename_all = "snake_case")]
pub enum Sent {
    /// The gateway has it.
    Taken,
    /// It has not.
    NotTaken {
        /// Why.
        why: Box<str>,
    },
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken => f.write_str("the gateway has taken it"),
            Self::NotTaken { why } => f.write_str(why),
        }
    }
}

impl AskAnswer for Sent {
    fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::Taken => None,
            Self::NotTaken { .. } => Some("not_taken"),
        }
    }
}

/// Opens the socket of a lab.
///
/// # Errors
/// When it cannot be opened.
pub async fn phones(lab: &Lab) -> Result<CtlServer, LabError> {
    CtlServer::bind(&lab.directory().join(SOCKET)).await.map_err(LabError::Ctl)
}

/// A phone writes, as the words of a request say: its number, then the text.
pub async fn write(smsc: Option<Arc<Smsc>>, request: CtlRequest) {
    let words: Vec<String> = request.words().iter().map(|word| (*word).to_owned()).collect();
    let sent = match (smsc, &*words) {
        (Some(smsc), [from, text @ ..]) => smsc.send(from, &text.join(" ")).await,
        (None, _) | (_, []) => Err(NotSent::Impossible),
    };
    request.answer(&match sent {
        Ok(()) => Sent::Taken,
        Err(why) => Sent::NotTaken { why: why.to_string().into() },
    });
}

/// The next message to a phone; without an SMS-C there is none. Dropping the future loses none.
pub async fn next(smsc: Option<&Smsc>) -> Received {
    match smsc {
        Some(smsc) => smsc.next().await,
        None => std::future::pending().await,
    }
}

/// The socket of the lab in this directory; without one, of the lab that was started last.
///
/// # Errors
/// When there is none.
pub fn socket(directory: Option<&Path>) -> Result<PathBuf, LabError> {
    if let Some(directory) = directory {
        return Some(directory.join(SOCKET)).filter(|path| path.exists()).ok_or(LabError::NoPhones);
    }
    let entries = std::fs::read_dir(std::env::temp_dir()).map_err(LabError::at(&std::env::temp_dir()))?;
    let sockets = entries.flatten().map(|entry| entry.path().join(SOCKET));
    let made = |path: &PathBuf| std::fs::metadata(path).and_then(|file| file.modified()).ok();
    let newest =
        sockets.filter_map(|path| Some((made(&path)?, path))).max_by_key(|(made, _): &(SystemTime, _)| *made);
    newest.map(|(_, path)| path).ok_or(LabError::NoPhones)
}
