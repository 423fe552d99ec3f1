//! Every command of every node, asked for as JSON by its own binary.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod support;

use lab::{Access, Lab, Options, Role, ShortMessages};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::{Command, Output};
use support::agents::{does, registered, shows};
use support::{config, good};

/// A command, and whether its answer is what it should be.
type Row = (&'static [&'static str], fn(&Value) -> bool);

fn is_array_of(value: &Value, keys: &[&str]) -> bool {
    let items = value.as_array().unwrap();
    !items.is_empty() && items.iter().all(|item| keys.iter().all(|key| !item[key].is_null()))
}

/// What every node is asked.
const OF_NODES: [Row; 5] = [
    (&["health"], |told| told["ready"] == true),
    (&["stats"], |told| told["udp_in"].is_u64() && told["held"].is_u64()),
    (&["reload"], |told| told["taken_over"].is_array() && told["needs_restart"].is_array()),
    (&["help"], |told| is_array_of(told, &["words", "does"])),
    (&["drain"], |told| told["draining"] == true),
];

fn rows(role: Role) -> Vec<Row> {
    let own: &[Row] = match role {
        Role::Nameserver => &[
            (&["health"], |told| told["ready"] == true),
            (&["stats"], |told| told["questions_answered"].as_u64() > Some(0)),
            (&["zones"], |told| is_array_of(told, &["zone", "serial", "records", "file"])),
            (&["reload"], |told| told["taken_over"][0] == "zone files"),
            (&["help"], |told| is_array_of(told, &["words", "does"])),
            (&["drain"], |told| told["draining"] == true),
        ],
        Role::Hss => &[
            (&["health"], |told| told["ready"] == true),
            (&["stats"], |told| told["sets_registered"] == 1),
            (&["list"], |told| is_array_of(told, &["name", "sets"])),
            (&["peers"], |told| told.as_array().unwrap().contains(&"icscf1.home1.test".into())),
            (&["explain", "alice"], |told| told["sets"][0]["identities"][0]["impu"].is_string()),
            (&["push", "alice"], |told| told[0]["command"] == "PushProfile" && told[0]["failure"].is_null()),
            (&["reassign", "carol", "sip:scscf1b.home1.test"], |told| told.as_array().unwrap().is_empty()),
            (&["deregister", "carol"], |told| told.as_array().unwrap().is_empty()),
            (&["remove", "erin"], |told| told.as_array().unwrap().is_empty()),
            (&["reload"], |told| told["records_written"].as_u64() > Some(0)),
            (&["help"], |told| is_array_of(told, &["words", "does"])),
            (&["drain"], |told| told["draining"] == true),
        ],
        Role::PresenceServer => &[
            (&["list"], |told| {
                let kinds =
                    told["listed"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap());
                // Alice's, and what the gateway has published for frank.
                let of_both = ["publication", "publication", "registration", "subscription"];
                told["more"] == 0 && kinds.collect::<Vec<_>>() == of_both
            }),
            (&["explain", "alice", "alice"], |told| {
                told["action"] == "allow" && told["by"] == "presentity_itself"
            }),
        ],
        Role::Scscf => &[(&["list"], |told| {
            told.as_array().unwrap().is_empty() || is_array_of(told, &["impu", "contact", "seconds_left"])
        })],
        Role::Pcscf => &[(&["list"], |told| {
            told.as_array().unwrap().is_empty() || is_array_of(told, &["aor", "address", "seconds_left"])
        })],
        Role::Icscf => &[],
        Role::Gateway => &[(&["list"], |told| {
            told["more"] == 0
                && is_array_of(&told["listed"], &["number", "presentity", "waiting", "seconds_left"])
        })],
    };
    let of_nodes: &[Row] = if matches!(role, Role::Nameserver | Role::Hss) { &[] } else { &OF_NODES };
    own.iter().chain(of_nodes).copied().collect()
}

const fn binary(role: Role) -> &'static str {
    match role {
        Role::Nameserver => "nameserver",
        Role::Hss => "hss",
        Role::PresenceServer => "presence-server",
        Role::Scscf => "scscf",
        Role::Icscf => "icscf",
        Role::Pcscf => "pcscf",
        Role::Gateway => "sms-gateway",
    }
}

fn ctl(lab: &Lab, node: &str, words: &[&str]) -> Output {
    let node = lab.nodes().find(|other| other.name == node).unwrap();
    let mut command = Command::new(lab.binaries().join(binary(node.role)));
    command.args(["ctl", "--config"]).arg(node.config).arg("--json").args(words).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn answers(lab: &Lab, node: &str, words: &[&str], is_good: fn(&Value) -> bool) {
    let output = ctl(lab, node, words);
    let told = json(&output);
    assert!(output.status.success() && is_good(&told), "{node} {words:?}: {output:?}");
}

#[tokio::test]
async fn every_command_of_every_node_has_an_answer_for_programs() {
    let messages = ShortMessages::Lab;
    let mut lab = good(Lab::up(Options { messages, ..Options::new(&config()) }).await);
    let smsc = lab.smsc().cloned().unwrap();
    smsc.send("+15550107", "busy").await.unwrap();
    smsc.next().await;
    let mut alice = registered(&lab, "alice", Access::Udp, &[]).await;
    does(&mut alice, "publish open", |event| &*event.event == "published").await;
    does(&mut alice, "watch alice@home1.test", |event| shows(event, "open")).await;
    let nodes: Vec<(String, Role)> = lab.nodes().map(|node| (node.name.to_owned(), node.role)).collect();
    for (node, role) in &nodes {
        let unknown = ctl(&lab, node, &["dance"]);
        assert_eq!((unknown.status.code(), &json(&unknown)["error"]), (Some(1), &"unknown_command".into()));
        let help = json(&ctl(&lab, node, &["help"]));
        let listed = help.as_array().unwrap().iter().map(|usage| usage["words"].as_str().unwrap());
        let listed: BTreeSet<&str> = listed.filter_map(|words| words.split(' ').next()).collect();
        let rows = rows(*role);
        assert_eq!(rows.iter().map(|(words, _)| words[0]).collect::<BTreeSet<_>>(), listed, "{node}");
        for (words, is_good) in rows.into_iter().filter(|(words, _)| *words != ["drain"]) {
            answers(&lab, node, words, is_good);
        }
    }
    for (node, _) in &nodes {
        answers(&lab, node, &["drain"], |told| told["draining"] == true);
    }
    good(lab.kill("icscf1").await);
    let gone = ctl(&lab, "icscf1", &["health"]);
    assert_eq!((gone.status.code(), &json(&gone)["error"]), (Some(1), &"not_running".into()));
    good(lab.down().await);
}
