//! What requests cost the nodes in CPU time, and registrations in memory.
//!
//! A closed loop over UDP on loopback: [`IN_FLIGHT`] users have a request under way each, and begin the next one when it
//! is answered. First at the presence server alone, then through all nodes. Only the nodes are counted, not the users.

mod cpu;
mod memory;
mod network;
mod operation;
mod row;
mod table;
mod user;

pub use memory::{Memory, memory};
pub use operation::Operation;
pub use row::{IN_FLIGHT, Row};
pub use table::{HEAD, Table};

use crate::error::LabError;
use crate::lab::Lab;
use crate::plan::Role;
use std::net::SocketAddr;
use std::path::PathBuf;
use user::{User, Way};

/// Most users of a measurement; each has a port of its own.
pub const MAX_USERS: u16 = network::MAX_USERS;
/// Most times that each user does the same: a presence server keeps ten publications of one.
pub const MAX_ROUNDS: u16 = 10;

/// What is done, one row after the other; everything is taken back.
const ALONE: [Operation; 6] = [
    Operation::Publish,
    Operation::Modify,
    Operation::Remove,
    Operation::Subscribe,
    Operation::Unsubscribe,
    Operation::Refresh,
];
const CHAIN: [Operation; 7] = [
    Operation::Register,
    Operation::Refresh,
    Operation::Publish,
    Operation::Modify,
    Operation::Remove,
    Operation::Subscribe,
    Operation::Unsubscribe,
];

/// How much is measured.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// The files of the nodes, such as the workspace's `config/`.
    pub config: PathBuf,
    /// Where the binaries are; without it beside this program.
    pub binaries: Option<PathBuf>,
    /// Users, at most [`MAX_USERS`].
    pub users: u16,
    /// How often each does the same, at most [`MAX_ROUNDS`]; everybody registers once.
    pub rounds: u16,
}

/// Measures everything; each row is told when it is there.
///
/// # Errors
/// When the network does not come up, or a node ends. What goes wrong with requests is in the rows.
pub async fn bench(measurement: &Measurement, mut tell: impl FnMut(&Row)) -> Result<Table, LabError> {
    let Measurement { config, binaries, users, rounds } = measurement;
    let (users, rounds) = ((*users).clamp(1, MAX_USERS), (*rounds).clamp(1, MAX_ROUNDS));
    let lab = network::up(config, binaries.clone(), users).await?;
    let measured = measure(&lab, (users, rounds), &mut tell).await;
    let file_system = cpu::file_system(lab.directory());
    lab.down().await?;
    Ok(Table { rows: measured?, file_system })
}

async fn measure(
    lab: &Lab,
    (users, rounds): (u16, u16),
    tell: &mut impl FnMut(&Row),
) -> Result<Vec<Row>, LabError> {
    let mut rows = Vec::new();
    for (way, operations) in [(Way::Alone, &ALONE[..]), (Way::Chain, &CHAIN)] {
        let mut all = everybody(lab, users, way).await?;
        for operation in operations.iter().copied() {
            let rounds = if operation == Operation::Register { 1 } else { rounds };
            let row = row::run(lab, operation, &mut all, rounds).await?;
            tell(&row);
            rows.push(row);
        }
    }
    Ok(rows)
}

async fn everybody(lab: &Lab, users: u16, way: Way) -> Result<Vec<User>, LabError> {
    let hop = first_hop(lab, way)?;
    let mut all = Vec::new();
    for number in 0..users {
        all.push(one(lab, (number, users), (way, hop)).await?);
    }
    Ok(all)
}

async fn one(lab: &Lab, number: (u16, u16), to: (Way, SocketAddr)) -> Result<User, LabError> {
    let user = User::new(number, lab.address(network::HOST), to).await;
    user.map_err(|error| LabError::NotStarted(network::name(number.0).into(), error))
}

fn first_hop(lab: &Lab, way: Way) -> Result<SocketAddr, LabError> {
    let found = match way {
        Way::Chain => lab.ue_address(lab.pcscf_of(network::DOMAIN)?),
        Way::Alone => {
            let node = lab.nodes().find(|node| node.role == Role::PresenceServer);
            node.and_then(|node| node.addresses.get("udp")?.first().copied())
        }
    };
    found.ok_or_else(|| LabError::UnknownNode(network::DOMAIN.into()))
}
