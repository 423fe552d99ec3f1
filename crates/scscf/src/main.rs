//! An S-CSCF: `scscf run --config FILE`.

mod config;

use ims_runtime::cli::{self, Service};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: ims_runtime::Allocator = ims_runtime::Allocator;

const ABOUT: &str = "\
S-CSCF: registers the users that the HSS gives it, challenges them by digest, and runs their filter criteria. What it
has acknowledged survives its end. Commands for ctl: list (who is registered).";

fn main() -> ExitCode {
    cli::main(Service { name: "scscf", about: ABOUT, check: |_, _| Ok(()), run: config::run })
}
