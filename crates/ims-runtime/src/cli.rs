//! The command line that every binary has: `run`, `check`, `health` and `ctl`.

use crate::config::{Assignment, ConfigError, ConfigFile, Configuration, InvalidKey};
use crate::ctl::{self, CtlAnswer, CtlServer, Form, error_json};
use crate::health;
use crate::logging::{self, LogFormat};
use crate::open_files;
use crate::signals::Signals;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Exit code for a wrong command line or a bad configuration (`EX_USAGE` of sysexits.h).
pub const EXIT_BAD_CONFIGURATION: u8 = 64;

/// How long work left on blocking threads may hold the process up after `run` has returned.
const LEFT_OVER_WORK: Duration = Duration::from_millis(500);

const AFTER_HELP: &str = "\
A process that is ready says so in a line on standard output: its name and `ready`.
Exit codes: 0 done, 1 failed (health: not ready), 64 wrong command line or configuration.
Signals while running: TERM and INT drain and end the process, HUP reloads what can be reloaded.
Logs go to standard error; RUST_LOG chooses what is logged, for example RUST_LOG=debug.";

/// What a binary is, so that [`main`] can do the rest.
pub struct Service<C, R> {
    /// Name of the binary, as in `--help`.
    pub name: &'static str,
    /// What the role does, in a few sentences, for `--help`.
    pub about: &'static str,
    /// What `check` and `run` look at beyond [`Configuration::validate`], such as files that the configuration names.
    pub check: fn(&C, Occasion) -> Result<(), Failure>,
    /// The role's work, from a good configuration to the end of the process.
    pub run: R,
}

/// Why the configuration is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The operator asks whether all of it is good.
    Check,
    /// The node is to start.
    Start,
}

/// What `run` is handed.
pub struct Start<C> {
    /// The configuration, checked.
    pub config: C,
    /// Where it came from, to load it anew on SIGHUP.
    pub file: ConfigFile<C>,
    /// SIGTERM, SIGINT and SIGHUP.
    pub signals: Signals,
    /// The operator's commands, `health` among them.
    pub ctl: CtlServer,
}

/// Why a command failed, which decides the exit code.
#[derive(Debug)]
pub enum Failure {
    /// The configuration asks for what cannot be: exit code 64.
    BadConfiguration(InvalidKey),
    /// Anything else: exit code 1.
    Failed(Box<dyn Error + Send + Sync>),
}

impl From<InvalidKey> for Failure {
    fn from(key: InvalidKey) -> Self {
        Self::BadConfiguration(key)
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(Box::new(error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadConfiguration(key) => write!(f, "{}: {}", key.key(), key.reason()),
            Self::Failed(error) => write!(f, "{error}"),
        }
    }
}

#[derive(Parser)]
#[command(version, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run in the foreground until SIGTERM
    Run {
        #[command(flatten)]
        config: ConfigArgument,
        /// Form of the log lines on standard error
        #[arg(long, value_enum, default_value_t = LogFormat::Text)]
        log_format: LogFormat,
        /// End as on SIGTERM when standard input, a pipe, is closed: when whoever started this process is gone
        #[arg(long)]
        exit_with_parent: bool,
    },
    /// Read and check the configuration, then end
    Check(ConfigArgument),
    /// Ask the running process whether it is ready
    Health(ConfigArgument),
    /// Send an operator command to the running process and print its answer
    Ctl {
        #[command(flatten)]
        config: ConfigArgument,
        /// Print the answer as one JSON value, also of a command that is refused: `{"error": NAME, "text": TEXT}`
        #[arg(long)]
        json: bool,
        /// The command and its arguments, such as `reload`; `help` lists them
        #[arg(required = true, trailing_var_arg = true)]
        words: Vec<String>,
    },
}

#[derive(clap::Args)]
struct ConfigArgument {
    /// Configuration of this node, a TOML file
    #[arg(long = "config", value_name = "FILE")]
    path: PathBuf,
    /// Where the addresses of the configuration are here: a TOML file with lines such as "127.0.10.13" = "10.77.1.13"
    #[arg(long, value_name = "FILE", env = "MUSTER_RELOCATE")]
    relocate: Option<PathBuf>,
    /// A value to use instead of that in the configuration, as it would stand there; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    assignments: Vec<Assignment>,
}

impl ConfigArgument {
    fn file<C: Configuration>(&self) -> ConfigFile<C> {
        ConfigFile::new(self.path.clone()).relocated(self.relocate.clone()).with(self.assignments.clone())
    }
}

/// Does what the command line says, and gives the exit code.
pub fn main<C, R>(service: Service<C, R>) -> ExitCode
where
    C: Configuration,
    R: AsyncFnOnce(Start<C>) -> Result<(), Failure>,
{
    let command = Arguments::command().name(service.name).about(service.about);
    let arguments = command.try_get_matches().and_then(|matches| Arguments::from_arg_matches(&matches));
    match arguments {
        Ok(arguments) => execute(service, arguments.command),
        Err(error) => {
            // A closed standard output leaves nobody to tell.
            let _ = error.print();
            if error.use_stderr() { ExitCode::from(EXIT_BAD_CONFIGURATION) } else { ExitCode::SUCCESS }
        }
    }
}

fn execute<C, R>(service: Service<C, R>, command: Command) -> ExitCode
where
    C: Configuration,
    R: AsyncFnOnce(Start<C>) -> Result<(), Failure>,
{
    let (Command::Run { config: argument, .. }
    | Command::Check(argument)
    | Command::Health(argument)
    | Command::Ctl { config: argument, .. }) = &command;
    let file = argument.file();
    let config = match file.load() {
        Ok(config) => config,
        Err(error) => return bad_configuration(service.name, &error),
    };
    let outcome = match command {
        Command::Run { log_format, exit_with_parent, .. } => {
            logging::init(log_format);
            open_files::raise();
            tell_remarks(Occasion::Start, &file, &config);
            let listen =
                || if exit_with_parent { Signals::listen()?.with_parent() } else { Signals::listen() };
            (service.check)(&config, Occasion::Start)
                .and_then(|()| run(service.run, config, file.clone(), listen))
        }
        Command::Check(_) => (service.check)(&config, Occasion::Check).map(|()| {
            tell_remarks(Occasion::Check, &file, &config);
            say(&format!("{}: ok", file.path().display()));
            ExitCode::SUCCESS
        }),
        Command::Health(_) => ask(&config, Form::Text, &[health::WORD.to_owned()]),
        Command::Ctl { json, words, .. } => ask(&config, if json { Form::Json } else { Form::Text }, &words),
    };
    match outcome {
        Ok(code) => code,
        Err(Failure::BadConfiguration(key)) => bad_configuration(service.name, &file.invalid(key)),
        Err(failure @ Failure::Failed(_)) => {
            eprintln!("{}: {failure}", service.name);
            ExitCode::FAILURE
        }
    }
}

/// Tells of what can be in a configuration and may not be meant.
pub fn tell_remarks<C: Configuration>(occasion: Occasion, file: &ConfigFile<C>, config: &C) {
    for remark in file.remarks(config) {
        match occasion {
            Occasion::Check => eprintln!("warning: {remark}"),
            Occasion::Start => tracing::warn!("{remark}"),
        }
    }
}

/// A line on standard output. Whoever reads it may have read enough, as `head` has.
fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

fn bad_configuration(name: &str, error: &ConfigError) -> ExitCode {
    eprintln!("{name}: {error}");
    ExitCode::from(EXIT_BAD_CONFIGURATION)
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn run<C, R>(
    run: R,
    config: C,
    file: ConfigFile<C>,
    signals: impl FnOnce() -> io::Result<Signals>,
) -> Result<ExitCode, Failure>
where
    C: Configuration,
    R: AsyncFnOnce(Start<C>) -> Result<(), Failure>,
{
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let signals = signals()?;
        let ctl = CtlServer::bind(config.ctl_socket()).await?;
        let answers = ctl.last_answers();
        let outcome = run(Start { config, file, signals, ctl }).await;
        answers.written().await;
        outcome
    });
    runtime.shutdown_timeout(LEFT_OVER_WORK);
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Sends one command to the running process and prints what it answers. A program that asks for JSON finds it on standard output
/// whatever has become of the command.
fn ask<C: Configuration>(config: &C, form: Form, words: &[String]) -> Result<ExitCode, Failure> {
    let answer = match (runtime()?.block_on(ctl::ask(config.ctl_socket(), form, words)), form) {
        (Ok(answer), _) => answer,
        (Err(error), Form::Text) => return Err(error.into()),
        (Err(error), Form::Json) => CtlAnswer::Refused(error_json(error.name(), &error.to_string())),
    };
    match (answer, form) {
        (CtlAnswer::Done(text), _) => {
            say(text.trim_end());
            Ok(ExitCode::SUCCESS)
        }
        (CtlAnswer::Refused(why), Form::Text) => {
            eprintln!("{why}");
            Ok(ExitCode::FAILURE)
        }
        (CtlAnswer::Refused(why), Form::Json) => {
            say(&why);
            Ok(ExitCode::FAILURE)
        }
    }
}
