//! A configuration error names file, line, column and key.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test helper may fail its test")]

use ims_runtime::config::{ConfigFile, Configuration, DnsConfig, InvalidKey, Seconds};
use serde::Deserialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Node {
    ctl_socket: PathBuf,
    subscription_max_s: Seconds,
    dns: DnsConfig,
    #[serde(default)]
    peers: Vec<Peer>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Peer {
    address: std::net::IpAddr,
}

impl Configuration for Node {
    fn ctl_socket(&self) -> &Path {
        &self.ctl_socket
    }

    fn paths(&mut self) -> Vec<&mut PathBuf> {
        vec![&mut self.ctl_socket]
    }

    fn validate(&self) -> Result<(), InvalidKey> {
        if let Some(index) = self.peers.iter().position(|peer| peer.address.is_unspecified()) {
            return Err(InvalidKey::new(format!("peers[{index}].address"), "must be one address"));
        }
        self.dns.validate("dns")
    }
}

fn load(text: &str) -> Result<Node, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("node.toml");
    std::fs::write(&path, text).unwrap();
    let shown = directory.path().display().to_string();
    ConfigFile::new(path).load().map_err(|error| error.to_string().replace(&shown, "DIR"))
}

const GOOD: &str = "\
ctl_socket = \"run/node.sock\"
subscription_max_s = 3600

[dns]
servers = [\"127.0.0.1:53\"]
";

#[test]
fn a_good_file_is_read_and_its_defaults_hold() {
    let node = load(GOOD).unwrap();
    assert_eq!(node.subscription_max_s.duration().as_secs(), 3600);
    assert_eq!((node.dns.timeout_ms.duration().as_millis(), node.dns.attempts), (1000, 2));
}

#[test]
fn a_relative_path_is_relative_to_the_file_and_an_absolute_one_stays() {
    assert!(load(GOOD).unwrap().ctl_socket.is_absolute());
    let absolute = GOOD.replace("run/node.sock", "/run/node.sock");
    assert_eq!(load(&absolute).unwrap().ctl_socket, Path::new("/run/node.sock"));
}

#[test]
fn every_error_names_file_line_column_and_key() {
    let rows = [
        (
            "subscription_max_s = 3600",
            "subscription_max = 3600",
            "DIR/node.toml:2:1: subscription_max: unknown field `subscription_max`, expected one of `ctl_socket`, `subscription_max_s`, `dns`, `peers`",
        ),
        (
            "3600",
            "\"1h\"",
            "DIR/node.toml:2:22: subscription_max_s: invalid type: string \"1h\", expected u32",
        ),
        ("3600", "-1", "DIR/node.toml:2:22: subscription_max_s: invalid value: integer `-1`, expected u32"),
        ("subscription_max_s = 3600\n", "", "DIR/node.toml:1:1: missing field `subscription_max_s`"),
        ("servers = [\"127.0.0.1:53\"]", "families = []", "DIR/node.toml:4:1: dns: missing field `servers`"),
        ("127.0.0.1:53", "127.0.0.1", "DIR/node.toml:5:12: dns.servers[0]: invalid socket address syntax"),
        ("[\"127.0.0.1:53\"]", "[]", "DIR/node.toml:5:1: dns.servers: must name at least one server"),
        ("[dns]", "[dns]\nattempts = 0", "DIR/node.toml:5:1: dns.attempts: must be at least 1"),
        ("[dns]", "[dns", "DIR/node.toml:4:5: unclosed table, expected `]`"),
        (
            "[dns]",
            "[[peers]]\naddress = \"192.0.2.1\"\n[[peers]]\naddress = \"0.0.0.0\"\n[dns]",
            "DIR/node.toml:7:1: peers[1].address: must be one address",
        ),
        (
            "[dns]",
            "[[peers]]\nadress = \"192.0.2.1\"\n[dns]",
            "DIR/node.toml:5:1: peers[0].adress: unknown field `adress`, expected `address`",
        ),
    ];
    for (good, bad, expected) in rows {
        assert_eq!(load(&GOOD.replace(good, bad)).unwrap_err(), expected);
    }
}

#[test]
fn a_key_that_is_absent_is_shown_at_its_section() {
    let file = ConfigFile::<Node>::new(PathBuf::from("/nonexistent/node.toml"));
    let error = file.invalid(InvalidKey::new("dns.families", "must not be empty"));
    assert_eq!(error.to_string(), "/nonexistent/node.toml:1:1: dns.families: must not be empty");
    let inline = GOOD.replace("[dns]", "[dns]\nfamilies = []");
    let expected = "DIR/node.toml:5:1: dns.families: must name \"ipv4\", \"ipv6\" or both";
    assert_eq!(load(&inline).unwrap_err(), expected);
}

#[test]
fn a_file_that_is_absent_or_too_long_is_said_to_be() {
    let absent = ConfigFile::<Node>::new(PathBuf::from("/nonexistent/node.toml")).load().unwrap_err();
    assert_eq!(absent.to_string(), "/nonexistent/node.toml: No such file or directory (os error 2)");
    let long = format!("{GOOD}#{}", " ".repeat(ims_runtime::config::MAX_FILE_BYTES - GOOD.len()));
    assert_eq!(load(&long).unwrap_err(), "DIR/node.toml: longer than 1048576 bytes");
    assert!(load(&long[..long.len() - 1]).is_ok());
}

#[test]
fn a_value_from_the_command_line_goes_before_that_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("node.toml");
    std::fs::write(&path, GOOD).unwrap();
    let with = |lines: &[&str]| {
        let assignments = lines.iter().map(|line| line.parse().unwrap()).collect();
        ConfigFile::<Node>::new(path.clone()).with(assignments).load()
    };
    let node = with(&["dns.attempts = 5", "subscription_max_s=60", "peers=[{address='192.0.2.1'}]"]).unwrap();
    assert_eq!((node.dns.attempts, node.dns.timeout_ms.0, node.subscription_max_s.0), (5, 1000, 60));
    assert_eq!(node.peers.len(), 1);
    let rows = [
        ("dns.atempts = 5", "--set dns.atempts = 5: unknown field `atempts`"),
        ("dns.attempts = 'x'", "--set dns.attempts = 'x': invalid type"),
        ("dns.attempts = 0", "dns.attempts: must be at least 1"),
    ];
    for (line, expected) in rows {
        let error = with(&["dns.attempts = 5", line]).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!("dns.attempts".parse::<ims_runtime::config::Assignment>().is_err());
}

#[test]
fn addresses_are_moved_before_the_file_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let (path, moved) = (directory.path().join("node.toml"), directory.path().join("moved.toml"));
    std::fs::write(&path, GOOD).unwrap();
    std::fs::write(&moved, "\"127.0.0.1\" = \"10.77.1.2\"").unwrap();
    let node = ConfigFile::<Node>::new(path.clone()).relocated(Some(moved)).load().unwrap();
    assert_eq!(node.dns.servers, ["10.77.1.2:53".parse().unwrap()]);
    let absent = ConfigFile::<Node>::new(path).relocated(Some("/nonexistent/moved.toml".into())).load();
    assert!(absent.unwrap_err().to_string().starts_with("/nonexistent/moved.toml: "));
}
