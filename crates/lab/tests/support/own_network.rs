//! A network of the test's own: what is dropped there is missed by nobody else.

use super::skip;
use nix::sched::{CloneFlags, unshare};
use std::future::Future;
use std::net::IpAddr;
use std::process::Command;

/// Runs a test in a network namespace with nothing but a loopback interface; processes that it starts are in it too. Where
/// there can be none, the test is skipped.
pub(crate) fn in_own_network<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let thread = std::thread::spawn(move || {
        if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
            return skip(&format!("dead hops: no network namespace can be made: {error}"));
        }
        if let Err(why) = run("ip", &["link", "set", "lo", "up"]) {
            return skip(&format!("dead hops: {why} (package iproute2)"));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap_or_else(|error| panic!("{error}")).block_on(test());
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Drops every packet to and from this address.
///
/// # Errors
/// Why that is not possible here.
pub(crate) fn unplug(address: IpAddr) -> Result<(), String> {
    filter("-A", address)
}

/// Lets packets pass again.
pub(crate) fn plug_in(address: IpAddr) -> Result<(), String> {
    filter("-D", address)
}

fn filter(act: &str, address: IpAddr) -> Result<(), String> {
    let address = address.to_string();
    for end in ["-s", "-d"] {
        run("iptables", &[act, "INPUT", end, &address, "-j", "DROP"])?;
    }
    Ok(())
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|_| format!("{program} is not installed"))?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    output.status.success().then_some(()).ok_or_else(|| format!("{program} says: {said}"))
}
