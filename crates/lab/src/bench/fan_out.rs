//! One change that many are to hear of: when the last one has, and what somebody else waits meanwhile.

use super::line::Line;
use super::network;
use super::operation::Operation;
use super::row::{counted, millis, percentile, used};
use super::user::{Failure, FirstHop, User, Way};
use super::{first_hop, one};
use crate::error::LabError;
use crate::lab::Lab;
use std::collections::HashSet;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// Watchers of one presentity.
pub(crate) const CROWDS: [u16; 3] = [100, 1000, 10_000];
/// Sockets that they share.
const SOCKETS: u16 = 100;
/// How long the last NOTIFY may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The one that publishes, and the one that asks for something else meanwhile, by number behind the crowd's sockets.
const PUBLISHER: u16 = SOCKETS;
const BYSTANDER: u16 = SOCKETS + 1;

/// A socket, shared by a part of the crowd.
struct Shared {
    user: User,
    /// How many watch by it.
    watchers: usize,
}

/// The longest that somebody else has waited for each.
#[derive(Default)]
struct LongestWaits {
    options: Duration,
    publish: Duration,
}

/// What a part of the crowd has heard.
#[derive(Default)]
struct Heard {
    /// When each watcher's NOTIFY came, after the change.
    after: Vec<Duration>,
    /// NOTIFYs that came again.
    twice: u64,
    failures: Vec<Failure>,
}

/// How long everybody waits for one change of a presentity with so many watchers.
pub(crate) async fn fan_out(lab: &Lab, watchers: u16) -> Result<Line, LabError> {
    let hop = first_hop(lab, Way::Alone)?;
    let presentity = format!("crowd{watchers}");
    let (sockets, mut failures) = gather(lab, watchers, &presentity, hop).await?;
    let mut publisher = one(lab, PUBLISHER, SOCKETS, hop).await?;
    publisher.becomes(&presentity, &presentity);
    let mut bystander = one(lab, BYSTANDER, SOCKETS, hop).await?;
    bystander.becomes("bystander", "bystander");
    let before = used(lab)?;
    let (done, is_done) = watch::channel(false);
    let begun = Instant::now();
    let mut crowd = JoinSet::new();
    for socket in sockets {
        crowd.spawn(listen(socket, begun));
    }
    let meanwhile = tokio::spawn(ask_meanwhile(bystander, is_done));
    failures.extend(Operation::Publish.perform(&mut publisher).await.err());
    let mut heard = Heard::default();
    while let Some(part) = crowd.join_next().await {
        // A task that panicked has said so, and its watchers are missing from the count.
        let Ok(part) = part else { continue };
        heard.after.extend(part.after);
        heard.twice += part.twice;
        heard.failures.extend(part.failures);
    }
    // Nobody listens any more where the other one has ended.
    let _ = done.send(true);
    let LongestWaits { options, publish } = meanwhile.await.unwrap_or_default();
    let after = used(lab)?;
    let cpu: Duration = before.iter().zip(&after).map(|((_, before), (_, after))| *after - *before).sum();
    heard.after.sort_unstable();
    failures.extend(heard.failures);
    let missing = u64::from(watchers).saturating_sub(heard.after.len() as u64);
    let mut failures = counted(&failures);
    failures.extend((missing > 0).then(|| ("watchers without NOTIFY".to_owned(), missing)));
    Ok(Line {
        name: format!("fan-out {watchers}"),
        values: vec![
            ("last_notify_ms", millis(heard.after.last().copied().unwrap_or_default())),
            ("median_notify_ms", millis(percentile(&heard.after, 50))),
            ("cpu_each_us", cpu.as_secs_f64() * 1e6 / f64::from(watchers)),
            ("OPTIONS_ms", millis(options)),
            ("PUBLISH_ms", millis(publish)),
        ],
        note: format!(
            "(sent twice: {}; OPTIONS and PUBLISH of somebody else: the longest wait)",
            heard.twice
        ),
        failures,
    })
}

/// Everybody subscribes. Gives the sockets, and what has failed.
async fn gather(
    lab: &Lab,
    watchers: u16,
    presentity: &str,
    hop: FirstHop,
) -> Result<(Vec<Shared>, Vec<Failure>), LabError> {
    let mut subscribing = JoinSet::new();
    for socket in 0..SOCKETS.min(watchers) {
        let mut user = one(lab, socket, SOCKETS, hop).await?;
        let presentity = presentity.to_owned();
        subscribing.spawn(async move {
            let mut failures = Vec::new();
            let share = (socket..watchers).step_by(usize::from(SOCKETS));
            let watchers = share.len();
            for watcher in share {
                user.becomes(&format!("{presentity}-{}", network::name(watcher)), &presentity);
                failures.extend(Operation::Subscribe.perform(&mut user).await.err());
            }
            (Shared { user, watchers }, failures)
        });
    }
    let (mut sockets, mut failures) = (Vec::new(), Vec::new());
    while let Some(ended) = subscribing.join_next().await {
        let Ok((socket, failed)) = ended else { continue };
        failures.extend(failed);
        sockets.push(socket);
    }
    Ok((sockets, failures))
}

/// Hears a NOTIFY for each watcher, each of another dialog, and answers them.
async fn listen(Shared { user, watchers }: Shared, begun: Instant) -> Heard {
    let (mut heard, mut seen) = (Heard::default(), HashSet::new());
    while heard.after.len() < watchers {
        match timeout_at(begun + PATIENCE, user.hear()).await {
            Ok(Ok(message)) if message.status().is_none() => {
                if seen.insert((message.call_id().to_owned(), message.cseq())) {
                    heard.after.push(begun.elapsed());
                } else {
                    heard.twice += 1;
                }
            }
            Ok(Ok(_)) => {}
            Ok(Err(failure)) => {
                heard.failures.push(failure);
                return heard;
            }
            Err(_) => return heard,
        }
    }
    heard
}

/// Asks and publishes in turn until the crowd has heard; gives the longest wait for each.
async fn ask_meanwhile(mut user: User, is_done: watch::Receiver<bool>) -> LongestWaits {
    let mut longest = LongestWaits::default();
    while !*is_done.borrow() {
        longest.options = longest.options.max(took(Operation::Options, &mut user).await);
        longest.publish = longest.publish.max(took(Operation::Publish, &mut user).await);
        took(Operation::Remove, &mut user).await;
    }
    longest
}

/// How long it took; nothing where it failed.
async fn took(operation: Operation, user: &mut User) -> Duration {
    let begun = Instant::now();
    operation.perform(user).await.map_or(Duration::ZERO, |_| begun.elapsed())
}
