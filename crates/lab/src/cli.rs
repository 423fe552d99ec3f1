//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use lab::bench::{MAX_ROUNDS, MAX_USERS};
use lab::{Access, Options, PLAYED, ShortMessages};
use regex_lite::Regex;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 failed, a figure does not match or a request of `bench` went wrong, 64 wrong command line.
The other binaries must stand beside this one: `cargo build --bins` makes them all.
INT and TERM end the network within 6 seconds; it leaves no process and no file.";

/// Networks out of the real binaries on loopback, each in a 127.x.y.0/24 of its own, and the contribution's figures in them
#[derive(Debug, Parser)]
#[command(name = "lab", version, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring a network up, say how it is reached, and keep it until Ctrl-C
    Up {
        #[command(flatten)]
        network: Network,
        /// Say how it is reached in one line of JSON, for tools
        #[arg(long)]
        json: bool,
        /// End also when standard input, a pipe, is closed
        #[arg(long)]
        exit_with_parent: bool,
    },
    /// Bring figures about, print what crossed the sockets as ladders and compare; let alice follow bob while both move;
    /// then as `up`
    Figures {
        #[command(flatten)]
        network: Network,
        /// End after the ladders
        #[arg(long)]
        once: bool,
        /// How the UEs are connected
        #[arg(long, value_enum, default_value_t = Transport::Udp)]
        transport: Transport,
        /// Show the presence proxies of figure 4 in the ladders
        #[arg(long)]
        proxies: bool,
        /// Which; all that can be and alice following bob, if none is named
        #[arg(value_name = "FIGURE", value_parser = PLAYED)]
        figures: Vec<String>,
    },
    /// Let a phone without SIP write to the gateway of a running `lab up --sms`, which prints what it is answered
    Sms {
        /// The directory of the lab; without it the lab that was started last
        #[arg(long, value_name = "DIR")]
        directory: Option<PathBuf>,
        /// The phone's number, such as +15550106, which is frank's
        #[arg(allow_hyphen_values = true)]
        from: String,
        /// What it writes, such as: busy 2h in a meeting
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        text: Vec<String>,
    },
    /// Measure what requests cost the nodes of home1.test, how long they take and what is kept of them, a row each; or what
    /// registrations take of the nodes' memory
    Bench {
        /// Directory with the files of the nodes
        #[arg(long, value_name = "DIR", default_value = "config")]
        config: PathBuf,
        /// Users; 800 unless said otherwise, with --memory 20000
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_USERS)))]
        users: Option<u16>,
        /// How often each user does the same, 10 at most: a presence server keeps ten publications of one
        #[arg(long, value_name = "N", default_value_t = MAX_ROUNDS,
            value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_ROUNDS)))]
        rounds: u16,
        /// Register every user once, and say what the nodes' memory has become
        #[arg(long)]
        memory: bool,
        /// Only rows whose name this regular expression is found in, such as 'tcp|fan-out'; the names stand in front of the rows
        #[arg(long, value_name = "PATTERN", value_parser = Regex::new, conflicts_with = "memory")]
        rows: Option<Regex>,
        /// Keep the figures in this file, as JSON
        #[arg(long, value_name = "FILE", conflicts_with = "memory")]
        save: Option<PathBuf>,
        /// Say each figure as a multiple of the one that --save has kept in this file
        #[arg(long, value_name = "FILE", conflicts_with = "memory")]
        against: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Network {
    /// Directory with the files of the nodes
    #[arg(long, value_name = "DIR", default_value = "config")]
    config: PathBuf,
    /// Domains whose nodes are started
    #[arg(long, value_name = "DOMAIN,...", value_delimiter = ',', default_value = "home1,home2")]
    domains: Vec<String>,
    /// Directory with files of settings that go over those of the nodes, such as config/ts24141 or config/udp; may be given several
    /// times, the later ones go over the earlier
    #[arg(long = "overlay", value_name = "DIR")]
    overlays: Vec<PathBuf>,
    /// Where state, sockets and logs are kept and stay; the next network there has them again
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// With an SMS gateway and an SMS-C: `lab sms` writes, and what is answered is printed
    #[arg(long)]
    sms: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Transport {
    Udp,
    Tcp,
    Both,
}

impl Transport {
    pub(crate) const fn accesses(self) -> &'static [Access] {
        match self {
            Self::Udp => &[Access::Udp],
            Self::Tcp => &[Access::Tcp],
            Self::Both => &[Access::Udp, Access::Tcp],
        }
    }
}

impl Network {
    pub(crate) fn options(self) -> Options {
        // `home1` is short for `home1.test`.
        let whole = |name: String| if name.contains('.') { name } else { format!("{name}.test") };
        Options {
            domains: self.domains.into_iter().map(|name| whole(name).into()).collect(),
            directory: self.state,
            overlays: self.overlays,
            messages: if self.sms { ShortMessages::Lab } else { ShortMessages::None },
            ..Options::new(&self.config)
        }
    }
}
