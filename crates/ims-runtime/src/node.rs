//! A node at work: one task owns an [`ims_node::Node`], waits for everything that can happen to it, and does what it
//! says.
//!
//! The order of the start: journal read, state restored, sockets opened, DNS and HSS asked; then it is ready. The order
//! of the end ([`crate::signals::Signal::Drain`]): no new state, what runs is finished, after [`DRAIN`] the rest is
//! answered 503, what is durable is told, sockets and journal are closed.
//!
//! Operator commands answered here: `health`, `stats`, `reload`, `drain`, `help`; all others are the role's.

mod acceptor;
mod answer;
mod asks;
mod backlog;
mod connection;
mod driver;
mod effects;
mod ending;
mod endpoint;
mod events;
mod held;
mod hss;
mod log;
mod one_connection;
mod opening;
mod queue;
mod refused;
mod share;
mod sockets;
mod source;
mod strangers;
mod stream;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;
mod woken;

pub use connection::CONNECT_DEADLINE;
pub use ending::DRAIN;
pub use endpoint::{Endpoint, wall};
pub use queue::{MAX_ALL_QUEUED, MAX_QUEUED};
pub use share::MAX_HALF_READ;
pub use source::{Asker, Inquiries, Inquiry, NoAnswer, inquiries};
pub use stream::{IDLE, STALLED};
pub use tcp::{MAX_CONNECTIONS, MAX_FROM_ADDRESS};

use crate::Clock;
use crate::cli::{Failure, Start};
use crate::config::{ConfigFile, Configuration};
use crate::ctl::{Command, Reloaded};
use crate::journal::{Journal, JournalError};
use crate::node_config::NodeConfig;
use clock::Now;
use driver::Driver;
use ims_node::{AskAnswer, Effects, Node, NodeSettings, Role};
use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// How a configuration becomes a node.
#[derive(Debug)]
pub struct Blueprint<C: 'static, R: Role> {
    /// The `[node]` section.
    pub node: fn(&C) -> &NodeConfig,
    /// The role.
    pub role: fn(&C, &NodeSettings) -> Result<R, Failure>,
    /// Takes over what can change while the node runs, and says what: the answer to `reload`.
    pub reload: Reload<C, R>,
    /// What operators may ask of the role, beside what every node is asked.
    pub commands: &'static [Command<C, R::Ask>],
}

/// Hands a role its new configuration.
pub type Reload<C, R> =
    fn(&C, Now, &mut R, &mut Effects<<R as Role>::Own, <R as Role>::Told>) -> Result<Reloaded, Failure>;

/// Why a node ended, or never began.
#[derive(Debug)]
pub enum NodeError {
    /// The journal in this directory cannot be used.
    Journal(PathBuf, JournalError),
    /// The journal could not be written; nothing was acknowledged after that.
    JournalLost(io::ErrorKind),
    /// A role that is configured to keep no state wanted to keep some.
    NoJournal,
    /// No socket can be opened at this address.
    Socket(SocketAddr, io::Error),
    /// The system refuses something else that the process needs.
    System(io::Error),
    /// The recording cannot be opened.
    Recording(PathBuf, io::Error),
    /// The system gives no random octets.
    NoSeed,
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(path, error) => write!(f, "{}: {error}", path.display()),
            Self::JournalLost(kind) => write!(f, "the journal cannot be written: {kind}"),
            Self::NoJournal => f.write_str("there is state to keep and no state_dir"),
            Self::Socket(address, error) => write!(f, "a socket at {address} cannot be opened: {error}"),
            Self::System(error) => error.fmt(f),
            Self::Recording(path, error) => write!(f, "{}: {error}", path.display()),
            Self::NoSeed => f.write_str("the system gives no random octets"),
        }
    }
}

impl Error for NodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Journal(_, error) => Some(error),
            Self::Socket(_, error) | Self::System(error) | Self::Recording(_, error) => Some(error),
            Self::JournalLost(_) | Self::NoJournal | Self::NoSeed => None,
        }
    }
}

/// Runs a node until it is asked to end.
///
/// # Errors
/// A [`NodeError`], or what the blueprint says of the configuration.
pub async fn run<C, R>(start: Start<C>, blueprint: Blueprint<C, R>) -> Result<(), Failure>
where
    C: Configuration,
    R: Role<Told: AskAnswer>,
{
    let (_, nobody) = inquiries();
    run_asked(start, blueprint, nobody).await
}

/// As [`run`], for a role that is asked something by another protocol as well.
///
/// # Errors
/// As [`run`].
pub async fn run_asked<C, R>(
    start: Start<C>,
    blueprint: Blueprint<C, R>,
    inquiries: Inquiries<R::Ask, R::Told>,
) -> Result<(), Failure>
where
    C: Configuration,
    R: Role<Told: AskAnswer>,
{
    let config = (blueprint.node)(&start.config).clone();
    let settings = config.settings();
    let role = (blueprint.role)(&start.config, &settings)?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| NodeError::NoSeed)?;
    let mut node = Node::new(settings, role, seed);
    let clock = Clock::start();
    let journal = match &config.state_dir {
        Some(directory) => Some(replay(clock, directory, &mut node)?),
        None => None,
    };
    let Start { config: read, file, signals, ctl } = start;
    let operator = Operator { ctl, signals, file, config: read, blueprint };
    Driver::start(clock, node, journal, config, operator, inquiries)?.run().await?;
    Ok(())
}

/// Whoever may tell the node what to do from outside the network.
struct Operator<C: 'static, R: Role> {
    ctl: crate::ctl::CtlServer,
    signals: crate::signals::Signals,
    file: ConfigFile<C>,
    /// As it was read last.
    config: C,
    blueprint: Blueprint<C, R>,
}

fn replay<R: Role>(clock: Clock, directory: &Path, node: &mut Node<R>) -> Result<Journal, NodeError> {
    let (journal, replay) =
        Journal::open(directory).map_err(|error| NodeError::Journal(directory.to_owned(), error))?;
    if let Some(offset) = replay.torn {
        let directory = directory.display();
        tracing::error!(%directory, offset, "the journal had a torn end, as after a crash; it was cut off");
    }
    let (records, mut unread) = (replay.live.len(), None);
    let live = replay.live.map_while(|record| record.map_err(|error| unread = Some(error)).ok());
    node.restore(clock.now(), live, replay.last);
    match unread {
        Some(error) => Err(NodeError::Journal(directory.to_owned(), error.into())),
        None => {
            tracing::info!(records, last = replay.last.0, "journal replayed");
            Ok(journal)
        }
    }
}
