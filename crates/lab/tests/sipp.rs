//! SIPp, somebody else's client, against the P-CSCF of a running network; each scenario with a broken twin that must
//! fail, so that a scenario that cannot fail is found out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

mod support;

use lab::{Lab, Options};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use support::{Between, config, good, skip};
use tokio::process::Command;

/// A scenario, and what is broken in its twin: a text, and what stands there instead.
struct Scenario {
    file: &'static str,
    broken: (&'static str, &'static str),
}

const SCENARIOS: [Scenario; 3] = [
    // The twin answers the challenge for another realm.
    Scenario {
        file: "register.xml",
        broken: ("[field2]", "Authorization: Digest username=\"alice\", response=\"0\""),
    },
    // The twin refreshes by an entity-tag that is dead.
    Scenario { file: "publish.xml", broken: ("SIP-If-Match: [$3]", "SIP-If-Match: [$1]") },
    // The twin watches somebody who does not let her.
    Scenario { file: "subscribe.xml", broken: ("sip:[watched]", "sip:erin@home1.test") },
];

fn folder() -> PathBuf {
    config().parent().unwrap().join("scripts/sipp")
}

/// Whether SIPp is here; if not, the list of skipped tests says so.
fn is_here() -> bool {
    let found =
        std::process::Command::new("sipp").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_ok() {
        return true;
    }
    skip("SIPp scenarios: sipp is not installed (package sip-tester)");
    false
}

/// Runs a scenario once; whether it went well, and what SIPp complained of.
async fn run(lab: &Lab, scenario: &Path, transport: &str) -> (bool, String) {
    let work = tempfile::tempdir().unwrap();
    let errors = work.path().join("errors");
    let pcscf = lab.ue_address("pcscf1a").unwrap();
    let sipp = Command::new("sipp")
        .arg(pcscf.to_string())
        .arg("-sf")
        .arg(scenario)
        .arg("-inf")
        .arg(folder().join("users.csv"))
        .args(["-i", "127.0.0.1", "-m", "1", "-t", transport, "-key", "watched", "carol@home1.test"])
        .args(["-timeout", "20", "-timeout_error", "-nostdin", "-trace_err", "-error_file"])
        .arg(&errors)
        .current_dir(work.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .status();
    let status = tokio::time::timeout(Duration::from_secs(40), sipp).await.unwrap().unwrap();
    (status.success(), std::fs::read_to_string(errors).unwrap_or_default())
}

/// SIPp gives a call up when a message comes between one that it has read and the answer that it is about to send to it.
/// The next call is another throw of the dice.
async fn run_patiently(lab: &Lab, scenario: &Path, transport: &str) -> (bool, String) {
    let mut outcome = run(lab, scenario, transport).await;
    for _ in 0..3 {
        if outcome.0 || !outcome.1.contains("while sending") {
            break;
        }
        outcome = run(lab, scenario, transport).await;
    }
    outcome
}

async fn check(scenario: &Scenario) {
    if !is_here() {
        return;
    }
    for between in [Between::Tcp, Between::Udp] {
        let overlays = between.overlay().into_iter().collect();
        let options = Options { record: true, overlays, ..Options::new(&config()) };
        check_in(good(Lab::up(options).await), scenario).await;
    }
}

async fn check_in(lab: Lab, scenario: &Scenario) {
    let whole = folder().join(scenario.file);
    let text = std::fs::read_to_string(&whole).unwrap();
    let (original, broken) = scenario.broken;
    assert!(text.contains(original), "{} has nothing to break", scenario.file);
    let twin = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(twin.path(), text.replace(original, broken)).unwrap();
    for transport in ["u1", "t1"] {
        let (passed, errors) = run_patiently(&lab, &whole, transport).await;
        assert!(passed, "{} over {transport}: {errors}", scenario.file);
        let (passed, _) = run_patiently(&lab, twin.path(), transport).await;
        assert!(!passed, "the broken twin of {} over {transport} passed", scenario.file);
    }
    good(lab.down().await);
}

#[tokio::test]
async fn register_with_digest() {
    check(&SCENARIOS[0]).await;
}

#[tokio::test]
async fn publish_from_first_to_last() {
    check(&SCENARIOS[1]).await;
}

#[tokio::test]
async fn subscribe_with_notify_before_or_after_its_200() {
    check(&SCENARIOS[2]).await;
}
