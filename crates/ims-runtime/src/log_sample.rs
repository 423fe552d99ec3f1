//! How many log lines of one kind are written. Strangers decide how often a request is refused, and must not decide how full the
//! disk gets: of each kind some lines a second are written, and then how many more there were.
//!
//! A kind is the place in the source and the `reason`, where the line has one. What somebody has asked for with `RUST_LOG` below `info`
//! is written in full.

use std::collections::HashMap;
use std::fmt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Lines of one kind that are written in a [`WINDOW`].
pub(crate) const MAX_LINES: u32 = 20;

/// How long lines are counted.
const WINDOW: Duration = Duration::from_secs(1);

/// Kinds that are told apart by their reason; of more those of one place count as one.
const MAX_KINDS: usize = 1000;

/// Lets lines through; one for the whole process.
#[derive(Clone)]
pub(crate) struct LogSample {
    counts: Arc<Mutex<Counts>>,
    /// Told when the first line of a window is left out.
    left_out: SyncSender<()>,
}

impl LogSample {
    /// With it, what [`LogSample::reports`] waits for.
    pub(crate) fn new() -> (Self, Receiver<()>) {
        // One wish is as good as many.
        let (left_out, wished) = sync_channel(1);
        (Self { counts: Arc::default(), left_out }, wished)
    }

    /// Says after each window what was left out in it, for as long as the process runs.
    pub(crate) fn reports(&self, wished: &Receiver<()>) {
        while wished.recv().is_ok() {
            std::thread::sleep(WINDOW);
            self.report();
        }
    }

    fn report(&self) {
        // The lines that say so are counted themselves, and so the lock must be free.
        let left_out = self.counts().take_left_out();
        for (place, cause, lines) in left_out {
            tracing::warn!(place, reason = cause, lines, "more lines like those before were left out");
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Numbers are right whoever panicked.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Layer<S> for LogSample {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > Level::INFO {
            return true;
        }
        let mut cause = Cause::default();
        event.record(&mut cause);
        let admission = self.counts().admit(now(), metadata.callsite(), metadata.target(), cause.0);
        if admission == Admission::FirstLeftOut {
            // Full: somebody has wished already.
            let _ = self.left_out.try_send(());
        }
        admission == Admission::Written
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "lines are written by the clock of the machine, in no node's time"
)]
fn now() -> Instant {
    Instant::now()
}

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admission {
    Written,
    /// Not written; and since the last report none was left out.
    FirstLeftOut,
    LeftOut,
}

/// Lines by kind.
#[derive(Default)]
struct Counts {
    kinds: HashMap<(Identifier, String), Count>,
    /// Whether anything was left out since the last report.
    is_owed: bool,
}

struct Count {
    place: &'static str,
    since: Instant,
    written: u32,
    left_out: u64,
}

impl Counts {
    fn admit(&mut self, now: Instant, callsite: Identifier, place: &'static str, cause: String) -> Admission {
        let key = (callsite, cause);
        let is_crowded = self.kinds.len() >= MAX_KINDS && !self.kinds.contains_key(&key);
        let key = if is_crowded { (key.0, String::new()) } else { key };
        let new = Count { place, since: now, written: 0, left_out: 0 };
        let count = self.kinds.entry(key).or_insert(new);
        if now.saturating_duration_since(count.since) >= WINDOW {
            (count.since, count.written) = (now, 0);
        }
        if count.written < MAX_LINES {
            count.written += 1;
            return Admission::Written;
        }
        count.left_out += 1;
        match std::mem::replace(&mut self.is_owed, true) {
            false => Admission::FirstLeftOut,
            true => Admission::LeftOut,
        }
    }

    fn take_left_out(&mut self) -> Vec<(&'static str, String, u64)> {
        self.is_owed = false;
        let mut taken = Vec::new();
        for ((_, cause), count) in &mut self.kinds {
            if count.left_out > 0 {
                taken.push((count.place, cause.clone(), std::mem::take(&mut count.left_out)));
            }
        }
        taken.sort();
        taken
    }
}

/// The `reason` of a line.
#[derive(Default)]
struct Cause(String);

impl Visit for Cause {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "reason" {
            value.clone_into(&mut self.0);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test helper may fail its test")]

    use super::*;
    use std::io::Write;
    use tracing_subscriber::EnvFilter;
    use tracing_subscriber::layer::SubscriberExt as _;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is written of these lines, and then of a report.
    fn written(level: &str, lines: impl FnOnce()) -> Vec<String> {
        let (sample, _wished) = LogSample::new();
        let written = Written::default();
        let writer = written.clone();
        let layer = tracing_subscriber::fmt::layer().without_time().with_ansi(false);
        let layer = layer.with_writer(move || writer.clone());
        let lines_of = tracing_subscriber::registry().with(EnvFilter::new(level)).with(sample.clone());
        tracing::subscriber::with_default(lines_of.with(layer), || {
            lines();
            sample.report();
            sample.report();
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn of_many_lines_of_a_kind_some_are_written_and_then_how_many_more_there_were() {
        let lines = written("info", || {
            for number in 0..1000 {
                tracing::info!(reason = "no hop is left", number, "refused");
                if number < 3 {
                    tracing::info!(reason = "another", number, "refused");
                }
                tracing::debug!("not asked for");
            }
        });
        let of = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
        assert_eq!((of("no hop is left"), of("another"), of("debug")), (21, 3, 0), "{lines:?}");
        let last = lines.last().unwrap();
        assert!(last.contains("lines=980") && last.contains("reason=\"no hop is left\""), "{last}");
    }

    #[test]
    fn what_is_asked_for_below_info_is_written_in_full() {
        let lines = written("debug", || (0..100).for_each(|number| tracing::debug!(number, "dropped")));
        assert_eq!(lines.len(), 100);
    }

    #[test]
    fn lines_are_counted_anew_in_each_window_and_kinds_have_a_bound() {
        let (mut counts, start) = (Counts::default(), Instant::now());
        tracing::subscriber::with_default(tracing_subscriber::registry(), || {
            let span = tracing::info_span!("place");
            let callsite = span.metadata().unwrap().callsite();
            let mut admit = |at_ms: u64, cause: &str| {
                let at = start + Duration::from_millis(at_ms);
                counts.admit(at, callsite.clone(), "place", cause.to_owned())
            };
            let mut burst = |at_ms| (0..30).filter(|_| admit(at_ms, "c") == Admission::Written).count();
            assert_eq!((burst(0), burst(999), burst(1000)), (20, 0, 20));
            for number in 0..5000 {
                admit(0, &number.to_string());
            }
        });
        assert!(counts.kinds.len() <= MAX_KINDS + 1, "{}", counts.kinds.len());
    }
}
