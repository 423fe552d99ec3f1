//! A UE of the lab: the real `ue-agent`, told what to do by lines and listened to by its JSON events.

use crate::account::Account;
use crate::error::LabError;
use crate::lab::Lab;
use crate::process::{Launch, Process};
use serde::Deserialize;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long an agent may take to say that something has happened: a bit more than Timer F.
pub(crate) const PATIENCE: Duration = Duration::from_secs(35);
/// Addresses of agents begin here.
const FIRST_HOST: u8 = 201;

/// The transport between a UE and its P-CSCF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

/// What an agent says: `ue_agent`'s reports, as far as they are looked at here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// `registered`, `presence`, `subscription`, `published`, ...
    pub event: Box<str>,
    /// Whom it is about.
    #[serde(default)]
    pub uri: Box<str>,
    /// `active`, `pending` or `ended`, of a subscription.
    #[serde(default)]
    pub state: Box<str>,
    /// `open` or `closed`, of somebody's presence.
    pub basic: Option<Box<str>>,
    /// The note, of somebody's presence.
    pub note: Option<Box<str>>,
    /// The status of a refusal.
    pub status: Option<u16>,
}

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    user: Box<str>,
    address: IpAddr,
    process: Process,
}

impl Agent {
    /// Starts the agent of an account, behind this P-CSCF.
    ///
    /// # Errors
    /// When there is no such account or P-CSCF, or the agent does not start.
    pub fn start(lab: &Lab, user: &str, pcscf: &str, access: Access) -> Result<Self, LabError> {
        Self::start_with(lab, user, pcscf, access, &[])
    }

    /// The same with more arguments of its command line.
    ///
    /// # Errors
    /// As [`Agent::start`].
    pub fn start_with(
        lab: &Lab,
        user: &str,
        pcscf: &str,
        access: Access,
        more: &[&str],
    ) -> Result<Self, LabError> {
        let hop = lab.ue_address(pcscf).ok_or_else(|| LabError::UnknownNode(pcscf.into()))?;
        Self::start_at(lab, user, hop, access, more)
    }

    /// The same behind whatever has this address.
    ///
    /// # Errors
    /// As [`Agent::start`].
    pub fn start_at(
        lab: &Lab,
        user: &str,
        hop: SocketAddr,
        access: Access,
        more: &[&str],
    ) -> Result<Self, LabError> {
        let unknown = || LabError::UnknownNode(user.into());
        let (host, account) = (FIRST_HOST..)
            .zip(lab.accounts())
            .find(|(_, account)| *account.user == *user)
            .ok_or_else(unknown)?;
        let Account { impu, impi, password, .. } = account;
        let address: IpAddr = match hop.ip() {
            IpAddr::V4(_) => lab.address(host).into(),
            IpAddr::V6(pcscf) => beside(pcscf, host).into(),
        };
        let hop = match access {
            Access::Udp => hop.to_string(),
            Access::Tcp => format!("{hop};transport=tcp"),
        };
        let (bind, dns) = (address.to_string(), lab.dns().to_string());
        let launch = Launch {
            name: user,
            binary: &lab.binaries().join("ue-agent"),
            arguments: [
                "--user",
                impu,
                "--impi",
                impi,
                "--password",
                password,
                "--pcscf",
                &hop,
                "--bind",
                &bind,
                "--dns",
                &dns,
                "--json",
            ]
            .into_iter()
            .chain(more.iter().copied())
            .chain(["run"])
            .collect(),
            log: &lab.log(user),
        };
        // That it ended is seen at its standard output.
        let (ends, _) = mpsc::channel(1);
        Ok(Self { user: user.into(), address, process: Process::start(&launch, ends)? })
    }

    /// The name of its user.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Its address.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// Tells it what to do: `register`, `watch sip:carol@home1.test`, `publish open`.
    ///
    /// # Errors
    /// When it has ended.
    pub async fn say(&mut self, line: &str) -> Result<(), LabError> {
        let gone = || LabError::AgentEnded(self.user.clone());
        let line = format!("{line}\n");
        match self.process.stdin() {
            Some(stdin) => stdin.write_all(line.as_bytes()).await.map_err(|_| gone()),
            None => Err(gone()),
        }
    }

    /// Waits for an event; those before it are passed over.
    ///
    /// # Errors
    /// When it has ended, or nothing of the kind happens within 35 s (a bit more than Timer F); `what` says in the error what it was.
    pub async fn until(&mut self, what: &str, fits: impl Fn(&Event) -> bool) -> Result<Event, LabError> {
        let found = async {
            loop {
                let line = self.process.line().await?;
                if let Ok(event) = serde_json::from_str::<Event>(&line)
                    && fits(&event)
                {
                    return Some(event);
                }
            }
        };
        match timeout(PATIENCE, found).await {
            Ok(Some(event)) => Ok(event),
            Ok(None) => Err(LabError::AgentEnded(self.user.clone())),
            Err(_) => Err(LabError::Silent { user: self.user.clone(), what: what.into() }),
        }
    }

    /// Registers it.
    ///
    /// # Errors
    /// As [`Agent::until`].
    pub async fn register(&mut self) -> Result<(), LabError> {
        self.say("register").await?;
        self.until("register", |event| &*event.event == "registered").await.map(drop)
    }

    /// Moves it to another P-CSCF of its domain, called by its name, and waits until it is registered there.
    ///
    /// # Errors
    /// As [`Agent::until`].
    pub async fn move_to(&mut self, pcscf: &str) -> Result<(), LabError> {
        let line = format!("move {pcscf}");
        self.say(&line).await?;
        self.until(&line, |event| &*event.event == "registered").await.map(drop)
    }

    /// Lets it take everything back and end.
    pub async fn end(self) {
        self.process.end().await;
    }

    /// Kills it: the network learns nothing.
    pub async fn kill(self) {
        self.process.kill().await;
    }
}

/// An address of the same /64.
const fn beside(neighbour: Ipv6Addr, host: u8) -> Ipv6Addr {
    let [a, b, c, d, ..] = neighbour.segments();
    Ipv6Addr::new(a, b, c, d, 0, 0, 0, host as u16)
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        })
    }
}
