//! Short messages, through to the answer that each user is sent when the presence server has what it wrote.

use super::line::Line;
use super::network::{DOMAIN, name, number};
use super::row::{self, AFTERWARDS, Cost, IN_FLIGHT};
use crate::error::LabError;
use crate::lab::Lab;
use crate::smsc::{NotSent, Smsc};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// How long nothing may come.
const PATIENCE: Duration = Duration::from_secs(16);

/// Every user writes so often, [`IN_FLIGHT`] of them at a time; it ends when each message is answered.
pub(super) async fn run(lab: &Lab, users: u16, rounds: u16, floor: Duration) -> Result<Line, LabError> {
    let smsc = lab.smsc().cloned().ok_or(LabError::NoPhones)?;
    let before = row::used(lab)?;
    let begun = Instant::now();
    let mut writers = JoinSet::new();
    for worker in 0..IN_FLIGHT {
        let share: Vec<u16> = (0..users).filter(|user| usize::from(*user) % IN_FLIGHT == worker).collect();
        writers.spawn(write(Arc::clone(&smsc), share, rounds));
    }
    let wanted = u64::from(users) * u64::from(rounds);
    let answers = count(&smsc, wanted).await;
    let mut failures: BTreeMap<String, u64> = BTreeMap::new();
    for failure in writers.join_all().await.into_iter().flatten() {
        *failures.entry(failure.to_string()).or_default() += 1;
    }
    let elapsed = begun.elapsed();
    for (answer, times) in answers {
        *failures.entry(answer).or_default() += times;
    }
    sleep(AFTERWARDS).await;
    let after = row::used(lab)?;
    let cpu = before.into_iter().zip(after).map(|((name, before), (_, after))| (name, after - before));
    let cost = Cost { requests: wanted, elapsed, cpu: cpu.collect() };
    let cpu_us = cost.us_of_all();
    Ok(Line {
        name: "sms update".to_owned(),
        values: vec![
            ("cpu_us", cpu_us),
            ("cpu_floors", cpu_us / (floor.as_secs_f64() * 1e6)),
            (
                "each_us",
                elapsed.as_secs_f64() * 1e6 / f64::from(u32::try_from(wanted.max(1)).unwrap_or(u32::MAX)),
            ),
        ],
        note: cost.note(0),
        failures: failures.into_iter().collect(),
    })
}

async fn write(smsc: Arc<Smsc>, users: Vec<u16>, rounds: u16) -> Vec<NotSent> {
    let mut failures = Vec::new();
    for round in 0..rounds {
        for user in &users {
            let text = format!("busy 2h {} {DOMAIN} {round}", name(*user));
            failures.extend(smsc.send(&number(*user), &text).await.err());
        }
    }
    failures
}

/// Answers that say something else than that all is well, and those that do not come.
async fn count(smsc: &Smsc, wanted: u64) -> BTreeMap<String, u64> {
    let mut others = BTreeMap::new();
    for had in 0..wanted {
        match timeout(PATIENCE, smsc.next()).await {
            Ok(received) if received.text.starts_with("You are shown as busy (") => {}
            Ok(received) => *others.entry(received.text).or_default() += 1,
            Err(_) => {
                others.insert("not answered".to_owned(), wanted - had);
                break;
            }
        }
    }
    others
}
