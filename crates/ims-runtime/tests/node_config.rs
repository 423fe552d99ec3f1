//! The `[node]` section.
#![allow(clippy::unwrap_used, reason = "a test helper may fail its test")]

use ims_node::{Listener, Side};
use ims_runtime::node_config::{NodeConfig, State};
use std::time::Duration;

const GOOD: &str = r#"
name = "pcscf1a.home1.test"
domain = "home1.test"
ctl_socket = "ctl.sock"
state_dir = "state"
listen = [
    { address = "127.0.10.11:5060", side = "network" },
    { address = "127.0.10.12:5060", side = "ue" },
]
peers = [{ addresses = ["127.0.10.21"] }, { addresses = ["127.0.20.21"], domains = ["home2.test"] }]
recording = { file = "recording.jsonl" }

[dns]
servers = ["127.0.10.2:5300"]

[cx]
secret = "that of the whole domain"

[ue_timers]
t1_ms = 2000
t2_ms = 16000
"#;

fn read(text: &str) -> Result<NodeConfig, String> {
    toml::from_str(text).map_err(|error| error.message().to_owned())
}

#[test]
fn the_section_becomes_the_settings_of_a_node() {
    let mut config = read(GOOD).unwrap();
    assert_eq!(config.validate("node", State::Kept), Ok(()));
    let settings = config.settings();
    let listener = |address: &str, side| Listener { address: address.parse().unwrap(), side };
    let expected = [listener("127.0.10.11:5060", Side::Network), listener("127.0.10.12:5060", Side::Ue)];
    assert_eq!(settings.listeners, expected);
    assert!(settings.peers[0].domains.is_empty());
    assert_eq!(settings.peers[1].domains, ["home2.test".into()]);
    assert_eq!(settings.timers.t1, Duration::from_millis(500));
    assert_eq!(settings.ue_timers.t1, Duration::from_secs(2));
    assert_eq!(settings.ue_timers.t4, Duration::from_secs(5), "left out");
    assert_eq!(config.paths().len(), 3, "socket, state and recording");
}

#[test]
fn the_secret_is_not_shown() {
    assert!(!format!("{:?}", read(GOOD).unwrap()).contains("of the domain"));
}

#[test]
fn what_cannot_be_is_named() {
    let rows = [
        ("\"pcscf1a.home1.test\"", "\"127.0.0.1\"", "node.name", "must be a host name"),
        ("127.0.10.12:5060", "127.0.10.11:5060", "node.listen[1].address", "stands here twice"),
        (
            "127.0.10.12",
            "0.0.0.0",
            "node.listen[1].address",
            "must be an address and port that peers can reach",
        ),
        (
            "127.0.10.12:5060",
            "127.0.10.12:0",
            "node.listen[1].address",
            "must be an address and port that peers can reach",
        ),
        ("[\"127.0.10.21\"]", "[]", "node.peers[0].addresses", "must name at least one address"),
        (
            "that of the whole domain",
            "of the domain",
            "node.cx.secret",
            "must have at least 16 characters, as the HSS demands",
        ),
        ("t2_ms = 16000", "t2_ms = 1", "node.ue_timers", "must have t1_ms above 0 and t2_ms not below t1_ms"),
        ("state_dir = \"state\"", "", "node.state_dir", "must be set: this role keeps state"),
        ("[\"127.0.10.2:5300\"]", "[]", "node.dns.servers", "must name at least one server"),
    ];
    for (good, bad, key, reason) in rows {
        let invalid = read(&GOOD.replace(good, bad)).unwrap().validate("node", State::Kept).unwrap_err();
        assert_eq!((invalid.key(), invalid.reason()), (key, reason));
    }
    let kept = read(GOOD).unwrap().validate("node", State::None).unwrap_err();
    assert_eq!(kept.reason(), "must not be set: this role keeps no state");
    let unknown = read(&GOOD.replace("t1_ms", "t1")).unwrap_err();
    assert!(unknown.starts_with("unknown field `t1`"), "{unknown}");
}
