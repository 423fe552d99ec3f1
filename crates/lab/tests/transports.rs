//! What goes over UDP and what over TCP, and a phone behind a NAT.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

mod support;

use lab::{Access, Agent, Lab};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use support::agents::{BOB, come_to_rest, does, registered, shows};
use support::{Between, both, both_of, config, good};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

const ALICE: &str = "sip:alice@home1.test";
const NODES: [&str; 8] = ["pcscf1a", "scscf1a", "icscf1", "ps1", "pcscf2a", "scscf2a", "icscf2", "ps2"];
/// RFC 3261 section 18.1.1.
const UDP_LIMIT: usize = 1300;
/// Where every node of the lab listens.
const SIP_PORT: u16 = 5060;
const MARGIN: usize = UDP_LIMIT - 200;

/// A line of a node's recording.
#[derive(Deserialize)]
struct Crossing {
    direction: String,
    transport: String,
    local: SocketAddr,
    remote: SocketAddr,
    #[serde(default)]
    text: String,
}

impl Crossing {
    fn is_request(&self) -> bool {
        !self.text.starts_with("SIP/2.0")
    }

    /// What a node begins beside an answer follows the answer on the peer's connection, however short it is.
    fn follows_an_answer(&self) -> bool {
        self.transport == "TCP" && self.remote.port() != SIP_PORT
    }
}

fn recording_into(place: &Path) -> PathBuf {
    let overlay = place.join("overlay");
    std::fs::create_dir(&overlay).unwrap();
    for node in NODES {
        let section = format!("[node.recording]\nfile = {:?}\n", place.join(node));
        std::fs::write(overlay.join(format!("{node}.toml")), section).unwrap();
    }
    overlay
}

/// What the nodes have sent by SIP.
fn sent(place: &Path) -> Vec<Crossing> {
    let whole_lines = |node| {
        let text = std::fs::read_to_string(place.join(node)).unwrap();
        text.rfind('\n').map(|end| text[..=end].to_owned()).unwrap_or_default()
    };
    let lines = NODES.map(whole_lines).concat();
    let crossings = lines.lines().map(|line| serde_json::from_str::<Crossing>(line).unwrap());
    crossings.filter(|crossing| crossing.direction == "out" && crossing.transport != "CX").collect()
}

/// How many words a note has.
#[derive(Debug, Clone, Copy)]
enum Note {
    Short = 1,
    /// No message with it fits a datagram between nodes.
    Long = 250,
}

async fn publishes(agent: &mut Agent, basic: &str, note: Note) {
    let line = format!("publish {basic} {}", "tea ".repeat(note as usize));
    does(agent, &line, |event| &*event.event == "published").await;
}

async fn everybody_sees(alice: &mut Agent, bob: &mut Agent, basic: &str, note: Note) {
    publishes(alice, basic, note).await;
    good(bob.until(basic, |event| shows(event, basic)).await);
    publishes(bob, basic, note).await;
    good(alice.until(basic, |event| shows(event, basic)).await);
}

/// Two people who watch each other publish; what the nodes have sent meanwhile, and where the phones are.
async fn what_is_sent(
    config: &Path,
    overlay: Option<PathBuf>,
    place: &Path,
    note: Note,
) -> (Vec<Crossing>, [IpAddr; 2]) {
    let lab = both_of(config, overlay.into_iter().chain([recording_into(place)])).await;
    let mut alice = registered(&lab, "alice", Access::Udp, &[]).await;
    let mut bob = registered(&lab, "bob", Access::Tcp, &[]).await;
    does(&mut alice, &format!("watch {BOB}"), |event| &*event.event == "presence").await;
    does(&mut bob, &format!("watch {ALICE}"), |event| &*event.event == "presence").await;
    for basic in ["open", "closed", "open"] {
        everybody_sees(&mut alice, &mut bob, basic, note).await;
    }
    let phones = [alice.address(), bob.address()];
    alice.end().await;
    bob.end().await;
    // Before the nodes end, and look for others by every transport.
    let sent = sent(place);
    good(lab.down().await);
    (sent, phones)
}

#[tokio::test]
async fn sip_10_by_udp_long_requests_go_over_tcp_between_nodes_and_over_its_flow_to_a_phone() {
    let place = tempfile::tempdir().unwrap();
    let (sent, phones) = what_is_sent(&config(), Between::Udp.overlay(), place.path(), Note::Long).await;
    let of_phone = |phone: IpAddr| sent.iter().filter(move |crossing| crossing.remote.ip() == phone);
    for (phone, transport) in phones.into_iter().zip(["UDP", "TCP"]) {
        assert!(of_phone(phone).all(|crossing| crossing.transport == transport), "{phone}");
        assert!(of_phone(phone).any(|crossing| crossing.is_request() && crossing.text.len() > UDP_LIMIT));
    }
    let between_nodes = || sent.iter().filter(|crossing| !phones.contains(&crossing.remote.ip()));
    let mut seen = BTreeSet::new();
    for crossing in between_nodes().filter(|crossing| crossing.is_request()) {
        if crossing.follows_an_answer() {
            continue;
        }
        let length = crossing.text.len();
        // What is not far from the limit goes over TCP as well: the transport is chosen before the Via is made.
        let expected = match length {
            0..MARGIN => "UDP",
            MARGIN..=UDP_LIMIT => continue,
            _ => "TCP",
        };
        let first = crossing.text.lines().next();
        assert_eq!(crossing.transport, expected, "{first:?} to {}: {length} bytes", crossing.remote);
        seen.insert(expected);
    }
    assert_eq!(seen.len(), 2);
    assert_connections_are_used_again(between_nodes());
}

/// Between nodes everything goes by TCP, both ways of a pair on one connection.
#[tokio::test]
async fn design_16_between_nodes_one_connection_of_each_pair_carries_everything() {
    let place = tempfile::tempdir().unwrap();
    let (sent, phones) = what_is_sent(&config(), Between::Tcp.overlay(), place.path(), Note::Long).await;
    // What each end of a pair has sent its latest request on. Where both have opened a connection at the same moment, the first ones
    // went on two.
    let mut latest: BTreeMap<BTreeSet<IpAddr>, BTreeMap<IpAddr, BTreeSet<SocketAddr>>> = BTreeMap::new();
    for crossing in sent.iter().filter(|crossing| !phones.contains(&crossing.remote.ip())) {
        let first = crossing.text.lines().next();
        assert_eq!(crossing.transport, "TCP", "{first:?} to {}", crossing.remote);
        if crossing.is_request() {
            let ends = latest.entry([crossing.local.ip(), crossing.remote.ip()].into()).or_default();
            ends.insert(crossing.local.ip(), [crossing.local, crossing.remote].into());
        }
    }
    for (pair, ends) in &latest {
        let connections: BTreeSet<_> = ends.values().collect();
        assert_eq!(connections.len(), 1, "{pair:?}: {ends:#?}");
    }
    assert!(latest.values().any(|ends| ends.len() == 2), "some ask each other: {latest:#?}");
}

/// A copy of the configuration in which home2.test tells nobody that it takes TCP.
fn udp_alone_at_home2(place: &Path) -> PathBuf {
    let copy = place.join("config");
    let copied = std::process::Command::new("cp").arg("-r").args([&config(), &copy]).status().unwrap();
    assert!(copied.success());
    let zone = copy.join("zones/home2.test.zone");
    let usual = std::fs::read_to_string(&zone).unwrap();
    let is_of_tcp = |line: &str| line.contains("SIP+D2T") || line.starts_with("_sip._tcp");
    let lines = usual.lines().filter(|line| !is_of_tcp(line)).map(|line| format!("{line}\n"));
    std::fs::write(&zone, lines.collect::<String>()).unwrap();
    copy
}

/// Another operator whose zone has neither NAPTR nor SRV records for TCP (RFC 3263 section 4.1) takes part all the same.
#[tokio::test]
async fn rfc3263_4_1_a_network_that_offers_udp_alone_is_sent_to_by_udp() {
    let place = tempfile::tempdir().unwrap();
    let config = udp_alone_at_home2(place.path());
    let (sent, phones) = what_is_sent(&config, None, place.path(), Note::Short).await;
    let is_theirs = |ip: IpAddr| matches!(ip, IpAddr::V4(ip) if (20..30).contains(&ip.octets()[3]));
    let mut seen = BTreeSet::new();
    let between_nodes = sent.iter().filter(|crossing| !phones.contains(&crossing.remote.ip()));
    for crossing in between_nodes.filter(|crossing| crossing.is_request()) {
        let expected = if is_theirs(crossing.remote.ip()) { "UDP" } else { "TCP" };
        // The length of a request comes before what a zone says (RFC 3261 section 18.1.1).
        let is_long = expected == "UDP" && crossing.text.len() >= MARGIN;
        if is_long || crossing.follows_an_answer() {
            continue;
        }
        let first = crossing.text.lines().next();
        assert_eq!(crossing.transport, expected, "{first:?} to {}", crossing.remote);
        seen.insert((is_theirs(crossing.local.ip()), expected));
    }
    assert_eq!(seen.len(), 4, "each network has sent to itself and to the other one: {seen:?}");
}

/// One node has one connection to another one's port, whatever it has to say.
fn assert_connections_are_used_again<'a>(sent: impl Iterator<Item = &'a Crossing>) {
    let mut connections: BTreeMap<(IpAddr, SocketAddr), Vec<u16>> = BTreeMap::new();
    for crossing in sent.filter(|crossing| crossing.transport == "TCP" && crossing.is_request()) {
        let ends = (crossing.local.ip(), crossing.remote);
        connections.entry(ends).or_default().push(crossing.local.port());
    }
    for (ends, ports) in &connections {
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 1, "{ends:?}: {ports:?}");
    }
    assert!(connections.values().any(|ports| ports.len() > 2), "{connections:?}");
}

#[tokio::test]
async fn sip_10_a_connection_that_has_died_with_its_node_is_made_anew() {
    let mut lab = both(None).await;
    let mut alice = registered(&lab, "alice", Access::Udp, &[]).await;
    let mut bob = registered(&lab, "bob", Access::Udp, &[]).await;
    does(&mut alice, &format!("watch {BOB}"), |event| &*event.event == "presence").await;
    does(&mut bob, &format!("watch {ALICE}"), |event| &*event.event == "presence").await;
    everybody_sees(&mut alice, &mut bob, "open", Note::Long).await;
    for (node, basic) in [("ps2", "closed"), ("scscf2a", "open"), ("icscf1", "closed"), ("scscf1a", "open")] {
        // A request whose answer dies with a node is given up by Timer F; that is not the matter here.
        for server in ["ps1", "ps2"] {
            come_to_rest(&lab, server).await;
        }
        good(lab.restart(node).await);
        everybody_sees(&mut alice, &mut bob, basic, Note::Long).await;
    }
    alice.end().await;
    bob.end().await;
    good(lab.down().await);
}

/// A NAT: what the phone sends to `inside` goes on from `outside`, and back. Tells what passes inwards.
async fn translate(
    inside: UdpSocket,
    outside: UdpSocket,
    pcscf: SocketAddr,
    passed: mpsc::UnboundedSender<String>,
) {
    let (mut phone, mut from_phone, mut from_network) = (None, vec![0; 65_535], vec![0; 65_535]);
    loop {
        tokio::select! {
            received = inside.recv_from(&mut from_phone) => {
                let (length, from) = received.unwrap();
                phone = Some(from);
                outside.send_to(from_phone.get(..length).unwrap(), pcscf).await.unwrap();
            }
            received = outside.recv_from(&mut from_network) => {
                let (length, _) = received.unwrap();
                let datagram = from_network.get(..length).unwrap();
                // Nobody has to listen.
                let _ = passed.send(String::from_utf8_lossy(datagram).into_owned());
                inside.send_to(datagram, phone.unwrap()).await.unwrap();
            }
        }
    }
}

/// A phone behind a NAT: its Via and its Contact say an address that the P-CSCF does not see.
async fn behind_nat(lab: &Lab, user: &str) -> (Agent, SocketAddr, mpsc::UnboundedReceiver<String>) {
    let inside = UdpSocket::bind((lab.address(150), 5060)).await.unwrap();
    let outside = UdpSocket::bind((lab.address(151), 0)).await.unwrap();
    let (hop, seen_as) = (inside.local_addr().unwrap(), outside.local_addr().unwrap());
    let (passed, passing) = mpsc::unbounded_channel();
    tokio::spawn(translate(inside, outside, lab.ue_address("pcscf1a").unwrap(), passed));
    let mut agent = good(Agent::start_at(lab, user, hop, Access::Udp, &[]));
    good(agent.register().await);
    (agent, seen_as, passing)
}

#[tokio::test]
async fn sip_09_a_phone_behind_a_nat_is_answered_and_notified_where_it_is_seen() {
    let lab = both(None).await;
    let (mut alice, seen_as, mut passing) = behind_nat(&lab, "alice").await;
    let mut bob = registered(&lab, "bob", Access::Tcp, &[]).await;
    does(&mut alice, &format!("watch {BOB}"), |event| &*event.event == "presence").await;
    does(&mut bob, "publish open", |event| &*event.event == "published").await;
    good(alice.until("open", |event| shows(event, "open")).await);
    let notify = format!("NOTIFY sip:alice@{}", alice.address());
    alice.end().await;
    bob.end().await;
    good(lab.down().await);

    let mut notifies = 0;
    while let Ok(message) = passing.try_recv() {
        notifies += usize::from(message.starts_with(&notify));
        if message.starts_with("SIP/2.0") {
            let received = format!(";received={}", seen_as.ip());
            assert!(message.contains(&received), "{received}\n{message}");
        }
    }
    assert!(notifies >= 2, "the first, and that of the update: {notifies}");
}
