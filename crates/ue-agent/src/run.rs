//! The agent at work: sockets, standard input, signals, and a line for everything that happens.

use crate::cli::Command;
use crate::config::Setup;
use crate::place::{self, NoWay};
use ims_node::{Listener, Settings as NodeSettings, Side};
use ims_runtime::node::{Endpoint, NodeError, wall};
use ims_runtime::signals::{Signal, Signals};
use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::mpsc;
use ue_agent::{Ending, Farewell, Form, Instance, Pcscf, Report, Session, Settings, UeAgent, line};

/// Lines of standard input that wait.
const LINES: usize = 16;

/// How often a name that does not resolve is asked for again, in seconds: first and at last.
const RESOLVE_WAIT_S: (u64, u64) = (1, 30);

/// Does what the command line says, and gives the exit code.
pub(crate) fn run(setup: &Setup, command: &Command) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.to_string()),
    };
    match runtime.block_on(serve(setup, command)) {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::Failed) => ExitCode::FAILURE,
        Err(error) => failed(&error.to_string()),
    }
}

fn failed(why: &str) -> ExitCode {
    eprintln!("ue-agent: {why}");
    ExitCode::FAILURE
}

/// A command at work.
struct Process {
    endpoint: Endpoint<UeAgent>,
    session: Session,
    form: Form,
    /// How it ended, once it is leaving.
    ending: Option<Ending>,
}

async fn serve(setup: &Setup, command: &Command) -> Result<Ending, NodeError> {
    let mut signals = Signals::listen().map_err(NodeError::Socket)?;
    let Some(pcscf) = reach(setup, &mut signals).await else { return Ok(Ending::Done) };
    let (goal, subscriptions) = command.goal();
    let mut process = Process {
        endpoint: open(setup, pcscf)?,
        session: Session::new(goal, subscriptions),
        form: setup.form,
        ending: None,
    };
    let words = command.words();
    let mut lines = if words.is_empty() { Some(standard_input()) } else { None };
    process.obey(&words);
    let end = async {
        match command.seconds() {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds.into())).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(end);
    let mut at_end = false;
    while !process.is_over() {
        tokio::select! {
            () = process.endpoint.work() => {}
            line = next_line(&mut lines) => match line {
                Some(line) => process.obey(&line.split_whitespace().collect::<Vec<_>>()),
                None => {
                    lines = None;
                    process.leave(Ending::Done);
                }
            },
            signal = signals.next() => match signal {
                Signal::Drain if process.ending.is_some() => break,
                Signal::Drain => process.leave(Ending::Done),
                Signal::Reload => {}
            },
            () = &mut end, if !at_end => {
                at_end = true;
                process.leave(Ending::Done);
            }
        }
        process.tell();
    }
    process.endpoint.close().await;
    Ok(process.ending.unwrap_or(Ending::Done))
}

impl Process {
    fn obey(&mut self, words: &[&str]) {
        if words.is_empty() {
            return;
        }
        match self.endpoint.ask(|now, agent, fx| agent.on_words(now, words, fx)) {
            Ok(answer) if answer.is_empty() => {}
            Ok(answer) => put(&answer),
            Err(why) => {
                self.print(&Report::Error { what: why.into() });
                if self.session.is_for_one_command() {
                    self.leave(Ending::Failed);
                }
            }
        }
        self.tell();
    }

    /// Begins to leave; the first reason counts.
    fn leave(&mut self, ending: Ending) {
        if self.ending.is_none() {
            self.ending = Some(ending);
            let farewell: Farewell = self.session.farewell();
            self.endpoint.ask(|now, agent, fx| agent.leave(now, farewell, fx));
        }
    }

    fn is_over(&self) -> bool {
        self.endpoint.role().is_gone()
    }

    /// Prints what has happened, and leaves when the command is done.
    fn tell(&mut self) {
        while let Some(report) = self.endpoint.ask(|_, agent, _| agent.poll_report()) {
            self.print(&report);
            self.session.on_report(&report);
            if let Some(ending) = self.session.ending() {
                self.leave(ending);
            }
        }
    }

    fn print(&self, report: &Report) {
        put(&line(self.form, self.endpoint.now().wall, report));
    }
}

/// One line, at once. Whoever listened may have gone.
fn put(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// The P-CSCF's address, asked for until there is one; `None` when a signal comes first.
async fn reach(setup: &Setup, signals: &mut Signals) -> Option<Pcscf> {
    let (mut wait, longest) = RESOLVE_WAIT_S;
    loop {
        let why: NoWay = match place::locate(&setup.pcscf, setup.dns).await {
            Ok(pcscf) => return Some(pcscf),
            Err(why) => why,
        };
        let uri = setup.account.impu().as_str().into();
        let reason = why.to_string().into();
        let report = Report::RegisterFailed { uri, status: None, reason, retry_s: Some(wait) };
        put(&line(setup.form, wall(), &report));
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(wait)) => {}
            Signal::Drain = signals.next() => return None,
        }
        wait = (wait * 2).min(longest);
    }
}

fn open(setup: &Setup, pcscf: Pcscf) -> Result<Endpoint<UeAgent>, NodeError> {
    let local = place::own_address(setup.bind, pcscf.address).map_err(NodeError::Socket)?;
    // Two agents of one user are two devices; one that comes back to its address is the same.
    let derived = || Instance::derived(setup.account.impu().as_str(), &local.to_string());
    let instance = setup.instance.clone().unwrap_or_else(derived);
    let mut settings = Settings::new(setup.account.clone(), pcscf, local, instance);
    let intervals = [
        (setup.registration_s, &mut settings.registration_s),
        (setup.subscription_s, &mut settings.subscription_s),
        (setup.publication_s, &mut settings.publication_s),
    ];
    for (wanted, setting) in intervals {
        *setting = wanted.unwrap_or(*setting);
    }
    let name = setup.account.impu().user().unwrap_or_default().to_owned();
    let node = NodeSettings::new(&name, vec![Listener { address: local, side: Side::Network }], Vec::new());
    Endpoint::open(node, UeAgent::new(settings), setup.recording.as_deref())
}

/// A thread, because reading standard input cannot be given up; it ends with the process.
fn standard_input() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(LINES);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

async fn next_line(lines: &mut Option<mpsc::Receiver<String>>) -> Option<String> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}
