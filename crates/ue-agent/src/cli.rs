//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use ims_runtime::logging::LogFormat;
use std::net::SocketAddr;
use std::path::PathBuf;
use ue_agent::{Form, Goal};

const ABOUT: &str = "\
IMS user agent: registers with its home network through a P-CSCF, watches presentities, publishes its own presence.
What happens is told on standard output, a line each.";

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 failed (and says why), 64 wrong command line or configuration.
Signals: INT and TERM end subscriptions, presence and registration, within 4 seconds; a second one ends at once.
Logs go to standard error; RUST_LOG chooses what is logged, for example RUST_LOG=debug.

`run` takes commands as long as it runs. `move pcscf1b`, for example, registers through that P-CSCF (HOST[:PORT][;transport=tcp];
a name needs --dns, one without dots is of the home domain). The instance stays, and with it the public GRUU; the old
dialogs are listened to until the new ones are active.

Example: ue-agent --user alice@home1.test --password alice-secret --pcscf 127.0.10.11:5060 watch carol@home1.test";

/// The arguments; a file may give all but the command, and what stands here goes before it.
#[derive(Debug, Parser)]
#[command(name = "ue-agent", version, about = ABOUT, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) who: Who,
    /// One JSON object a line instead of text for people
    #[arg(long, global = true)]
    json: bool,
    /// Show every presence document as it came
    #[arg(long, global = true)]
    raw: bool,
    /// Form of the log lines on standard error
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Who, and by which way.
#[derive(Debug, Args)]
pub(crate) struct Who {
    /// Settings and accounts, a TOML file with the same names
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Public identity, or an account of the file by its name alone; with one account in the file, that one
    #[arg(long, value_name = "NAME@DOMAIN")]
    pub(crate) user: Option<String>,
    /// Password; others on this machine can see it in the list of processes
    #[arg(long, conflicts_with = "password_file")]
    pub(crate) password: Option<String>,
    /// File whose first line is the password
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Private identity, where it is not NAME@DOMAIN
    #[arg(long)]
    pub(crate) impi: Option<String>,
    /// First hop: address, or name with --dns
    #[arg(long, value_name = "HOST[:PORT][;transport=tcp]")]
    pub(crate) pcscf: Option<String>,
    /// Own address; without a port 5060 if it is free, otherwise the address that leads to the P-CSCF and any free port
    #[arg(long, value_name = "IP[:PORT]")]
    pub(crate) bind: Option<String>,
    /// Name server that knows the P-CSCF
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) dns: Option<SocketAddr>,
    /// URN of this device; otherwise made from user and own address
    #[arg(long, value_name = "URN")]
    pub(crate) instance: Option<String>,
    /// Registration interval to ask for, in seconds
    #[arg(long = "expires", value_name = "SECONDS")]
    pub(crate) registration_s: Option<u32>,
    /// After a move (another P-CSCF, connection or S-CSCF), leave old subscriptions as they are for so long
    #[arg(long = "resubscribe-after", value_name = "SECONDS")]
    pub(crate) resubscribe_after_s: Option<u32>,
    /// Ping the P-CSCF at least so often, 0 never; otherwise every 120 s over TCP, every 29 s over UDP
    #[arg(long = "keepalive", value_name = "SECONDS")]
    pub(crate) keepalive_s: Option<u32>,
    /// Append every message to this file, for ladders and capture files
    #[arg(long, value_name = "FILE")]
    pub(crate) recording: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Take commands from standard input, one a line; `help` lists them, and `wait SECONDS` waits
    Run {
        /// Take them from this file instead
        #[arg(long, value_name = "FILE")]
        script: Option<PathBuf>,
    },
    /// Register, and stay so until a signal comes
    Register {
        /// Leave the registration to expire instead of ending it
        #[arg(long)]
        stay: bool,
    },
    /// Subscribe to presence, and tell of every NOTIFY until a signal comes
    Watch {
        /// Whose
        #[arg(required = true, value_name = "URI")]
        uris: Vec<String>,
        /// End after so long
        #[arg(long = "for", value_name = "SECONDS")]
        seconds: Option<u32>,
        /// End after so many NOTIFYs
        #[arg(long)]
        count: Option<u32>,
    },
    /// Ask for presence once
    Fetch {
        /// Whose
        uri: String,
    },
    /// Publish own presence, and keep it published until a signal comes
    Publish {
        /// Whether one can be reached
        basic: Basic,
        /// A comment
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        /// What one is doing, by its name in RFC 4480: away, busy, meeting, on-the-phone, ...
        #[arg(long, value_name = "NAME")]
        activity: Option<String>,
        /// End when it is published, and leave it to expire
        #[arg(long)]
        once: bool,
    },
    /// Send a text
    Message {
        /// To whom
        uri: String,
        /// What
        text: String,
    },
    /// Ask the P-CSCF whether it is there
    Options,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Basic {
    Open,
    Closed,
}

impl Arguments {
    pub(crate) const fn form(&self) -> Form {
        match (self.json, self.raw) {
            (false, false) => Form::Human,
            (false, true) => Form::HumanRaw,
            (true, false) => Form::Json,
            (true, true) => Form::JsonRaw,
        }
    }
}

impl Command {
    /// What the process is for, and with how many subscriptions.
    pub(crate) const fn goal(&self) -> (Goal, usize) {
        match self {
            Self::Run { .. } => (Goal::Run, 0),
            Self::Register { stay: false } => (Goal::Register, 0),
            Self::Register { stay: true } => (Goal::RegisterForGood, 0),
            Self::Watch { uris, count, .. } => (Goal::Watch(*count), uris.len()),
            Self::Fetch { .. } => (Goal::Fetch, 1),
            Self::Publish { once: false, .. } => (Goal::Publish, 0),
            Self::Publish { once: true, .. } => (Goal::PublishOnce, 0),
            Self::Message { .. } | Self::Options => (Goal::Answer, 0),
        }
    }

    /// Whether commands come from standard input.
    pub(crate) const fn is_typed(&self) -> bool {
        matches!(self, Self::Run { script: None })
    }

    /// The agent's words for it; none for what comes from standard input.
    pub(crate) fn words(&self) -> Vec<&str> {
        match self {
            Self::Run { .. } => Vec::new(),
            Self::Register { .. } => vec!["register"],
            Self::Watch { uris, .. } => {
                ["watch"].into_iter().chain(uris.iter().map(String::as_str)).collect()
            }
            Self::Fetch { uri } => vec!["fetch", uri],
            Self::Publish { basic, note, activity, .. } => {
                let basic = match basic {
                    Basic::Open => "open",
                    Basic::Closed => "closed",
                };
                let activity = activity.iter().flat_map(|name| ["--activity", name]);
                ["publish", basic].into_iter().chain(activity).chain(note.as_deref()).collect()
            }
            Self::Message { uri, text } => vec!["message", uri, text],
            Self::Options => vec!["options"],
        }
    }

    /// After how long it ends by itself, in seconds.
    pub(crate) const fn seconds(&self) -> Option<u32> {
        match self {
            Self::Watch { seconds, .. } => *seconds,
            Self::Run { .. }
            | Self::Register { .. }
            | Self::Fetch { .. }
            | Self::Publish { .. }
            | Self::Message { .. }
            | Self::Options => None,
        }
    }
}
