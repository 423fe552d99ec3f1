//! One row: everybody does the same, some at a time, and what that costs the nodes.

use super::cpu::cpu;
use super::operation::Operation;
use super::user::{Failure, User, Way};
use crate::error::LabError;
use crate::lab::Lab;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Requests under way at a time; another one begins when one has ended.
pub const IN_FLIGHT: usize = 128;
/// Nodes have so long for what they do after their last answer; it counts, too.
const AFTERWARDS: Duration = Duration::from_millis(100);

/// What an operation has cost.
#[derive(Debug, Clone)]
pub struct Row {
    /// What was done.
    pub operation: Operation,
    /// Whether through all nodes, or at the presence server alone.
    pub through_the_chain: bool,
    /// How often.
    pub requests: u64,
    /// How long it took in all.
    pub elapsed: Duration,
    /// Half of them took no longer.
    pub median: Duration,
    /// 99 of 100 took no longer.
    pub percentile_99: Duration,
    /// CPU time, user and system, of each node that used any, by its name.
    pub cpu: Vec<(Box<str>, Duration)>,
    /// Requests sent again because no answer came within T1.
    pub repeats: u64,
    /// What went wrong, and how often.
    pub failures: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    took: Vec<Duration>,
    repeats: u64,
    pub(crate) failures: Vec<Failure>,
}

impl Row {
    /// CPU time of all nodes for one request, in microseconds.
    #[must_use]
    pub fn cpu_us(&self) -> f64 {
        self.us_each(self.cpu.iter().map(|(_, used)| *used).sum())
    }

    /// A part of it for one request, in microseconds.
    pub(crate) fn us_each(&self, used: Duration) -> f64 {
        used.as_secs_f64() * 1e6 / f64::from(u32::try_from(self.requests.max(1)).unwrap_or(u32::MAX))
    }

    /// Requests in a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        f64::from(u32::try_from(self.requests).unwrap_or(u32::MAX)) / self.elapsed.as_secs_f64()
    }
}

/// As [`drive`], with what it costs.
pub(crate) async fn run(
    lab: &Lab,
    operation: Operation,
    users: &mut Vec<User>,
    rounds: u16,
) -> Result<Row, LabError> {
    let through_the_chain = users.first().is_some_and(|user| user.way == Way::Chain);
    let before = used(lab)?;
    let begun = Instant::now();
    let tally = drive(operation, users, rounds).await;
    let elapsed = begun.elapsed();
    sleep(AFTERWARDS).await;
    let after = used(lab)?;
    let cpu = before.into_iter().zip(after).map(|((name, before), (_, after))| (name, after - before));
    let mut took = tally.took;
    took.sort_unstable();
    let at = |percent: usize| took.get(took.len() * percent / 100).copied().unwrap_or_default();
    let mut failures = BTreeMap::new();
    for failure in &tally.failures {
        *failures.entry(failure.to_string()).or_default() += 1;
    }
    Ok(Row {
        operation,
        through_the_chain,
        requests: (took.len() + tally.failures.len()) as u64,
        elapsed,
        median: at(50),
        percentile_99: at(99),
        cpu: cpu.collect(),
        repeats: tally.repeats,
        failures,
    })
}

/// Every user does it so often, [`IN_FLIGHT`] of them at a time.
pub(crate) async fn drive(operation: Operation, users: &mut Vec<User>, rounds: u16) -> Tally {
    let mut workers: Vec<Vec<User>> = (0..IN_FLIGHT).map(|_| Vec::new()).collect();
    for (at, user) in users.drain(..).enumerate() {
        if let Some(share) = workers.get_mut(at % IN_FLIGHT) {
            share.push(user);
        }
    }
    let mut running = JoinSet::new();
    for (at, share) in workers.into_iter().enumerate() {
        running.spawn(async move { (at, work(operation, share, rounds).await) });
    }
    let mut tally = Tally::default();
    let mut shares = BTreeMap::new();
    while let Some(ended) = running.join_next().await {
        // A worker that panicked has said so, and its users are missing from the count.
        let Ok((at, (share, own))) = ended else { continue };
        shares.insert(at, share);
        tally.took.extend(own.took);
        tally.failures.extend(own.failures);
        tally.repeats += own.repeats;
    }
    users.extend(shares.into_values().flatten());
    tally
}

/// One of those who work at the same time: its users take turns.
async fn work(operation: Operation, mut users: Vec<User>, rounds: u16) -> (Vec<User>, Tally) {
    let mut tally = Tally::default();
    for _ in 0..rounds {
        for user in &mut users {
            let begun = Instant::now();
            match operation.perform(user).await {
                Ok(repeats) => {
                    tally.took.push(begun.elapsed());
                    tally.repeats += repeats;
                }
                Err(failure) => tally.failures.push(failure),
            }
        }
    }
    (users, tally)
}

/// CPU time of every node so far.
fn used(lab: &Lab) -> Result<Vec<(Box<str>, Duration)>, LabError> {
    let running = lab.nodes().filter_map(|node| Some((node.name, node.pid?)));
    running.map(|(name, pid)| Ok((name.into(), cpu(pid)?))).collect()
}
