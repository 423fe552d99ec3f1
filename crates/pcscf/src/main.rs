//! A P-CSCF: `pcscf run --config FILE`.

mod config;

use ims_runtime::cli::{self, Service};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: ims_runtime::Allocator = ims_runtime::Allocator;

const ABOUT: &str = "\
P-CSCF: the first hop of every phone. It remembers on which flow a registered user is reached, asserts the user's
identity to the network, and lets nobody else in. Commands for ctl: list (who is registered, on which flow).";

fn main() -> ExitCode {
    cli::main(Service { name: "pcscf", about: ABOUT, check: |_, _| Ok(()), run: config::run })
}
