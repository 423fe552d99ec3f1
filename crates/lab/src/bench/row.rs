//! A row of requests: everybody does the same, some at a time, and what that costs the nodes.

use super::cpu::cpu;
use super::line::Line;
use super::operation::Operation;
use super::user::{Failure, User};
use crate::error::LabError;
use crate::lab::Lab;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Requests under way at a time; another one begins when one has ended.
pub const IN_FLIGHT: usize = 128;
/// Nodes have so long for what they do after their last answer; it counts, too.
pub(super) const AFTERWARDS: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub(crate) struct Tally {
    took: Vec<Duration>,
    repeats: u64,
    pub(crate) failures: Vec<Failure>,
}

/// What an operation has cost the nodes.
pub(super) struct Cost {
    /// How often it was done.
    pub(super) requests: u64,
    pub(super) elapsed: Duration,
    /// CPU time, user and system, of each node.
    pub(super) cpu: Vec<(Box<str>, Duration)>,
}

impl Cost {
    /// A part of the CPU time for one request, in microseconds.
    fn us_each(&self, used: Duration) -> f64 {
        used.as_secs_f64() * 1e6 / f64::from(u32::try_from(self.requests.max(1)).unwrap_or(u32::MAX))
    }

    pub(super) fn us_of_all(&self) -> f64 {
        self.us_each(self.cpu.iter().map(|(_, used)| *used).sum())
    }

    /// How many a second, and each node's part.
    pub(super) fn note(&self, repeats: u64) -> String {
        let rate = f64::from(u32::try_from(self.requests).unwrap_or(u32::MAX)) / self.elapsed.as_secs_f64();
        let mut nodes: Vec<_> = self.cpu.iter().map(|(name, used)| (name, self.us_each(*used))).collect();
        nodes.retain(|(_, us)| *us >= 0.1);
        nodes.sort_by(|a, b| b.1.total_cmp(&a.1));
        let nodes = nodes.into_iter().map(|(name, us)| format!(", {name} {us:.1}"));
        let again = (repeats > 0).then(|| format!(", sent again: {repeats}"));
        format!("({} at {rate:.0}/s{})", self.requests, nodes.chain(again).collect::<String>())
    }
}

/// As [`drive`], with what it costs, also as a multiple of what the machine itself takes for a message.
pub(crate) async fn run(
    lab: &Lab,
    way: &str,
    operation: Operation,
    users: &mut Vec<User>,
    rounds: u16,
    floor: Duration,
) -> Result<Line, LabError> {
    let before = used(lab)?;
    let begun = Instant::now();
    let tally = drive(operation, users, rounds).await;
    let elapsed = begun.elapsed();
    sleep(AFTERWARDS).await;
    let after = used(lab)?;
    let cpu = before.into_iter().zip(after).map(|((name, before), (_, after))| (name, after - before));
    let requests = (tally.took.len() + tally.failures.len()) as u64;
    let cost = Cost { requests, elapsed, cpu: cpu.collect() };
    let mut took = tally.took;
    took.sort_unstable();
    let cpu_us = cost.us_of_all();
    Ok(Line {
        name: format!("{way} {operation}"),
        values: vec![
            ("cpu_us", cpu_us),
            ("cpu_floors", cpu_us / (floor.as_secs_f64() * 1e6)),
            ("median_ms", millis(percentile(&took, 50))),
            ("99_%_ms", millis(percentile(&took, 99))),
        ],
        note: cost.note(tally.repeats),
        failures: counted(&tally.failures),
    })
}

/// So many of a hundred took no longer.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted.get(sorted.len() * percent / 100).or_else(|| sorted.last()).copied().unwrap_or_default()
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Each kind of failure, and how often.
pub(crate) fn counted(failures: &[Failure]) -> Vec<(String, u64)> {
    let mut counts = BTreeMap::new();
    for failure in failures {
        *counts.entry(failure.to_string()).or_default() += 1;
    }
    counts.into_iter().collect()
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
        let Ok((at, (share, of_worker))) = ended else { continue };
        shares.insert(at, share);
        tally.took.extend(of_worker.took);
        tally.failures.extend(of_worker.failures);
        tally.repeats += of_worker.repeats;
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
pub(crate) fn used(lab: &Lab) -> Result<Vec<(Box<str>, Duration)>, LabError> {
    let running = lab.nodes().filter_map(|node| Some((node.name, node.pid?)));
    running.map(|(name, pid)| Ok((name.into(), cpu(pid)?))).collect()
}
