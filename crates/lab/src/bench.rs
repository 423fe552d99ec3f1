//! What requests cost the nodes in CPU time, how long they take, and what is kept of them in memory.
//!
//! A closed loop over UDP on loopback: [`IN_FLIGHT`] users have a request under way each, and begin the next one when it
//! is answered. First at the presence server alone, then through all nodes, with UDP and with TCP between them. Only the nodes are
//! counted, not the users. Each row says its CPU time also as a multiple of what the machine itself takes for one message.

mod cpu;
mod fan_out;
mod floor;
mod line;
mod memory;
mod messages;
mod network;
mod operation;
mod row;
mod saved;
mod stored;
mod table;
mod user;

pub use floor::Floor;
pub use line::Line;
pub use memory::{Memory, NodeMemory, memory};
pub use operation::Operation;
pub use row::IN_FLIGHT;
pub use saved::{Comparison, Saved};
pub use table::{Size, Table};

use crate::error::LabError;
use crate::lab::Lab;
use crate::plan::{Role, ShortMessages};
use network::Between;
use std::path::PathBuf;
use std::time::Duration;
use user::{FirstHop, User, Way};

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
pub struct Measurement {
    /// The files of the nodes, such as the workspace's `config/`.
    pub config: PathBuf,
    /// Where the binaries are; without it beside this program.
    pub binaries: Option<PathBuf>,
    /// Users, at most [`MAX_USERS`].
    pub users: u16,
    /// How often each does the same, at most [`MAX_ROUNDS`]; everybody registers once.
    pub rounds: u16,
    /// Which rows, by their names.
    pub wanted: Box<dyn Fn(&str) -> bool + Send + Sync>,
}

/// A part of a measurement, with the names of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Alone,
    Chain(Between),
    Messages,
    FanOut,
    Stored,
}

impl Part {
    const ALL: [Self; 6] = [
        Self::Alone,
        Self::Chain(Between::Udp),
        Self::Chain(Between::Tcp),
        Self::Messages,
        Self::FanOut,
        Self::Stored,
    ];

    /// The first word of its rows.
    const fn word(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Chain(Between::Udp) => "udp",
            Self::Chain(Between::Tcp) => "tcp",
            Self::Messages => "sms",
            Self::FanOut => "fan-out",
            Self::Stored => "stored",
        }
    }

    /// What is done in it, where each row is an operation.
    const fn operations(self) -> &'static [Operation] {
        match self {
            Self::Alone => &ALONE,
            Self::Chain(_) => &CHAIN,
            Self::Messages | Self::FanOut | Self::Stored => &[],
        }
    }

    fn rows(self) -> Vec<String> {
        let word = self.word();
        match self {
            Self::Alone | Self::Chain(_) => {
                let operations = self.operations().iter().map(|operation| format!("{word} {operation}"));
                let memory = matches!(self, Self::Chain(_)).then(|| format!("{word} memory"));
                operations.chain(memory).collect()
            }
            Self::Messages => vec![format!("{word} update")],
            Self::FanOut => fan_out::CROWDS.iter().map(|crowd| format!("{word} {crowd}")).collect(),
            Self::Stored => {
                let sizes = stored::DOCUMENTS.iter();
                let sizes = sizes
                    .flat_map(|size| [format!("{word} {size}"), format!("{word} {size} PUBLISH, changed")]);
                std::iter::once(format!("{word} subscription")).chain(sizes).collect()
            }
        }
    }
}

impl Measurement {
    /// The names of the rows that it has, in order.
    #[must_use]
    pub fn rows(&self) -> Vec<String> {
        Part::ALL.iter().flat_map(|part| part.rows()).filter(|name| (self.wanted)(name)).collect()
    }
}

/// What the machine itself takes, measured first.
///
/// # Errors
/// Those of sockets on loopback.
pub async fn floor() -> Result<Floor, LabError> {
    let floor = tokio::task::spawn_blocking(Floor::measure).await;
    let floor = floor.map_err(std::io::Error::other).and_then(|floor| floor);
    floor.map_err(LabError::at(std::path::Path::new("127.0.0.1")))
}

/// Measures everything; each row is told when it is there, also as a multiple of the floor.
///
/// # Errors
/// When the network does not come up, or a node ends. What goes wrong with requests is in the rows.
pub async fn bench(
    measurement: &Measurement,
    floor: Floor,
    mut tell: impl FnMut(&Line),
) -> Result<Table, LabError> {
    let size = Size { users: measurement.users, rounds: measurement.rounds };
    let mut table = Table { lines: Vec::new(), machine: String::new(), size };
    for part in Part::ALL {
        if !part.rows().iter().any(|name| (measurement.wanted)(name)) {
            continue;
        }
        let Measurement { config, binaries, users, .. } = measurement;
        let users = (*users).clamp(1, MAX_USERS);
        let between = if let Part::Chain(between) = part { between } else { Between::Udp };
        let lab = match part {
            Part::Messages => network::up_with(config, binaries.clone(), users, ShortMessages::Lab).await?,
            Part::Alone | Part::Chain(_) | Part::FanOut | Part::Stored => {
                network::up_by(between, config, binaries.clone(), users).await?
            }
        };
        let mut keep = |line: Line| {
            if (measurement.wanted)(&line.name) {
                tell(&line);
                table.lines.push(line);
            }
        };
        let measured = measure(&lab, part, users, floor, measurement, &mut keep).await;
        table.machine = cpu::machine(lab.directory());
        lab.down().await?;
        measured?;
    }
    Ok(table)
}

async fn measure(
    lab: &Lab,
    part: Part,
    users: u16,
    floor: Floor,
    measurement: &Measurement,
    tell: &mut impl FnMut(Line),
) -> Result<(), LabError> {
    let size = Size { users, rounds: measurement.rounds.clamp(1, MAX_ROUNDS) };
    let Floor { datagram, stream } = floor;
    match part {
        Part::Alone | Part::Chain(Between::Udp) => rows(lab, part, size, datagram, tell).await,
        Part::Chain(Between::Tcp) => rows(lab, part, size, stream, tell).await,
        Part::Messages => {
            tell(messages::run(lab, size.users, size.rounds, datagram).await?);
            Ok(())
        }
        Part::FanOut => {
            for crowd in fan_out::CROWDS {
                if (measurement.wanted)(&format!("{} {crowd}", part.word())) {
                    tell(fan_out::fan_out(lab, crowd).await?);
                }
            }
            Ok(())
        }
        Part::Stored => stored::stored(lab, size.rounds, datagram, &measurement.wanted, tell).await,
    }
}

async fn rows(
    lab: &Lab,
    part: Part,
    size: Size,
    floor: Duration,
    tell: &mut impl FnMut(Line),
) -> Result<(), LabError> {
    let way = if part == Part::Alone { Way::Alone } else { Way::Chain };
    let mut all = everybody(lab, size.users, way).await?;
    let mut requests = 0;
    for operation in part.operations().iter().copied() {
        let rounds = if operation == Operation::Register { 1 } else { size.rounds };
        requests += u32::from(rounds) * u32::from(size.users);
        tell(row::run(lab, part.word(), operation, &mut all, rounds, floor).await?);
    }
    if let Part::Chain(_) = part {
        tell(memory::after(lab, part.word(), requests)?);
    }
    Ok(())
}

async fn everybody(lab: &Lab, users: u16, way: Way) -> Result<Vec<User>, LabError> {
    let hop = first_hop(lab, way)?;
    let mut all = Vec::new();
    for number in 0..users {
        all.push(one(lab, number, users, hop).await?);
    }
    Ok(all)
}

/// The user of this number out of `users`.
async fn one(lab: &Lab, number: u16, users: u16, hop: FirstHop) -> Result<User, LabError> {
    let user = User::new(number, users, lab.address(network::HOST), hop).await;
    user.map_err(|error| LabError::NotStarted(network::name(number).into(), error))
}

fn first_hop(lab: &Lab, way: Way) -> Result<FirstHop, LabError> {
    let found = match way {
        Way::Chain => lab.ue_address(lab.pcscf_of(network::DOMAIN)?),
        Way::Alone => {
            let node = lab.nodes().find(|node| node.role == Role::PresenceServer);
            node.and_then(|node| node.addresses.get("udp")?.first().copied())
        }
    };
    let address = found.ok_or_else(|| LabError::UnknownNode(network::DOMAIN.into()))?;
    Ok(FirstHop { way, address })
}
