//! A network comes up whole and goes without a trace.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod support;

use ims_runtime::ctl::CtlAnswer;
use lab::{Lab, LabError, Options, Role};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use support::{config, good, up};

fn is_alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

fn pids(lab: &Lab) -> Vec<u32> {
    lab.nodes().map(|node| node.pid.unwrap()).collect()
}

async fn is_ready(lab: &Lab, node: &str) -> bool {
    matches!(lab.ctl(node, &["health"]).await, Ok(CtlAnswer::Done(_)))
}

#[tokio::test]
async fn every_node_is_ready_and_an_ended_lab_leaves_no_process_and_no_file() {
    let lab = up(true).await;
    let names: Vec<String> = lab.nodes().map(|node| node.name.to_owned()).collect();
    assert_eq!(names, ["nameserver", "hss1", "ps1", "scscf1a", "scscf1b", "icscf1", "pcscf1a", "pcscf1b"]);
    for name in &names {
        assert!(is_ready(&lab, name).await, "{name}");
    }
    let (pids, directory) = (pids(&lab), lab.directory().to_owned());
    assert!(pids.iter().all(|pid| is_alive(*pid)) && directory.is_dir());
    good(lab.down().await);
    assert!(!pids.iter().any(|pid| is_alive(*pid)));
    assert!(!directory.exists());
}

#[tokio::test]
async fn two_labs_run_at_once_and_do_not_meet() {
    let (first, second) = tokio::join!(up(false), up(false));
    assert_ne!(first.address(0), second.address(0));
    good(first.down().await);
    for node in second.nodes() {
        assert!(is_ready(&second, node.name).await, "{}", node.name);
    }
    let peers = second.ctl("hss1", &["peers"]).await.unwrap();
    let CtlAnswer::Done(peers) = peers else { panic!("{peers:?}") };
    assert_eq!(peers.lines().count(), 4, "{peers}");
    good(second.down().await);
}

#[tokio::test]
async fn two_domains_come_up_as_one_network() {
    let domains = ["home1.test", "home2.test"].map(Into::into).to_vec();
    let lab = good(Lab::up(Options { domains, ..Options::new(&config()) }).await);
    assert_eq!(lab.nodes().count(), 15);
    for node in ["hss2", "ps2", "icscf2", "pcscf2b"] {
        assert!(is_ready(&lab, node).await, "{node}");
    }
    assert!(lab.accounts().iter().any(|account| &*account.impu == "sip:bob@home2.test"));
    assert_ne!(lab.ue_address("pcscf1a"), lab.ue_address("pcscf2a"));
    good(lab.down().await);
}

#[tokio::test]
async fn a_node_is_killed_and_comes_back() {
    let mut lab = up(false).await;
    let before = pids(&lab);
    good(lab.kill("scscf1a").await);
    let down: Vec<_> = lab.nodes().filter(|node| node.pid.is_none()).map(|node| node.name).collect();
    assert_eq!(down, ["scscf1a"]);
    assert_eq!(before.iter().filter(|pid| is_alive(**pid)).count(), before.len() - 1);
    assert!(lab.ctl("scscf1a", &["health"]).await.is_err());
    good(lab.restart("scscf1a").await);
    assert!(is_ready(&lab, "scscf1a").await);
    good(lab.end("icscf1").await);
    good(lab.restart("icscf1").await);
    assert!(matches!(lab.kill("scscf9").await, Err(LabError::UnknownNode(_))));
    good(lab.down().await);
}

#[tokio::test]
async fn a_node_that_dies_is_told_and_does_not_take_the_others_along() {
    let mut lab = up(false).await;
    let pid = lab.nodes().find(|node| node.role == Role::Icscf).and_then(|node| node.pid).unwrap();
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
    let ended = lab.ended().await.unwrap();
    assert_eq!((&*ended.name, ended.pid), ("icscf1", pid));
    assert!(is_ready(&lab, "scscf1a").await);
    good(lab.down().await);
}

#[tokio::test]
async fn a_configuration_that_cannot_be_is_shown_with_the_words_of_its_node() {
    let broken = tempfile::tempdir().unwrap();
    let copy = Command::new("cp").arg("-r").arg(config()).arg(broken.path().join("config")).status();
    assert!(copy.unwrap().success());
    let file = broken.path().join("config/icscf1.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("scscf_patience_ms", "scscf_patience_minutes")).unwrap();
    let error = Lab::up(Options::new(&broken.path().join("config"))).await.unwrap_err();
    let LabError::EndedEarly { name, said } = &error else { panic!("{error}") };
    assert_eq!(&**name, "icscf1");
    assert!(said.contains("icscf1.toml:") && said.contains("scscf_patience_minutes"), "{said}");
}

#[tokio::test]
async fn a_kept_directory_keeps_state_and_network() {
    let kept = tempfile::tempdir().unwrap();
    let options = Options { directory: Some(kept.path().to_owned()), ..Options::new(&config()) };
    let noted = kept.path().join("network");
    let lab = good(Lab::up(options.clone()).await);
    assert!(matches!(Lab::up(options.clone()).await, Err(LabError::InUse(_))));
    assert_eq!(std::fs::read_to_string(&noted).unwrap().trim(), lab.address(0).to_string());
    good(lab.down().await);
    assert!(kept.path().join("run/hss1/hss.sqlite").is_file());
    // Another lab may have taken that one by now; this one nobody takes by himself.
    std::fs::write(&noted, "127.200.7.0").unwrap();
    let again = good(Lab::up(options).await);
    assert_eq!(again.address(0).to_string(), "127.200.7.0");
    good(again.down().await);
}

/// `tail` ends when the process it is told of does.
fn wait_for_end(pid: u64) {
    let pid = format!("--pid={pid}");
    assert!(Command::new("tail").args([&pid, "-s", "0.02", "-f", "/dev/null"]).status().unwrap().success());
}

#[test]
fn the_nodes_of_a_killed_lab_end_with_it() {
    let place = tempfile::tempdir().unwrap();
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["up", "--domains", "home1", "--json", "--config"])
        .arg(config())
        .env("TMPDIR", place.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(lab.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let attached: serde_json::Value = serde_json::from_str(&line).unwrap();
    let nodes = attached["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 8, "{line}");
    lab.kill().unwrap();
    lab.wait().unwrap();
    for node in nodes {
        wait_for_end(node["pid"].as_u64().unwrap());
    }
}

#[test]
fn what_is_printed_for_tools_is_enough_to_attach() {
    let place = tempfile::tempdir().unwrap();
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["up", "--domains", "home1", "--json", "--exit-with-parent", "--config"])
        .arg(config())
        .env("TMPDIR", place.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(lab.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let attached: serde_json::Value = serde_json::from_str(&line).unwrap();
    let pcscf = attached["nodes"].as_array().unwrap().iter().find(|node| node["name"] == "pcscf1a").unwrap();
    let network = attached["network"].as_str().unwrap().strip_suffix("0/24").unwrap();
    assert_eq!((&pcscf["role"], &pcscf["domain"]), (&"pcscf".into(), &"home1.test".into()));
    assert_eq!(pcscf["ue_addresses"]["udp"][0], format!("{network}11:5060"));
    assert_eq!(pcscf["addresses"]["tcp"][0], format!("{network}11:5062"));
    assert_eq!(attached["dns"], format!("{network}2:5300"));
    let account = &attached["accounts"][0];
    assert_eq!(account["impu"], "sip:alice@home1.test");
    assert_eq!(
        (&account["impi"], &account["password"]),
        (&"alice@home1.test".into(), &"alice-secret".into())
    );
    drop(lab.stdin.take());
    assert!(lab.wait().unwrap().success());
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "files are left");
}
