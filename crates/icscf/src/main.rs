//! The I-CSCF of one domain: `icscf run --config FILE`.

mod config;

use ims_runtime::cli::{self, Service};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: ims_runtime::Allocator = ims_runtime::Allocator;

const ABOUT: &str = "\
I-CSCF of one domain: where requests of other networks and of its own users enter. It asks the HSS which S-CSCF serves
the user and sends the request there. It keeps no state.";

fn main() -> ExitCode {
    cli::main(Service { name: "icscf", about: ABOUT, check: |_, _| Ok(()), run: config::run })
}
