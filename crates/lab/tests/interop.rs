//! `scripts/interop`: strangers' softphones and SIPp against running networks, on a P-CSCF at port 5060 and on one at
//! another. What the presence servers record says the same as what the programs record of themselves.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

mod support;

use lab::{Lab, Options};
use serde::Deserialize;
use sip_message::{HeaderName, Message};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use support::{config, good, skip};
use tokio::process::Command;

const PRESENCE_SERVERS: [&str; 2] = ["ps1", "ps2"];
/// The second is at another port than 5060.
const PCSCFS: [&str; 2] = ["pcscf1a", "pcscf1b"];
/// Runs of a program in each of which it watches a user of each domain: two P-CSCFs, UDP and TCP.
const RUNS: usize = 4;

/// A line of a node's recording.
#[derive(Deserialize)]
struct Crossing {
    direction: String,
    #[serde(default)]
    text: String,
}

/// What a presence server has heard and said of one subscription.
#[derive(Debug, Default)]
struct Life {
    /// SUBSCRIBEs in the dialog for more time.
    refreshes: usize,
    /// SUBSCRIBEs in the dialog for none.
    ends: usize,
    /// NOTIFYs that say that it is over.
    last_words: usize,
}

impl Life {
    fn note(&mut self, message: &Message, direction: &str) {
        let in_dialog = message.to_tag().is_some();
        match (direction, message.cseq_method()) {
            ("in", "SUBSCRIBE") if in_dialog && message.expires() == Some(0) => self.ends += 1,
            ("in", "SUBSCRIBE") if in_dialog => self.refreshes += 1,
            ("out", "NOTIFY") => {
                let state = message.value(HeaderName::SubscriptionState).unwrap_or_default();
                self.last_words += usize::from(state.starts_with("terminated"));
            }
            _ => {}
        }
    }

    /// Whether it was refreshed and then ended by its watcher.
    const fn is_whole(&self) -> bool {
        self.refreshes > 0 && self.ends > 0 && self.last_words > 0
    }
}

/// `config/brief`, and the presence servers record.
fn brief(place: &Path) -> PathBuf {
    let (brief, overlay) = (config().join("brief"), place.join("overlay"));
    std::fs::create_dir(&overlay).unwrap();
    for file in std::fs::read_dir(brief).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), overlay.join(file.file_name())).unwrap();
    }
    for node in PRESENCE_SERVERS {
        let file = overlay.join(format!("{node}.toml"));
        let text = std::fs::read_to_string(&file).unwrap();
        let section = format!("[node.recording]\nfile = {:?}\n", place.join(node));
        std::fs::write(file, text + "\n" + &section).unwrap();
    }
    overlay
}

/// The subscriptions of alice in a presence server's recording, by Call-ID.
fn lives(recording: &Path) -> HashMap<String, Life> {
    let mut lives: HashMap<String, Life> = HashMap::new();
    for line in std::fs::read_to_string(recording).unwrap().lines() {
        let crossing: Crossing = serde_json::from_str(line).unwrap();
        let Ok(message) = Message::parse(crossing.text.into_bytes().into()) else { continue };
        if message.status().is_none() {
            lives.entry(message.call_id().to_owned()).or_default().note(&message, &crossing.direction);
        }
    }
    lives
}

/// Runs the script for a program at a P-CSCF; whether all went well, and what it said.
async fn run(lab: &Lab, program: &str, pcscf: &str) -> Option<(bool, String)> {
    let address = |node| lab.ue_address(node).unwrap().to_string();
    let script = config().parent().unwrap().join("scripts/interop");
    let run = Command::new("python3")
        .arg(script)
        .args(["--home1", &address(pcscf), "--home2", &address("pcscf2a"), program])
        .env("UE_AGENT", lab.binaries().join("ue-agent"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let Ok(output) = run.await else {
        skip("other people's programs: python3 is not installed");
        return None;
    };
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

/// Whether it was skipped; then the list of skipped tests says so.
fn is_skipped(said: &str) -> bool {
    let why = said.lines().find_map(|line| line.strip_prefix("SKIPPED: "));
    why.inspect(|why| skip(&format!("other people's programs: {why}"))).is_some()
}

/// All that the script does with a program, in a network of its own.
async fn does_everything(program: &str) {
    let place = tempfile::tempdir().unwrap();
    let domains = ["home1.test", "home2.test"].map(Into::into).to_vec();
    let overlays = vec![brief(place.path())];
    let lab = good(Lab::up(Options { domains, overlays, ..Options::new(&config()) }).await);
    assert_eq!(PCSCFS.map(|node| lab.ue_address(node).unwrap().port()), [5060, 5080]);
    for pcscf in PCSCFS {
        let Some((went_well, said)) = run(&lab, program, pcscf).await else { return };
        println!("at {pcscf}:\n{said}");
        if is_skipped(&said) {
            return good(lab.down().await);
        }
        assert!(went_well, "{program} at {pcscf}");
    }
    good(lab.down().await);
    for node in PRESENCE_SERVERS {
        let lives = lives(&place.path().join(node));
        let whole = lives.values().filter(|life| life.is_whole()).count();
        assert!(whole >= RUNS, "{program} at {node}: {lives:?}");
    }
}

/// One after the other they would take minutes; most of the time each waits until a subscription is due.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_programs_do_everything() {
    let programs = ["linphone", "baresip", "pjsip", "sipp"];
    let running = programs.map(|program| tokio::spawn(does_everything(program)));
    let mut failed = Vec::new();
    for (program, outcome) in programs.into_iter().zip(running) {
        if outcome.await.is_err() {
            failed.push(program);
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}
