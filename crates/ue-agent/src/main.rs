//! The user agent on the command line: `ue-agent --user NAME@DOMAIN ... COMMAND`.

mod cli;
mod config;
mod console;
mod place;
mod run;

use clap::Parser as _;
use config::Setup;
use ims_runtime::cli::EXIT_BAD_CONFIGURATION;
use ims_runtime::logging;
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
    logging::init(arguments.log_format);
    let setup = match Setup::read(&arguments) {
        Ok(setup) => setup,
        Err(error) => {
            eprintln!("ue-agent: {error}");
            return EXIT_BAD_CONFIGURATION.into();
        }
    };
    run::run(&setup, &arguments.command)
}
