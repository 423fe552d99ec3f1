//! The `nameserver` binary.

use ims_runtime::cli::{self, Service};
use std::process::ExitCode;

const ABOUT: &str = "\
Answers DNS questions about the lab's domains out of RFC 1035 zone files, over UDP and TCP.

It is authoritative only: it knows its zones and refuses everything else. Commands for ctl: health, zones (what is
served), reload (read the zone files again; a broken one is refused and the old zones stay).";

fn main() -> ExitCode {
    cli::main(Service { name: "nameserver", about: ABOUT, check: nameserver::check, run: nameserver::run })
}
