//! The line by which other tools find a running lab.

use crate::account::Account;
use crate::plan::{Addresses, Role};
use serde::Serialize;
use std::net::SocketAddr;
use std::path::Path;

/// A running lab, as `lab up --json` prints it; `docs/operating.md` has an example.
#[derive(Debug, Serialize)]
pub struct Attachment<'a> {
    /// The network: `127.0.10.0/24`. Hosts from 100 on are free for UEs.
    pub network: String,
    /// Where `config`, `run` (state and sockets) and `log` are.
    pub directory: &'a Path,
    /// The name server.
    pub dns: SocketAddr,
    /// The nodes, in the order of their start.
    pub nodes: Vec<NodeLine<'a>>,
    /// Everybody who can register.
    pub accounts: &'a [Account],
}

/// One node of it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct NodeLine<'a> {
    /// `pcscf1a`.
    pub name: &'a str,
    /// What it is.
    pub role: Role,
    /// Whose it is; none for the name server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<&'a str>,
    /// Its process; none while it is down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Where other nodes reach it, by transport.
    pub addresses: &'a Addresses,
    /// Where UEs reach it, by transport; empty but for a P-CSCF.
    #[serde(skip_serializing_if = "Addresses::is_empty")]
    pub ue_addresses: &'a Addresses,
    /// Its configuration; `NAME ctl --config FILE` needs it.
    pub config: &'a Path,
}
