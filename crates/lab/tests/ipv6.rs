//! IPv6 end to end, in a network namespace of the test's own: all nodes on IPv6 alone, and a network of each family whose
//! CSCFs meet on the one that both have.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

mod support;

use lab::{Access, Agent, Lab, Options};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::agents::{BOB, does, registered, shows};
use support::{config, good, skip};

const ALICE: &str = "sip:alice@home1.test";
const BINARIES: [&str; 7] = ["nameserver", "hss", "presence-server", "scscf", "icscf", "pcscf", "ue-agent"];
/// How every address of `config/` begins; its last part is the host.
const CONFIGURED: &str = "127.0.10.";
const PREFIX: &str = "fd00:10::";
/// Hosts of nodes, as they are written, and those of agents, in hexadecimal.
const NODES: [std::ops::RangeInclusive<u16>; 3] = [2..=2, 11..=17, 21..=27];
const AGENTS: std::ops::RangeInclusive<u16> = 0xc9..=0xd2;

/// A namespace with a loopback interface; it goes with this value.
struct Namespace(String);

impl Namespace {
    /// Why there is none, where there is none.
    fn make(name: &str) -> Result<Self, String> {
        let name = format!("muster-{name}-{}", std::process::id());
        ip(&["netns", "add", &name])?;
        let made = Self(name);
        made.ip(&["link", "set", "lo", "up"])?;
        let nodes = NODES.into_iter().flatten().map(|host| format!("{PREFIX}{host}/64"));
        for address in nodes.chain(AGENTS.map(|host| format!("{PREFIX}{host:x}/64"))) {
            made.ip(&["address", "add", &address, "dev", "lo", "nodad"])?;
        }
        Ok(made)
    }

    fn ip(&self, arguments: &[&str]) -> Result<(), String> {
        ip(&[&["-netns", &self.0], arguments].concat())
    }

    /// A directory with programs that are the real ones in this namespace.
    fn binaries(&self, place: &Path) -> PathBuf {
        let (directory, real) = (place.join("binaries"), std::env::current_exe().unwrap());
        let real = real.parent().and_then(Path::parent).unwrap();
        std::fs::create_dir(&directory).unwrap();
        for binary in BINARIES {
            let program = directory.join(binary);
            let script =
                format!("#!/bin/sh\nexec ip netns exec {} {}/{binary} \"$@\"\n", self.0, real.display());
            std::fs::write(&program, script).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        directory
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Somebody else may have removed it.
        let _ = ip(&["netns", "delete", &self.0]);
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(arguments).output();
    let output = output.map_err(|_| "ip is not installed (package iproute2)".to_owned())?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    output.status.success().then_some(()).ok_or_else(|| format!("no network namespace can be made: {said}"))
}

/// Which families a node has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Has {
    V4,
    V6,
    Both,
}

/// What stands in a file in place of an IPv4 address, alone or with a port.
fn moved(has: Has, host: &str, port: Option<&str>) -> String {
    let (v4, v6) = match port {
        Some(port) => (format!("{CONFIGURED}{host}:{port}"), format!("[{PREFIX}{host}]:{port}")),
        None => (format!("{CONFIGURED}{host}"), format!("{PREFIX}{host}")),
    };
    match has {
        Has::V4 => v4,
        Has::V6 => v6,
        Has::Both => format!("{v6}\", \"{v4}"),
    }
}

/// A file of a node with its addresses moved, which asks DNS for these families.
fn node_file(text: &str, families: &str, has: fn(&str) -> Has) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        // A listener has one address: one that has both is there twice.
        if let Some((before, listener, side)) =
            parts(&line, "listen = [{ address = \"", "\", side = \"network\" }]")
            && let Some((host, port)) = listener.trim_start_matches(CONFIGURED).split_once(':')
        {
            let addresses = moved(has(host), host, Some(port));
            let listeners = addresses.replace("\", \"", "\", side = \"network\" }, { address = \"");
            line = format!("{before}{listeners}{side}");
        } else {
            line = rest_moved(&line, has);
        }
        writeln!(out, "{line}").unwrap();
        if line.starts_with("servers = ") {
            writeln!(out, "families = {families}").unwrap();
        }
    }
    out
}

/// The line up to the end of `before`, what stands between, and the line from `after` on.
fn parts<'a>(line: &'a str, before: &str, after: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let start = line.find(before)? + before.len();
    let end = start + line.get(start..)?.find(after)?;
    Some((line.get(..start)?, line.get(start..end)?, line.get(end..)?))
}

fn rest_moved(line: &str, has: fn(&str) -> Has) -> String {
    let mut pieces = line.split(CONFIGURED);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    for piece in pieces {
        let (host, rest) = piece.split_at(digits(piece));
        let port = rest.strip_prefix(':').map(|rest| rest.split_at(digits(rest)));
        let (port, rest) = port.map_or((None, rest), |(port, rest)| (Some(port), rest));
        out += &moved(has(host), host, port);
        out += rest;
    }
    out
}

/// A zone with an AAAA beside or in place of an A.
fn zone_file(text: &str, has: fn(&str) -> Has) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let address = line.split_once(CONFIGURED).map(|(before, host)| (before, host.trim()));
        match address.map(|(before, host)| (has(host), before.replace(" A ", " AAAA "), host)) {
            Some((Has::V6, before, host)) => writeln!(out, "{before}{PREFIX}{host}"),
            Some((Has::Both, before, host)) => writeln!(out, "{line}\n{before}{PREFIX}{host}"),
            Some((Has::V4, ..)) | None => writeln!(out, "{line}"),
        }
        .unwrap();
    }
    out
}

/// A copy of `config/` in which nodes have these families.
fn configured(place: &Path, families: fn(&str) -> &'static str, has: fn(&str) -> Has) -> PathBuf {
    let copied = place.join("config");
    assert!(Command::new("cp").arg("-r").arg(config()).arg(&copied).status().unwrap().success());
    for directory in [copied.clone(), copied.join("zones")] {
        for entry in std::fs::read_dir(directory).unwrap() {
            let file = entry.unwrap().path();
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            let edit = |text: String| match file.extension().and_then(|extension| extension.to_str()) {
                Some("toml") => Some(node_file(&text, families(&name), has)),
                Some("zone") => Some(zone_file(&text, has)),
                _ => None,
            };
            let edited = file.is_file().then(|| std::fs::read_to_string(&file).unwrap()).and_then(edit);
            edited.into_iter().for_each(|text| std::fs::write(&file, text).unwrap());
        }
    }
    copied
}

/// The last part of an address, as it is written.
fn host_of(ip: IpAddr) -> String {
    let text = ip.to_string();
    text.rsplit(['.', ':']).next().unwrap_or_default().to_owned()
}

async fn watches(lab: &Lab, (watcher, presentity): (&mut Agent, &mut Agent), uri: &str) {
    does(presentity, "publish open", |event| &*event.event == "published").await;
    does(watcher, &format!("watch {uri}"), |event| shows(event, "open")).await;
    does(presentity, "publish closed", |event| &*event.event == "published").await;
    good(watcher.until("closed", |event| shows(event, "closed")).await);
    let ended = |event: &lab::Event| &*event.state == "ended";
    does(watcher, &format!("unwatch {uri}"), ended).await;
    assert!(lab.nodes().all(|node| node.pid.is_some()));
}

/// Alice and bob watch each other, over each transport and over different ones.
async fn everybody_is_seen(name: &str, families: fn(&str) -> &'static str, has: fn(&str) -> Has) {
    let namespace = match Namespace::make(name) {
        Ok(namespace) => namespace,
        Err(why) => return skip(&format!("{name}: {why}")),
    };
    let place = tempfile::tempdir().unwrap();
    let config = configured(place.path(), families, has);
    let domains = ["home1.test", "home2.test"].map(Into::into).to_vec();
    let binaries = Some(namespace.binaries(place.path()));
    let lab = good(Lab::up(Options { domains, binaries, ..Options::new(&config) }).await);
    for node in lab.nodes() {
        let addresses = node.addresses.values().chain(node.ue_addresses.values()).flatten();
        let hosts = addresses.map(|address| (has(&host_of(address.ip())), address.is_ipv6()));
        assert!(
            hosts.into_iter().all(|(has, is_v6)| has == Has::Both || is_v6 == (has == Has::V6)),
            "{node:?}"
        );
    }
    for access in [(Access::Udp, Access::Udp), (Access::Tcp, Access::Tcp), (Access::Udp, Access::Tcp)] {
        let mut alice = registered(&lab, "alice", access.0, &[]).await;
        let mut bob = registered(&lab, "bob", access.1, &[]).await;
        watches(&lab, (&mut alice, &mut bob), BOB).await;
        watches(&lab, (&mut bob, &mut alice), ALICE).await;
        alice.end().await;
        bob.end().await;
    }
    good(lab.down().await);
}

#[tokio::test]
async fn sip_14_a_network_on_ipv6_alone() {
    everybody_is_seen("ipv6", |_| "[\"ipv6\"]", |_| Has::V6).await;
}

/// home2.test is on IPv6; its I-CSCF and S-CSCFs, which other networks meet, have both families, and so has DNS.
#[tokio::test]
async fn sip_14_a_network_on_ipv4_and_one_on_ipv6_meet_at_nodes_with_both() {
    let families = |file: &str| match file {
        "hss2.toml" | "ps2.toml" | "icscf2.toml" | "scscf2a.toml" | "scscf2b.toml" | "pcscf2a.toml"
        | "pcscf2b.toml" => "[\"ipv6\", \"ipv4\"]",
        _ => "[\"ipv4\"]",
    };
    let has = |host: &str| match host {
        "2" | "23" | "24" | "25" => Has::Both,
        "21" | "22" | "26" | "27" => Has::V6,
        _ => Has::V4,
    };
    everybody_is_seen("families", families, has).await;
}
