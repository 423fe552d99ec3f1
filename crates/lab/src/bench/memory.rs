//! What idle registrations take of a node's memory.

use super::cpu::resident_kib;
use super::line::Line;
use super::operation::Operation;
use super::row::drive;
use super::user::Way;
use super::{MAX_USERS, Measurement, first_hop, network, one};
use crate::error::LabError;
use crate::lab::Lab;
use std::fmt;
use std::time::Duration;
use tokio::time::sleep;

/// Users who have a socket at a time: a registration outlives its user's.
const SOCKETS: u16 = 500;
/// The nodes that keep most of a registration.
const KEEPERS: [&str; 2] = ["scscf1a", "pcscf1a"];
/// Those whose memory is told after a run of requests, by the names of the values.
const AFTER_REQUESTS: [(&str, &str); 3] =
    [("scscf1a", "s-cscf_mib"), ("pcscf1a", "p-cscf_mib"), ("ps1", "presence-server_mib")];
/// So long a node remembers a transaction after its answer (Timer J), and a bit more.
const FORGOTTEN: Duration = Duration::from_secs(35);

/// Resident memory of the nodes.
#[derive(Debug, Clone)]
pub struct Memory {
    /// Users registered through one P-CSCF, each at a port of its own.
    pub registrations: u16,
    /// Of each node.
    pub nodes: Vec<NodeMemory>,
    /// Registrations that failed.
    pub failures: usize,
}

/// Resident memory of a node, in kibibytes.
#[derive(Debug, Clone)]
pub struct NodeMemory {
    /// Its name.
    pub name: Box<str>,
    /// Before the first registration.
    pub before: u64,
    /// After the last.
    pub after: u64,
    /// When the transactions were forgotten.
    pub idle: u64,
    /// After a restart of those that keep registrations.
    pub restarted: u64,
}

/// Registers every user once and looks at the nodes.
///
/// # Errors
/// When the network does not come up, or a node ends.
pub async fn memory(measurement: &Measurement) -> Result<Memory, LabError> {
    let users = measurement.users.clamp(1, MAX_USERS);
    let mut lab = network::up(&measurement.config, measurement.binaries.clone(), users).await?;
    let looked = look(&mut lab, users).await;
    lab.down().await?;
    looked
}

async fn look(lab: &mut Lab, registrations: u16) -> Result<Memory, LabError> {
    let hop = first_hop(lab, Way::Chain)?;
    let before = resident(lab)?;
    let mut failures = 0;
    let mut next = 0;
    while next < registrations {
        let until = next.saturating_add(SOCKETS).min(registrations);
        let mut batch = Vec::new();
        for number in next..until {
            batch.push(one(lab, number, registrations, hop).await?);
        }
        failures += drive(Operation::Register, &mut batch, 1).await.failures.len();
        next = until;
    }
    let after = resident(lab)?;
    sleep(FORGOTTEN).await;
    let idle = resident(lab)?;
    // What the burst of transactions needed is not given back to the system; a new process never had it.
    for keeper in KEEPERS {
        lab.restart(keeper).await?;
    }
    sleep(FORGOTTEN).await;
    let restarted = resident(lab)?;
    let nodes = before.into_iter().zip(after).zip(idle).zip(restarted);
    let nodes = nodes.map(|((((name, before), (_, after)), (_, idle)), (_, restarted))| NodeMemory {
        name,
        before,
        after,
        idle,
        restarted,
    });
    Ok(Memory { registrations, nodes: nodes.collect(), failures })
}

/// What the nodes have in memory right after so many requests, while most of their transactions are remembered.
pub(super) fn after(lab: &Lab, way: &str, requests: u32) -> Result<Line, LabError> {
    let resident = resident(lab)?;
    let values = AFTER_REQUESTS.iter().filter_map(|(node, value)| {
        let (_, kib) = resident.iter().find(|(name, _)| &**name == *node)?;
        Some((*value, f64::from(u32::try_from(*kib).unwrap_or(u32::MAX)) / 1024.0))
    });
    Ok(Line {
        name: format!("{way} memory"),
        values: values.collect(),
        note: format!("(after {requests} requests)"),
        failures: Vec::new(),
    })
}

fn resident(lab: &Lab) -> Result<Vec<(Box<str>, u64)>, LabError> {
    let running = lab.nodes().filter_map(|node| Some((node.name, node.pid?)));
    running.map(|(name, pid)| Ok((name.into(), resident_kib(pid)?))).collect()
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { registrations, nodes, failures } = self;
        writeln!(f, "{registrations} registrations through one P-CSCF; resident, in KiB:")?;
        writeln!(f, "node              before      after       idle  restarted")?;
        for NodeMemory { name, before, after, idle, restarted } in nodes {
            writeln!(f, "{name:<12} {before:>11} {after:>10} {idle:>10} {restarted:>10}")?;
        }
        match failures {
            0 => f.write_str("No errors."),
            _ => write!(f, "ERRORS: {failures}"),
        }
    }
}
