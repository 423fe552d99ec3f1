//! The HSS of one domain: `hss run --config FILE`.

mod ask;
mod batch;
mod config;
mod keeping;
mod seed;
mod service;
mod store;
mod telling;
mod told;
mod trigger;

use ims_runtime::cli::{self, Service};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: ims_runtime::Allocator = ims_runtime::Allocator;

const ABOUT: &str = "\
HSS of one domain: knows its subscribers and which S-CSCF has each of them, and answers I-CSCFs, S-CSCFs and
gateways over Cx. The first start fills the store in state_dir from the subscribers file; later starts use the store.";

fn main() -> ExitCode {
    cli::main(Service { name: "hss", about: ABOUT, check: config::check, run: service::run })
}
