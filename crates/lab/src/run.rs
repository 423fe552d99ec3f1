//! The commands at work.

use crate::cli::{Arguments, Command, Network, Transport};
use crate::paste::Paste;
use crate::progress::{BAD, GOOD, Progress, say};
use ims_runtime::ctl::{self, CtlAnswer};
use ims_runtime::signals::{Signal, Signals};
use lab::bench::{self, Measurement, Saved};
use lab::{
    Configuration, Ended, Lab, LabError, Options, PLAYED, Performance, Received, ShortMessages, Staging,
    follow, moves, phones, play,
};
use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
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
            let mut show = Show::new(figures, transport, proxies);
            let options = show.run(network, signals).await?;
            let Some((options, signals)) = options else { return Ok(ExitCode::SUCCESS) };
            if !once {
                stay(options, Form::People, signals).await?;
            }
            Ok(if show.matched { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Sms { directory, from, text } => {
            let words: Vec<String> = std::iter::once(from).chain(text).collect();
            let socket = phones::socket(directory.as_deref())?;
            match ctl::ask(&socket, ctl::Form::Text, &words).await? {
                CtlAnswer::Done(told) => {
                    say(&told);
                    Ok(ExitCode::SUCCESS)
                }
                CtlAnswer::Refused(why) => Err(why.into()),
            }
        }
        Command::Bench { config, users, rounds, memory, rows, save, against } => {
            let users = users.unwrap_or(if memory { IDLE_USERS } else { BUSY_USERS });
            let wanted = Box::new(move |name: &str| rows.as_ref().is_none_or(|rows| rows.is_match(name)));
            let measurement = Measurement { config, binaries: None, users, rounds, wanted };
            if memory {
                measure_memory(&measurement, signals).await
            } else {
                measure(&measurement, save, against, signals).await
            }
        }
    }
}

/// Ladders, one after the other.
struct Show {
    figures: Vec<String>,
    transport: Transport,
    proxies: bool,
    matched: bool,
    progress: Progress,
}

impl Show {
    fn new(figures: Vec<String>, transport: Transport, proxies: bool) -> Self {
        let ladders: usize = wanted(&figures).map(|name| moves(name).len()).sum();
        let followed = usize::from(figures.is_empty());
        let progress = Progress::of((ladders + followed) * transport.accesses().len(), "figures");
        Self { figures, transport, proxies, matched: true, progress }
    }

    /// Shows them all, and hands back what the next network needs; nothing when a signal came.
    async fn run(
        &mut self,
        network: Network,
        mut signals: Signals,
    ) -> Result<Option<(Options, Signals)>, LabError> {
        let options = Options { messages: ShortMessages::Lab, ..network.options() };
        self.progress.say("starting the network ...");
        self.progress.goes_on_with("the network starts");
        let shown = tokio::select! {
            shown = self.show(Options { record: true, ..options.clone() }) => shown,
            () = asked_to_end(&mut signals) => return Ok(None),
        };
        self.progress.ends();
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
            let overlays = theirs.into_iter().chain(options.overlays.iter().cloned()).collect();
            let lab = Lab::up(Options { overlays, ..options.clone() }).await?;
            let shown = self.show_in(&lab, &names).await;
            lab.down().await.and(shown)?;
        }
        Ok(())
    }

    fn names(&self, configuration: Configuration) -> Vec<&'static str> {
        wanted(&self.figures).filter(|name| Configuration::of(name) == configuration).collect()
    }

    async fn show_in(&mut self, lab: &Lab, names: &[&str]) -> Result<(), LabError> {
        for access in self.transport.accesses().iter().copied() {
            for name in names {
                for moved in moves(name).iter().copied() {
                    self.progress.goes_on_with(name);
                    let performance = play(lab, name, Staging { access, moved }).await?;
                    self.matched &= performance.is_as_drawn();
                    self.print(&performance);
                    self.progress.has_done_one();
                }
            }
        }
        if self.figures.is_empty() && names.contains(&"figure-7") {
            for access in self.transport.accesses().iter().copied() {
                let what =
                    format!("alice of home1.test follows bob of home2.test over {access}, and both move");
                self.progress.say(&format!("\n{what}\n"));
                self.progress.goes_on_with("alice follows bob");
                follow(lab, access, |step| self.progress.say(&format!("  {step}"))).await?;
                self.progress.has_done_one();
            }
        }
        Ok(())
    }

    fn print(&self, performance: &Performance) {
        let Performance { figure, staging, verdict, missed, .. } = performance;
        let brackets = if self.proxies { performance.proxies() } else { Vec::new() };
        let verdict = match verdict {
            Ok(()) if missed.is_empty() => format!("{GOOD}OK{GOOD:#}: as in the figure"),
            Ok(()) => format!("{BAD}DIFFERS{BAD:#}: nothing passed {}", missed.join(" and ")),
            Err(difference) => format!("{BAD}DIFFERS{BAD:#}: {difference}"),
        };
        self.progress.say(&format!("\n{figure} {staging}\n\n{}\n{verdict}", performance.ladder(brackets)));
    }
}

/// The figures that are asked for; all that can be played, if none is.
fn wanted(figures: &[String]) -> impl Iterator<Item = &'static str> {
    PLAYED.into_iter().filter(|name| figures.is_empty() || figures.iter().any(|wanted| wanted == name))
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
    let (mut phones, smsc) = (phones::phones(&lab).await?, lab.smsc().cloned());
    loop {
        tokio::select! {
            () = asked_to_end(&mut signals) => break,
            Some(ended) = lab.ended() => complain(&ended, lab.directory()),
            Some(request) = phones.next() => drop(tokio::spawn(phones::write(smsc.clone(), request))),
            Received { to, text } = phones::next(smsc.as_deref()) => say(&format!("to {to}: {text}")),
        }
    }
    lab.down().await?;
    Ok(ExitCode::SUCCESS)
}

/// Measures requests until it is done, or asked to end; keeps the figures, and compares them with others.
async fn measure(
    measurement: &Measurement,
    save: Option<PathBuf>,
    against: Option<PathBuf>,
    mut signals: Signals,
) -> Outcome {
    // What cannot be read is said before anything is measured.
    let before = against.as_deref().map(Saved::read).transpose()?;
    let rows = measurement.rows();
    if rows.is_empty() {
        return Err("no row has such a name; `lab bench` alone measures, and names, them all".into());
    }
    if let Some(file) = &save {
        // Nobody waits for figures that cannot be kept.
        let opened = File::options().create(true).append(true).open(file);
        opened.map_err(|error| LabError::File(file.clone(), error))?;
    }
    let floor = bench::floor().await?;
    say(&floor.to_string());
    let progress = Progress::of(rows.len(), "measuring");
    let mut next = rows.into_iter();
    progress.goes_on_with(&next.next().unwrap_or_default());
    let measured = bench::bench(measurement, floor, |line| {
        progress.say(&line.to_string());
        progress.has_done_one();
        progress.goes_on_with(&next.next().unwrap_or_default());
    });
    let table = tokio::select! {
        table = measured => table?,
        () = asked_to_end(&mut signals) => return Ok(ExitCode::SUCCESS),
    };
    progress.ends();
    say(&table.to_string());
    let now = Saved::of(&table);
    if let Some(file) = save {
        now.write(&file)?;
    }
    let comparison = before.map(|before| before.against(&now));
    if let Some(comparison) = &comparison {
        say(&comparison.to_string());
    }
    let says_something = comparison.is_none_or(|comparison| comparison.says_something());
    Ok(if table.is_faultless() && says_something { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Measures memory until it is done, or asked to end.
async fn measure_memory(measurement: &Measurement, mut signals: Signals) -> Outcome {
    let progress = Progress::of(1, "measuring");
    progress.goes_on_with("the memory of registrations");
    let memory = tokio::select! {
        memory = bench::memory(measurement) => memory?,
        () = asked_to_end(&mut signals) => return Ok(ExitCode::SUCCESS),
    };
    progress.ends();
    say(&memory.to_string());
    Ok(if memory.failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn asked_to_end(signals: &mut Signals) {
    while signals.next().await != Signal::Drain {}
}

fn complain(ended: &Ended, directory: &Path) {
    let status = ended.status.map_or_else(String::new, |status| format!(" ({status})"));
    let log = directory.join("log").join(format!("{}.log", ended.name));
    eprintln!("lab: {} has ended{status}; its log is {}", ended.name, log.display());
}
