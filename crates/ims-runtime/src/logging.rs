//! Log lines on standard error, by `tracing`.

use crate::log_sample::LogSample;
use std::io::IsTerminal;
use std::thread::Builder;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// What is logged when `RUST_LOG` does not say: our own events, and of the DNS library only what is wrong.
const DEFAULT_FILTER: &str =
    "info,hickory_server=warn,hickory_resolver=warn,hickory_net=warn,hickory_proto=warn";

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Sends log events to standard error from here on; a second call changes nothing.
///
/// `RUST_LOG` chooses what is logged, in `tracing`'s syntax; without it, or when it cannot be read, `info` and above.
pub fn init(format: LogFormat) {
    let (filter, complaint) = match std::env::var(EnvFilter::DEFAULT_ENV) {
        Err(_) => (EnvFilter::new(DEFAULT_FILTER), None),
        Ok(asked) => match EnvFilter::try_new(&asked) {
            Ok(filter) => (filter, None),
            Err(error) => (EnvFilter::new(DEFAULT_FILTER), Some(error)),
        },
    };
    let (sample, wished) = LogSample::new();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // A second subscriber is refused, which leaves the first in place as promised.
    let all = tracing_subscriber::registry().with(lines).with(filter).with(sample.clone());
    if all.try_init().is_ok() {
        let reporter = Builder::new().name("log-sample".to_owned());
        if let Err(error) = reporter.spawn(move || sample.reports(&wished)) {
            tracing::warn!(%error, "of log lines that are left out nothing will be said");
        }
    }
    if let Some(error) = complaint {
        tracing::warn!(%error, "RUST_LOG cannot be read, logging info and above");
    }
}
