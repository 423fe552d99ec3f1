//! The commands at work.

use crate::cli::{Arguments, Command, Network, Transport};
use crate::paste::Paste;
use ims_runtime::signals::{Signal, Signals};
use lab::{Ended, Lab, LabError, Options, PLAYED, Performance, play};
use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

type Outcome = Result<ExitCode, Box<dyn Error + Send + Sync>>;

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

    async fn show(&mut self, options: Options) -> Result<(), LabError> {
        let lab = Lab::up(options).await?;
        let shown = self.show_in(&lab).await;
        lab.down().await.and(shown)
    }

    async fn show_in(&mut self, lab: &Lab) -> Result<(), LabError> {
        let all = self.figures.is_empty();
        let names = PLAYED.into_iter().filter(|name| all || self.figures.iter().any(|wanted| wanted == name));
        for name in names.collect::<Vec<_>>() {
            for access in self.transport.accesses() {
                let performance = play(lab, name, *access).await?;
                self.matched &= performance.verdict.is_ok();
                self.print(&performance);
            }
        }
        Ok(())
    }

    fn print(&self, performance: &Performance) {
        let Performance { figure, access, verdict, .. } = performance;
        let brackets = if self.proxies { performance.proxies() } else { Vec::new() };
        let verdict = match verdict {
            Ok(()) => "OK: as in the figure".to_owned(),
            Err(difference) => format!("DIFFERS: {difference}"),
        };
        say(&format!("\n{figure} over {access}\n\n{}\n{verdict}", performance.ladder(brackets)));
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
