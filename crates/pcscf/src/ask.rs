//! What an operator may ask a P-CSCF.

use crate::Pcscf;
use clock::Now;
use ims_node::{AskAnswer, write_lines};
use serde::Serialize;
use std::fmt;
use std::net::SocketAddr;

/// A question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Who is registered, on which flow.
    List,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Told {
    /// Everybody who is registered, by identity.
    Registered(Vec<RegisteredContact>),
}

/// A contact that is registered through this P-CSCF.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RegisteredContact {
    /// The address of record that the contact is registered for.
    pub aor: Box<str>,
    /// `UDP` or `TCP`.
    pub transport: &'static str,
    /// Where the phone is.
    pub address: SocketAddr,
    /// Seconds until the registration of the contact runs out.
    pub seconds_left: u64,
}

impl fmt::Display for RegisteredContact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}s", self.aor, self.transport, self.address, self.seconds_left)
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registered(contacts) => write_lines(f, contacts),
        }
    }
}

impl AskAnswer for Told {}

impl Pcscf {
    pub(crate) fn contacts(&self, now: Now) -> Vec<RegisteredContact> {
        let bindings = self.bindings.iter();
        let mut contacts: Vec<RegisteredContact> = bindings
            .map(|binding| RegisteredContact {
                aor: binding.aor.as_str().into(),
                transport: binding.flow.transport.via_token(),
                address: binding.flow.remote,
                seconds_left: binding.expires_at().saturating_since(now.wall).as_secs(),
            })
            .collect();
        contacts.sort_unstable();
        contacts
    }
}
