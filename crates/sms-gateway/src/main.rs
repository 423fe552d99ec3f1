//! The SMS gateway of one domain: `sms-gateway run --config FILE`.

mod config;
mod link;
mod outgoing;
mod session;
mod smsc_config;
mod status;

use ims_runtime::cli::{self, Service};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: ims_runtime::Allocator = ims_runtime::Allocator;

const ABOUT: &str = "\
SMS gateway of one domain: phones without SIP say their status by short messages. It binds to SMS-Cs over SMPP 3.4, asks
the HSS which presence server has a user, and publishes there in the user's place.";

fn main() -> ExitCode {
    cli::main(Service { name: "sms-gateway", about: ABOUT, check: |_, _| Ok(()), run: config::run })
}
