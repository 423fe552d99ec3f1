//! How a presence server does that keeps much: what each document and subscription takes of its memory, and what a PUBLISH costs then.
//!
//! Memory is what is resident of its process more than before the first one, 35 s after the last one, when no transaction is
//! remembered any more, divided by how many there are.

use super::cpu::resident_kib;
use super::line::Line;
use super::operation::Operation;
use super::row::{self, IN_FLIGHT};
use super::user::{Failure, User, Way};
use super::{first_hop, one};
use crate::error::LabError;
use crate::lab::Lab;
use crate::plan::Role;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Documents that are stored, each of a presentity of its own.
pub(crate) const DOCUMENTS: [u32; 3] = [10_000, 100_000, 400_000];
/// Subscriptions, ten to a presentity.
pub(crate) const SUBSCRIPTIONS: u32 = 10_000;
/// Timer J, and a bit more.
const FORGOTTEN: Duration = Duration::from_secs(35);
/// Users who publish while so much is stored.
const ACTIVE: u16 = 800;

/// One after the other, each with what was there before.
pub(crate) async fn stored(
    lab: &Lab,
    rounds: u16,
    floor: Duration,
    wanted: impl Fn(&str) -> bool,
    mut tell: impl FnMut(Line),
) -> Result<(), LabError> {
    if wanted("stored subscription") {
        let before = resident(lab)?;
        let failures = many(lab, Operation::Subscribe, 0..SUBSCRIPTIONS).await?;
        tell(memory(lab, "stored subscription", SUBSCRIPTIONS, before, &failures).await?);
    }
    let before = resident(lab)?;
    let mut there = 0;
    for documents in DOCUMENTS {
        let names = [format!("stored {documents}"), format!("stored {documents} PUBLISH, changed")];
        if !names.iter().any(|name| wanted(name)) {
            continue;
        }
        let failures = many(lab, Operation::Publish, there..documents).await?;
        there = documents;
        let [name, changed] = names;
        tell(memory(lab, &name, documents, before, &failures).await?);
        let mut users = active(lab).await?;
        row::drive(Operation::Publish, &mut users, 1).await;
        let way = changed.trim_end_matches(" PUBLISH, changed");
        tell(row::run(lab, way, Operation::Modify, &mut users, rounds, floor).await?);
        row::drive(Operation::Remove, &mut users, 1).await;
    }
    Ok(())
}

async fn memory(
    lab: &Lab,
    name: &str,
    count: u32,
    before: u64,
    failures: &[Failure],
) -> Result<Line, LabError> {
    sleep(FORGOTTEN).await;
    let grown = resident(lab)?.saturating_sub(before) * 1024;
    let each = f64::from(u32::try_from(grown / u64::from(count)).unwrap_or(u32::MAX));
    Ok(Line {
        name: name.to_owned(),
        values: vec![("resident_each_bytes", each)],
        note: format!("({} MiB more)", grown >> 20),
        failures: row::counted(failures),
    })
}

/// Does it once for each of these, from few sockets.
async fn many(
    lab: &Lab,
    operation: Operation,
    numbers: std::ops::Range<u32>,
) -> Result<Vec<Failure>, LabError> {
    let hop = first_hop(lab, Way::Alone)?;
    let mut working = JoinSet::new();
    for worker in 0..u16::try_from(IN_FLIGHT).unwrap_or(u16::MAX) {
        let mut user = one(lab, worker, ACTIVE, hop).await?;
        let share = (numbers.start + u32::from(worker)..numbers.end).step_by(IN_FLIGHT);
        working.spawn(async move {
            let mut failures = Vec::new();
            for number in share {
                user.becomes(&format!("d{number}"), &format!("d{}", number / 10));
                failures.extend(operation.perform(&mut user).await.err());
                user.state = Default::default();
            }
            failures
        });
    }
    let mut failures = Vec::new();
    while let Some(ended) = working.join_next().await {
        failures.extend(ended.unwrap_or_default());
    }
    Ok(failures)
}

async fn active(lab: &Lab) -> Result<Vec<User>, LabError> {
    let hop = first_hop(lab, Way::Alone)?;
    let mut users = Vec::new();
    for number in 0..ACTIVE {
        users.push(one(lab, number, ACTIVE, hop).await?);
    }
    Ok(users)
}

fn resident(lab: &Lab) -> Result<u64, LabError> {
    let pid = lab.nodes().find(|node| node.role == Role::PresenceServer).and_then(|node| node.pid);
    pid.map_or(Ok(0), resident_kib)
}
