//! `lab`: networks out of the real binaries, and the contribution's figures in them.

mod cli;
mod paste;
mod progress;
mod run;

use clap::Parser as _;
use ims_runtime::cli::EXIT_BAD_CONFIGURATION;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match cli::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A closed standard output leaves nobody to tell.
            let _ = error.print();
            return if error.use_stderr() { EXIT_BAD_CONFIGURATION.into() } else { ExitCode::SUCCESS };
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run::run(arguments)));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("lab: {error}");
            ExitCode::FAILURE
        }
    }
}
