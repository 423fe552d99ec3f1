//! A node's recording against somebody else's ears: tshark captures the same traffic on loopback, and both have the same
//! messages with the same addresses, in the same order per direction, each written before it was heard and heard before it
//! was read.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

mod support;

use lab::{Access, Agent, Lab, Options};
use serde::Deserialize;
use sip_message::{Frame, Framer};
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use support::{config, good, skip};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

const NODES: [&str; 6] = ["ps1", "scscf1a", "scscf1b", "icscf1", "pcscf1a", "pcscf1b"];
const FIELDS: [&str; 9] = [
    "frame.time_epoch",
    "ip.src",
    "ip.dst",
    "udp.srcport",
    "udp.dstport",
    "udp.payload",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.payload",
];
/// Where probes go; nobody listens there.
const DISCARD: u16 = 9;
/// How long a probe may take to be shown before another one is sent.
const PROBE: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Channel {
    Udp,
    Tcp,
    Cx,
}

/// One way between two sockets.
type Way = (Channel, SocketAddr, SocketAddr);

/// What went one way: bytes, and when in nanoseconds since 1970. Of Cx only all bytes together are compared.
type Heard = BTreeMap<Way, Vec<(Vec<u8>, u64)>>;

/// Somebody who listens on the loopback interface.
struct Tshark {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    packets: Vec<String>,
    probe: UdpSocket,
    /// Probes sent; each has its number in it.
    probes: u32,
}

impl Tshark {
    /// Starts it and waits until it hears; why that cannot be, otherwise.
    async fn listen() -> Result<Self, String> {
        let fields = FIELDS.iter().flat_map(|field| ["-e", field]);
        let filter = format!("port 5060 or port 5062 or port 3868 or udp port {DISCARD}");
        let mut command = Command::new("tshark");
        command
            .args(["-l", "-n", "-i", "lo", "-f", &filter, "-T", "fields", "-E", "separator=|"])
            .args(fields);
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let spawned = command.kill_on_drop(true).spawn();
        let mut child = spawned.map_err(|_| "tshark is not installed (package tshark)".to_owned())?;
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let probe = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut tshark = Self { child, lines, packets: Vec::new(), probe, probes: 0 };
        if tshark.catch_up().await {
            return Ok(tshark);
        }
        let mut why = String::new();
        tshark.child.stderr.take().unwrap().read_to_string(&mut why).await.unwrap();
        let said = why.lines().find_map(|line| line.strip_prefix("tshark: ").filter(|why| !why.is_empty()));
        Err(format!("tshark may not capture: {}", said.unwrap_or(&why)))
    }

    /// Sends probes until it shows one of them: then it has shown everything before; `false` when it has ended.
    async fn catch_up(&mut self) -> bool {
        let from = self.probe.local_addr().unwrap().port().to_string();
        let first = self.probes;
        loop {
            self.probe.send_to(&self.probes.to_be_bytes(), ("127.0.0.1", DISCARD)).unwrap();
            self.probes += 1;
            while let Ok(line) = timeout(PROBE, self.lines.next_line()).await {
                let Some(line) = line.unwrap() else { return false };
                let fields: Vec<&str> = line.split('|').collect();
                if fields[3] != from {
                    self.packets.push(line);
                } else if u32::from_str_radix(fields[5], 16).unwrap() >= first {
                    return true;
                }
            }
        }
    }

    async fn end(mut self) -> Vec<String> {
        assert!(self.catch_up().await);
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
        // It may still have something to say, and waits until that is taken.
        while self.lines.next_line().await.unwrap().is_some() {}
        self.child.wait().await.unwrap();
        self.packets
    }
}

/// The packets between addresses of this network, cut into messages.
fn captured(packets: &[String], is_ours: impl Fn(IpAddr) -> bool) -> Heard {
    let mut heard = Heard::new();
    let mut framers: HashMap<Way, Framer> = HashMap::new();
    for packet in packets {
        let fields: Vec<&str> = packet.split('|').collect();
        let [time, src, dst, udp_src, udp_dst, udp, tcp_src, tcp_dst, tcp] = fields[..] else {
            panic!("{packet}");
        };
        let (channel, ports, payload) = if udp.is_empty() {
            let ports = [tcp_src, tcp_dst];
            (if ports.contains(&"3868") { Channel::Cx } else { Channel::Tcp }, ports, tcp)
        } else {
            (Channel::Udp, [udp_src, udp_dst], udp)
        };
        // An ICMP error shows the packet that it is about, too.
        let Ok(ips) = [src, dst].map(str::parse::<IpAddr>).into_iter().collect::<Result<Vec<_>, _>>() else {
            continue;
        };
        if payload.is_empty() || !ips.iter().all(|ip| is_ours(*ip)) {
            continue;
        }
        let end = |at: usize| SocketAddr::new(ips[at], ports[at].parse().unwrap());
        let way = (channel, end(0), end(1));
        let (bytes, at) = (unhex(payload), nanoseconds(time));
        let all = heard.entry(way).or_default();
        if channel != Channel::Tcp {
            all.push((bytes, at));
            continue;
        }
        let framer = framers.entry(way).or_default();
        framer.push(&bytes);
        while let Ok(Some(frame)) = framer.next_frame() {
            if let Frame::Message(message) = frame {
                all.push((message.to_vec(), at));
            }
        }
    }
    heard.retain(|_, all| !all.is_empty());
    heard
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// `1767323045.678900000` as nanoseconds.
fn nanoseconds(epoch: &str) -> u64 {
    let (seconds, fraction) = epoch.split_once('.').unwrap();
    seconds.parse::<u64>().unwrap() * 1_000_000_000 + format!("{fraction:0<9}")[..9].parse::<u64>().unwrap()
}

#[derive(Deserialize)]
struct Line {
    wall_ns: u64,
    direction: String,
    transport: String,
    local: SocketAddr,
    remote: SocketAddr,
    text: Option<String>,
    hex: Option<String>,
}

/// A node's recording: what it read, and what it wrote.
fn recorded(file: &Path) -> [Heard; 2] {
    let mut both = [Heard::new(), Heard::new()];
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let line: Line = serde_json::from_str(line).unwrap();
        let channel = match &*line.transport {
            "UDP" => Channel::Udp,
            "TCP" => Channel::Tcp,
            _ => Channel::Cx,
        };
        let bytes = line.text.map_or_else(|| unhex(&line.hex.unwrap()), String::into_bytes);
        let (side, from, to) = match &*line.direction {
            "in" => (0, line.remote, line.local),
            _ => (1, line.local, line.remote),
        };
        both[side].entry((channel, from, to)).or_default().push((bytes, line.wall_ns));
    }
    both
}

/// Alice by UDP watches carol, who publishes by TCP; then both end.
async fn traffic(lab: &Lab) {
    let mut alice = good(Agent::start(lab, "alice", "pcscf1a", Access::Udp));
    let mut carol = good(Agent::start(lab, "carol", "pcscf1b", Access::Tcp));
    good(alice.register().await);
    good(carol.register().await);
    good(alice.say("watch sip:carol@home1.test").await);
    good(alice.until("watch", |event| &*event.event == "presence").await);
    good(carol.say("publish open where the tea is \u{2615}").await);
    good(alice.until("update", |event| event.basic.as_deref() == Some("open")).await);
    carol.end().await;
    alice.end().await;
}

/// Where the messages of one way differ, if they do.
fn assert_same(node: &str, way: Way, ours: &[(Vec<u8>, u64)], theirs: &[(Vec<u8>, u64)], is_written: bool) {
    let text = |all: &[(Vec<u8>, u64)]| {
        let starts =
            all.iter().map(|(bytes, _)| String::from_utf8_lossy(bytes).lines().next().map(str::to_owned));
        format!("{:#?}", starts.collect::<Vec<_>>())
    };
    let same = ours.iter().map(|(bytes, _)| bytes).eq(theirs.iter().map(|(bytes, _)| bytes));
    assert!(same, "{node} {way:?}\nrecorded {}\ncaptured {}", text(ours), text(theirs));
    for ((bytes, own), (_, wire)) in ours.iter().zip(theirs) {
        let (first, second) = if is_written { (own, wire) } else { (wire, own) };
        assert!(
            first <= second,
            "{node} {way:?}: {first} is after {second}: {}",
            String::from_utf8_lossy(bytes)
        );
    }
}

fn together(all: &[(Vec<u8>, u64)]) -> Vec<u8> {
    all.iter().flat_map(|(bytes, _)| bytes).copied().collect()
}

#[tokio::test]
async fn what_a_node_records_is_what_tshark_captures() {
    let tshark = match Tshark::listen().await {
        Ok(tshark) => tshark,
        Err(why) => return skip(&format!("recording against a capture: {why}")),
    };
    let place = tempfile::tempdir().unwrap();
    let (overlay, recordings) = (place.path().join("overlay"), place.path().join("recordings"));
    std::fs::create_dir(&overlay).unwrap();
    std::fs::create_dir(&recordings).unwrap();
    for node in NODES {
        let section = format!("[node.recording]\nfile = {:?}\n", recordings.join(node));
        std::fs::write(overlay.join(format!("{node}.toml")), section).unwrap();
    }
    let lab = good(Lab::up(Options { overlays: vec![overlay], ..Options::new(&config()) }).await);
    let network = lab.address(0).octets();
    traffic(&lab).await;
    good(lab.down().await);
    let is_ours = |ip: IpAddr| matches!(ip, IpAddr::V4(ip) if ip.octets()[..3] == network[..3]);
    let captured = captured(&tshark.end().await, is_ours);
    let mut compared = HashMap::new();
    for node in NODES {
        for (heard, is_written) in recorded(&recordings.join(node)).into_iter().zip([false, true]) {
            for (way, ours) in heard {
                let nothing = Vec::new();
                let theirs = captured.get(&way).unwrap_or(&nothing);
                if way.0 == Channel::Cx {
                    assert_eq!(together(&ours), together(theirs), "{node} {way:?}");
                } else {
                    assert_same(node, way, &ours, theirs, is_written);
                }
                let sides: &mut u8 = compared.entry(way).or_default();
                *sides += 1;
            }
        }
    }
    // Nothing crossed the wire past the recordings, and all three channels were in use.
    for way in captured.keys() {
        assert!(compared.contains_key(way), "{way:?} was captured and not recorded");
    }
    for channel in [Channel::Udp, Channel::Tcp, Channel::Cx] {
        assert!(compared.keys().any(|(own, ..)| *own == channel), "{channel:?}");
    }
}
