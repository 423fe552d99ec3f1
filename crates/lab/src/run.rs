//! The commands at work.

use crate::cli::{Arguments, Command, Network, Transport};
use crate::paste::Paste;
use ims_runtime::signals::{Signal, Signals};
use lab::bench::{self, Measurement};
use lab::{Configuration, Ended, Lab, LabError, Options, PLAYED, Performance, Staging, follow, moves, play};
use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

type Outcome = Result<ExitCode, Box<dyn Error + Send + Sync>>;

/// Users of a measurement of requests: each has a socket, and many systems give a process 1024.
const BUSY_USERS: u16 = 800;
/// Users of a measurement of memory.
const IDLE_USERS: u16 = 20_000;

/// In what form a network says how it is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    People,
    Json,
}

pub(crate) async fn run(arguments: Arguments) -> Outcome {
    let signals = Signals::listen()?;
    match arguments.command {
        Command::Up { network, json, exit_with_parent } => {
            let signals = if exit_with_parent { signals.with_parent()? } else { signals };
            let form = if json { Form::Json } else { Form::People };
            stay(network.options(), form, signals).await
        }
        Command::Figures { network, once, transport, proxies, figures } => {
            let mut show = Show { figures, transport, proxies, matched: true };
            let options = show.run(network, signals).await?;
            let Some((options, signals)) = options else { return Ok(ExitCode::SUCCESS) };
            if !once {
                stay(options, Form::People, signals).await?;
            }
            Ok(if show.matched { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Bench { config, users, rounds, memory } => {
            let users = users.unwrap_or(if memory { IDLE_USERS } else { BUSY_USERS });
            let measurement = Measurement { config, binaries: None, users, rounds };
            measure(&measurement, memory, signals).await
        }
    }
}

/// Ladders, one after the other.
struct Show {
    figures: Vec<String>,
    transport: Transport,
    proxies: bool,
    matched: bool,
}

impl Show {
    /// Shows them all, and hands back what the next network needs; nothing when a signal came.
    async fn run(
        &mut self,
        network: Network,
        mut signals: Signals,
    ) -> Result<Option<(Options, Signals)>, LabError> {
        let options = network.options();
        say("starting the network ...");
        let shown = tokio::select! {
            shown = self.show(Options { record: true, ..options.clone() }) => shown,
            () = asked_to_end(&mut signals) => return Ok(None),
        };
        shown.map(|()| Some((options, signals)))
    }

    /// One network after the other, for the figures of each configuration.
    async fn show(&mut self, options: Options) -> Result<(), LabError> {
        for configuration in [Configuration::Contribution, Configuration::Ts24141] {
            let names = self.names(configuration);
            if names.is_empty() {
                continue;
            }
            let theirs = configuration.overlay().map(|file| options.config.join(file));
            let overlay = options.overlay.clone().or(theirs);
            let lab = Lab::up(Options { overlay, ..options.clone() }).await?;
            let shown = self.show_in(&lab, &names).await;
            lab.down().await.and(shown)?;
        }
        Ok(())
    }

    fn names(&self, configuration: Configuration) -> Vec<&'static str> {
        let all = self.figures.is_empty();
        let wanted = |name: &&str| all || self.figures.iter().any(|wanted| wanted == name);
        let of_it = |name: &&str| Configuration::of(name) == configuration;
        PLAYED.into_iter().filter(wanted).filter(of_it).collect()
    }

    async fn show_in(&mut self, lab: &Lab, names: &[&str]) -> Result<(), LabError> {
        for access in self.transport.accesses().iter().copied() {
            for name in names {
                for moved in moves(name).iter().copied() {
                    let performance = play(lab, name, Staging { access, moved }).await?;
                    self.matched &= performance.is_as_drawn();
                    self.print(&performance);
                }
            }
        }
        if self.figures.is_empty() && names.contains(&"figure-7") {
            for access in self.transport.accesses().iter().copied() {
                say(&format!(
                    "\nalice of home1.test follows bob of home2.test over {access}, and both move\n"
                ));
                follow(lab, access, |step| say(&format!("  {step}"))).await?;
            }
        }
        Ok(())
    }

    fn print(&self, performance: &Performance) {
        let Performance { figure, staging, verdict, missed, .. } = performance;
        let brackets = if self.proxies { performance.proxies() } else { Vec::new() };
        let verdict = match verdict {
            Ok(()) if missed.is_empty() => "OK: as in the figure".to_owned(),
            Ok(()) => format!("DIFFERS: nothing passed {}", missed.join(" and ")),
            Err(difference) => format!("DIFFERS: {difference}"),
        };
        say(&format!("\n{figure} {staging}\n\n{}\n{verdict}", performance.ladder(brackets)));
    }
}

/// Brings a network up and keeps it until it is asked to end.
async fn stay(options: Options, form: Form, mut signals: Signals) -> Outcome {
    let config = options.config.clone();
    let mut lab = tokio::select! {
        lab = Lab::up(options) => lab?,
        () = asked_to_end(&mut signals) => return Ok(ExitCode::SUCCESS),
    };
    match form {
        Form::Json => say(&lab.json()),
        Form::People => say(&Paste::new(&lab, &config).to_string()),
    }
    loop {
        tokio::select! {
            () = asked_to_end(&mut signals) => break,
            Some(ended) = lab.ended() => complain(&ended, lab.directory()),
        }
    }
    lab.down().await?;
    Ok(ExitCode::SUCCESS)
}

/// Measures until it is done, or asked to end.
async fn measure(measurement: &Measurement, memory: bool, mut signals: Signals) -> Outcome {
    let measured = async {
        let (text, faultless) = if memory {
            let memory = bench::memory(measurement).await?;
            (memory.to_string(), memory.failures == 0)
        } else {
            say(bench::HEAD);
            let table = bench::bench(measurement, |row| say(&row.to_string())).await?;
            (table.to_string(), table.is_faultless())
        };
        say(&text);
        Ok(if faultless { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    };
    tokio::select! {
        outcome = measured => outcome,
        () = asked_to_end(&mut signals) => Ok(ExitCode::SUCCESS),
    }
}

async fn asked_to_end(signals: &mut Signals) {
    while signals.next().await != Signal::Drain {}
}

fn complain(ended: &Ended, directory: &Path) {
    let status = ended.status.map_or_else(String::new, |status| format!(" ({status})"));
    let log = directory.join("log").join(format!("{}.log", ended.name));
    eprintln!("lab: {} has ended{status}; its log is {}", ended.name, log.display());
}

/// At once, for whoever waits for it. Who does not read it does not want it.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
