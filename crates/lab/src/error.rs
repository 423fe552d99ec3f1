//! What can go wrong with a lab.

use crate::smsc::NotSent;
use ims_runtime::ctl::CtlError;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// Why a lab does not run, or not do what it was asked.
#[derive(Debug)]
pub enum LabError {
    /// This file of the configuration cannot be read: the operator's to mend.
    Configuration(PathBuf, Box<dyn Error + Send + Sync>),
    /// There is no node of these domains in this directory.
    NoNodes(PathBuf),
    /// There is no name server among the nodes.
    NoNameserver(PathBuf),
    /// No free network was found.
    NoNetwork,
    /// A file or directory of the lab itself.
    File(PathBuf, io::Error),
    /// The network of the state that is to be used has something else in it; what it begins with.
    NetworkInUse(Ipv4Addr),
    /// Another lab uses this directory.
    InUse(PathBuf),
    /// This binary is not there: it has to be built.
    NotBuilt(PathBuf),
    /// A process cannot be started.
    NotStarted(Box<str>, io::Error),
    /// A process ended before it was ready.
    EndedEarly {
        /// Its name.
        name: Box<str>,
        /// The last it said.
        said: Box<str>,
    },
    /// A process was not ready in time.
    NotReady {
        /// Its name.
        name: Box<str>,
        /// The last it said.
        said: Box<str>,
    },
    /// There is no such node.
    UnknownNode(Box<str>),
    /// A user agent did not do what it was asked in time.
    Silent {
        /// Whose agent.
        user: Box<str>,
        /// What it was asked.
        what: Box<str>,
    },
    /// A user agent ended before its time.
    AgentEnded(Box<str>),
    /// There is no such figure, or none that a lab can bring about.
    UnknownFigure(Box<str>),
    /// The network did not become quiet.
    Unquiet,
    /// A node refused an operator command.
    Refused {
        /// Its name.
        node: Box<str>,
        /// What it said.
        why: Box<str>,
    },
    /// An operator command did not reach its node.
    Ctl(CtlError),
    /// A short message did not arrive, or was not answered.
    NotWritten(NotSent),
    /// No lab with phones without SIP is running.
    NoPhones,
}

impl LabError {
    /// Makes an I/O error one that names its file.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::File(path.to_owned(), error)
    }
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(path, error) => write!(f, "{}: {error}", path.display()),
            Self::NoNodes(path) => write!(f, "{}: no nodes of these domains", path.display()),
            Self::NoNameserver(path) => write!(f, "{}: no nameserver.toml", path.display()),
            Self::NotWritten(why) => write!(f, "the short message: {why}"),
            Self::NoPhones => f.write_str("no lab with short messages is running: `lab up --sms` is one"),
            Self::NoNetwork => f.write_str(
                "no free network in 127.0.0.0/8; does something listen on port 5060 of every address (0.0.0.0)?",
            ),
            Self::NetworkInUse(first) => write!(
                f,
                "the network {first}/24 of this state is in use, and its addresses stand in what was kept; end what uses it \
                 (a lab that died may have left nodes behind), or take another directory"
            ),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::InUse(path) => write!(f, "{}: another lab uses this directory", path.display()),
            Self::NotBuilt(path) => {
                write!(f, "{} is missing; `cargo build --bins` makes it", path.display())
            }
            Self::NotStarted(name, error) => write!(f, "{name} cannot be started: {error}"),
            Self::EndedEarly { name, said } => write!(f, "{name} ended before it was ready:\n{said}"),
            Self::NotReady { name, said } => write!(f, "{name} is not ready:\n{said}"),
            Self::UnknownNode(name) => write!(f, "there is no node {name}"),
            Self::Silent { user, what } => write!(f, "{user}: no answer to {what:?}"),
            Self::AgentEnded(name) => write!(f, "the user agent of {name} has ended"),
            Self::UnknownFigure(name) => write!(f, "there is no figure {name} to bring about"),
            Self::Unquiet => f.write_str("the network does not become quiet"),
            Self::Refused { node, why } => write!(f, "{node} refuses: {why}"),
            Self::Ctl(error) => write!(f, "{error}"),
        }
    }
}

impl Error for LabError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Configuration(_, error) => Some(&**error),
            Self::File(_, error) | Self::NotStarted(_, error) => Some(error),
            Self::Ctl(error) => Some(error),
            Self::NoNodes(_)
            | Self::NoNameserver(_)
            | Self::NoNetwork
            | Self::NetworkInUse(_)
            | Self::InUse(_)
            | Self::NotBuilt(_)
            | Self::EndedEarly { .. }
            | Self::NotReady { .. }
            | Self::UnknownNode(_)
            | Self::Silent { .. }
            | Self::AgentEnded(_)
            | Self::UnknownFigure(_)
            | Self::Refused { .. }
            | Self::NotWritten(_)
            | Self::NoPhones
            | Self::Unquiet => None,
        }
    }
}
