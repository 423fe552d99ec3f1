//! A presence server: `presence-server run --config FILE`.

mod config;
mod rules_dir;

use ims_runtime::cli::{self, Service};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: ims_runtime::Allocator = ims_runtime::Allocator;

const ABOUT: &str = "\
Presence server of one domain: composes what its users publish, lets those watch whom a user's rules allow, and notifies
them of every change. What it has acknowledged survives its end. Rules are RFC 5025 documents, one file a user, read at
start and on `ctl reload` or SIGHUP. Commands for ctl: list (subscriptions, publications, registrations), explain
PRESENTITY WATCHER (what the rules decide).";

fn main() -> ExitCode {
    let check = config::check;
    cli::main(Service { name: "presence-server", about: ABOUT, check, run: config::run })
}
