//! The agent at work: sockets, standard input, signals, and a line for everything that happens.

use crate::cli::Command as CommandLine;
use crate::config::{PcscfName, Setup};
use crate::console::Console;
use crate::place::{self, NoWay};
use ims_node::{Listener, NodeSettings, Side};
use ims_runtime::node::{Endpoint, NodeError, wall};
use ims_runtime::signals::{Signal, Signals};
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::mpsc;
use ue_agent::{
    Ask, Command, Ending, Form, HELP, Instance, Pcscf, Report, Session, UeAgent, UeAgentSettings, line,
};

/// Lines of standard input that wait.
const LINES: usize = 16;

/// The wait before a name that does not resolve is asked for again, in seconds; it doubles each time ...
const FIRST_RESOLVE_WAIT_S: u64 = 1;

/// ... up to this one.
const LONGEST_RESOLVE_WAIT_S: u64 = 30;

/// Does what the command line says, and gives the exit code.
pub(crate) fn run(setup: &Setup, command: &CommandLine) -> ExitCode {
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

/// Why there was no beginning.
#[derive(Debug)]
enum Failed {
    Node(NodeError),
    Script(PathBuf, io::Error),
}

impl From<NodeError> for Failed {
    fn from(error: NodeError) -> Self {
        Self::Node(error)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(error) => error.fmt(f),
            Self::Script(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

/// A command at work.
struct Process {
    endpoint: Endpoint<UeAgent>,
    session: Session,
    form: Form,
    console: Console,
    /// How it ended, once it is leaving.
    ending: Option<Ending>,
    names: Names,
}

/// Who knows names.
struct Names {
    dns: Option<SocketAddr>,
    domain: Box<str>,
    /// Commands whose names have become addresses, or why not.
    resolved: mpsc::Sender<Result<String, NoWay>>,
}

async fn serve(setup: &Setup, command: &CommandLine) -> Result<Ending, Failed> {
    let mut signals = Signals::listen().map_err(NodeError::System)?;
    let Some(pcscf) = reach(setup, &mut signals).await else { return Ok(Ending::Done) };
    let via = pcscf.address;
    let (goal, subscriptions) = command.goal();
    let (resolved, mut moves) = mpsc::channel(LINES);
    let is_read_by_people = matches!(setup.form, Form::Human | Form::HumanRaw);
    let mut process = Process {
        endpoint: open(setup, pcscf)?,
        session: Session::new(goal, subscriptions),
        form: setup.form,
        console: Console::new(command.is_typed() && is_read_by_people),
        ending: None,
        names: Names { dns: setup.dns, domain: setup.account.domain().into(), resolved },
    };
    let mut lines = commands(command)?;
    process.obey(&command.words());
    process.greet(setup, via);
    let mut end = pin!(end_of(command));
    let mut at_end = false;
    while !process.is_over() {
        tokio::select! {
            () = process.endpoint.work() => {}
            Some(line) = moves.recv() => process.on_resolved(line),
            line = next_line(&mut lines) => match line {
                Some(line) => process.on_line(&line),
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
        process.prompt();
    }
    process.endpoint.close().await;
    Ok(process.ending.unwrap_or(Ending::Done))
}

/// When a command that lasts for so long is over.
async fn end_of(command: &CommandLine) {
    match command.seconds() {
        Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds.into())).await,
        None => std::future::pending().await,
    }
}

impl Process {
    /// A command of standard input. The agent knows no names: where one stands, DNS is asked first.
    fn on_line(&mut self, line: &str) {
        self.console.typed();
        let words: Vec<&str> = line.split_whitespace().collect();
        let called = match words.as_slice() {
            ["move", text] => PcscfName::called(text, &self.names.domain),
            _ => None,
        };
        let Some(name) = called else { return self.obey(&words) };
        let (dns, resolved) = (self.names.dns, self.names.resolved.clone());
        tokio::spawn(async move {
            // A process that has ended moves nowhere.
            let _ = resolved.send(place::move_line(name, dns).await).await;
        });
    }

    fn on_resolved(&mut self, line: Result<String, NoWay>) {
        match line {
            Ok(line) => self.obey(&line.split_whitespace().collect::<Vec<_>>()),
            Err(why) => self.print(&Report::Error { what: why.to_string().into() }),
        }
    }

    fn obey(&mut self, words: &[&str]) {
        match words {
            [] => return,
            ["help"] => self.console.put(HELP),
            words => match Command::parse(words) {
                Ok(command) => {
                    let told = self.endpoint.ask(Ask::Do(command));
                    if let Some(Err(why)) = told {
                        self.not_done(&why);
                    }
                }
                Err(bad) => self.not_done(&bad),
            },
        }
        self.tell();
    }

    fn not_done(&mut self, why: &impl fmt::Display) {
        self.print(&Report::Error { what: why.to_string().into() });
        if self.session.is_for_one_command() {
            self.leave(Ending::Failed);
        }
    }

    /// Begins to leave; the first reason counts.
    fn leave(&mut self, ending: Ending) {
        if self.ending.is_none() {
            self.ending = Some(ending);
            // Who leaves already leaves.
            let _ = self.endpoint.ask(Ask::Leave(self.session.farewell()));
        }
    }

    /// Whoever types is told how to go on, and need not ask to be registered.
    fn greet(&mut self, setup: &Setup, via: SocketAddr) {
        if !self.console.is_typed() {
            return;
        }
        let user = setup.account.impu();
        self.console.put(&format!("This is {user}, through {via}. `help` lists the commands, `quit` ends."));
        self.obey(&["register"]);
        self.console.prompt();
    }

    fn prompt(&mut self) {
        if self.ending.is_none() && !self.is_over() {
            self.console.prompt();
        }
    }

    fn is_over(&self) -> bool {
        self.endpoint.role().is_gone()
    }

    /// Prints what has happened, and leaves when the command is done.
    fn tell(&mut self) {
        while let Some(report) = self.endpoint.role_mut().poll_report() {
            self.print(&report);
            self.session.on_report(&report);
            if let Some(ending) = self.session.ending() {
                self.leave(ending);
            }
        }
    }

    fn print(&mut self, report: &Report) {
        self.console.put(&line(self.form, self.endpoint.now().wall, report));
    }
}

/// The P-CSCF's address, asked for until there is one; `None` when a signal comes first.
async fn reach(setup: &Setup, signals: &mut Signals) -> Option<Pcscf> {
    let mut wait = FIRST_RESOLVE_WAIT_S;
    loop {
        let why: NoWay = match place::locate(&setup.pcscf, setup.dns).await {
            Ok(pcscf) => return Some(pcscf),
            Err(why) => why,
        };
        let uri = setup.account.impu().as_str().into();
        let reason = why.to_string().into();
        let report = Report::RegisterFailed { uri, status: None, reason, retry_s: Some(wait) };
        Console::new(false).put(&line(setup.form, wall(), &report));
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(wait)) => {}
            Signal::Drain = signals.next() => return None,
        }
        wait = (wait * 2).min(LONGEST_RESOLVE_WAIT_S);
    }
}

fn open(setup: &Setup, pcscf: Pcscf) -> Result<Endpoint<UeAgent>, NodeError> {
    let local = place::own_address(setup.bind, pcscf.address).map_err(|error| match setup.bind.ip {
        Some(ip) => NodeError::Socket(SocketAddr::new(ip, setup.bind.port.unwrap_or(0)), error),
        None => {
            NodeError::System(io::Error::new(error.kind(), format!("no way to {}: {error}", pcscf.address)))
        }
    })?;
    // Two agents of one user are two devices; one that comes back to its address is the same.
    let derived = || Instance::derived(setup.account.impu().as_str(), &local.to_string());
    let instance = setup.instance.clone().unwrap_or_else(derived);
    let mut settings = UeAgentSettings::new(setup.account.clone(), pcscf, local, instance);
    let intervals = [
        (setup.registration_s, &mut settings.registration_s),
        (setup.subscription_s, &mut settings.subscription_s),
        (setup.publication_s, &mut settings.publication_s),
    ];
    for (wanted, setting) in intervals {
        *setting = wanted.unwrap_or(*setting);
    }
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    settings.resubscribe_after = setup.resubscribe_after_s.map_or(Duration::ZERO, seconds);
    settings.keepalive = setup.keepalive_s.map(seconds);
    settings.subscribe_reg = setup.subscribe_reg;
    let name = setup.account.impu().user().unwrap_or_default().to_owned();
    let node = NodeSettings::new(&name, vec![Listener { address: local, side: Side::Network }], Vec::new());
    Endpoint::open(node, UeAgent::new(settings), setup.recording.as_deref())
}

/// The lines of a script, or of standard input, each in its time; none for a command that takes none.
fn commands(command: &CommandLine) -> Result<Option<mpsc::Receiver<String>>, Failed> {
    let CommandLine::Run { script } = command else { return Ok(None) };
    let (sender, lines) = mpsc::channel(LINES);
    match script {
        Some(path) => {
            let file = File::open(path).map_err(|error| Failed::Script(path.clone(), error))?;
            std::thread::spawn(move || pass_on(BufReader::new(file), &sender));
        }
        None => {
            std::thread::spawn(move || pass_on(io::stdin().lock(), &sender));
        }
    }
    Ok(Some(lines))
}

/// Has a thread to itself, because reading standard input cannot be given up; it ends with the process.
fn pass_on(source: impl BufRead, sender: &mpsc::Sender<String>) {
    for line in source.lines() {
        let Ok(line) = line else { return };
        let seconds = line.strip_prefix("wait ").and_then(|seconds| seconds.trim().parse().ok());
        match seconds {
            Some(seconds) => std::thread::sleep(Duration::from_secs(seconds)),
            None if sender.blocking_send(line).is_err() => return,
            None => {}
        }
    }
}

async fn next_line(lines: &mut Option<mpsc::Receiver<String>>) -> Option<String> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}
