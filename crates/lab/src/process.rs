//! One process of the lab.

use crate::error::LabError;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

/// How long a process may take to end when asked; then it is killed.
pub(crate) const END: Duration = Duration::from_secs(6);
/// How long a process may take to be ready.
pub(crate) const READY: Duration = Duration::from_secs(20);
/// Lines of a process's log that are shown when it fails.
const LAST_LINES: usize = 12;

/// A running process. It ends with this value, at the latest.
#[derive(Debug)]
pub(crate) struct Process {
    name: Box<str>,
    pid: u32,
    log: PathBuf,
    /// While it is open, the process has a parent.
    stdin: Option<ChildStdin>,
    stdout: Lines<BufReader<ChildStdout>>,
    /// Dropped or used, it kills.
    kill: Option<oneshot::Sender<()>>,
    ended: watch::Receiver<Option<ExitStatus>>,
}

/// A process that has ended without being asked.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its name.
    pub name: Box<str>,
    /// Its process id.
    pub pid: u32,
    /// What the system says of its end; none when the system does not say.
    pub status: Option<ExitStatus>,
}

/// How a process is started.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) name: &'a str,
    pub(crate) binary: &'a Path,
    pub(crate) arguments: Vec<&'a str>,
    /// What it says goes to the end of this file.
    pub(crate) log: &'a Path,
}

impl Process {
    /// Starts it; its end is told to `ends`.
    pub(crate) fn start(launch: &Launch<'_>, ends: mpsc::Sender<Ended>) -> Result<Self, LabError> {
        if !launch.binary.is_file() {
            return Err(LabError::NotBuilt(launch.binary.to_owned()));
        }
        let log = OpenOptions::new().create(true).append(true).open(launch.log);
        let mut child = spawn(launch, log.map_err(LabError::at(launch.log))?)
            .map_err(|error| LabError::NotStarted(launch.name.into(), error))?;
        let pipes = child.stdin.take().zip(child.stdout.take()).zip(child.id());
        let Some(((stdin, stdout), pid)) = pipes else {
            // Just started with pipes and not waited for, it has all three.
            return Err(LabError::NotStarted(launch.name.into(), std::io::ErrorKind::BrokenPipe.into()));
        };
        let (kill, killed) = oneshot::channel();
        let (told, ended) = watch::channel(None);
        let name: Box<str> = launch.name.into();
        let who = Ended { name: name.clone(), pid, status: None };
        tokio::spawn(watch_over(child, who, killed, told, ends));
        let stdout = BufReader::new(stdout).lines();
        Ok(Self {
            name,
            pid,
            log: launch.log.to_owned(),
            stdin: Some(stdin),
            stdout,
            kill: Some(kill),
            ended,
        })
    }

    pub(crate) const fn pid(&self) -> u32 {
        self.pid
    }

    /// Where commands are written, for a process that takes them so.
    pub(crate) const fn stdin(&mut self) -> Option<&mut ChildStdin> {
        self.stdin.as_mut()
    }

    /// The next line that it says; none when there will be no more.
    pub(crate) async fn line(&mut self) -> Option<String> {
        self.stdout.next_line().await.ok().flatten()
    }

    /// Waits until it says that it is ready.
    pub(crate) async fn ready(&mut self) -> Result<(), LabError> {
        let said = async {
            while let Some(line) = self.line().await {
                if line.ends_with(" ready") {
                    return true;
                }
            }
            false
        };
        match timeout(READY, said).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                // What it says last is in the log when it has ended.
                self.wait().await;
                Err(LabError::EndedEarly { name: self.name.clone(), said: self.last_words() })
            }
            Err(_) => Err(LabError::NotReady { name: self.name.clone(), said: self.last_words() }),
        }
    }

    fn last_words(&self) -> Box<str> {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(LAST_LINES)..).unwrap_or_default().join("\n").into()
    }

    /// Closes its standard input, which asks it to end.
    pub(crate) fn ask_to_end(&mut self) {
        self.stdin = None;
    }

    /// Waits for its end after [`Process::ask_to_end`], and brings it about if that takes longer than [`END`].
    pub(crate) async fn end(mut self) {
        self.ask_to_end();
        if timeout(END, self.wait()).await.is_err() {
            self.kill().await;
        }
    }

    /// Kills it: no draining, no farewell.
    pub(crate) async fn kill(mut self) {
        self.kill = None;
        self.wait().await;
    }

    async fn wait(&mut self) {
        // It has ended, too, if nobody can tell any more.
        let _ = self.ended.wait_for(Option::is_some).await;
    }
}

fn spawn(launch: &Launch<'_>, log: File) -> std::io::Result<Child> {
    Command::new(launch.binary)
        .args(&launch.arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        // A Ctrl-C is for the lab, which then ends its processes.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

async fn watch_over(
    mut child: Child,
    who: Ended,
    mut killed: oneshot::Receiver<()>,
    told: watch::Sender<Option<ExitStatus>>,
    ends: mpsc::Sender<Ended>,
) {
    let status = tokio::select! {
        status = child.wait() => {
            let ended = Ended { status: status.as_ref().ok().copied(), ..who };
            // Nobody has to listen.
            let _ = ends.try_send(ended);
            status.ok()
        }
        _ = &mut killed => {
            // It may have ended at this moment.
            let _ = child.kill().await;
            child.wait().await.ok()
        }
    };
    told.send_replace(Some(status.unwrap_or_default()));
}

/// The directory of this program; that above it for a test, whose programs are in `deps`.
pub(crate) fn beside_us() -> Result<PathBuf, LabError> {
    let program = std::env::current_exe().map_err(LabError::at(Path::new("the running program")))?;
    let directory = program.parent().unwrap_or_else(|| Path::new(""));
    let above = directory.parent().filter(|_| directory.ends_with("deps"));
    Ok(above.unwrap_or(directory).to_owned())
}
