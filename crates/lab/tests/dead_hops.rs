//! A hop dies under a few hundred requests a second: every request is answered, and the node in front of the dead one goes on
//! answering others. How long that takes on a quiet machine is printed; the bounds here are for a loaded one.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod support;

use lab::{Lab, Options};
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;
use support::load::{Caller, Fates};
use support::own_network::{in_own_network, plug_in, unplug};
use support::{Between, config, good, skip};
use tokio::time::Instant;

/// Requests a second.
const RATE: u32 = 600;
/// How long requests come before the hop dies, and afterwards.
const BEFORE: Duration = Duration::from_secs(1);
const AFTER: Duration = Duration::from_secs(6);
/// A hop is given up before five seconds; a loaded machine takes its time with the rest.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// On a quiet machine 50 ms.
const PINGED_WITHIN: Duration = Duration::from_secs(2);

/// How the hop dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    Killed,
    Ended,
    Stopped,
    Unplugged,
}

const DEATHS: [Death; 4] = [Death::Killed, Death::Ended, Death::Stopped, Death::Unplugged];

/// A hop, the node in front of it, and requests that pass both.
struct Way {
    dies: &'static str,
    before: &'static str,
    request: (&'static str, &'static str, &'static str),
    headers: &'static str,
    body: &'static str,
}

/// Nobody of this name: the answer is 404, from the I-CSCF.
fn texts() -> Way {
    Way {
        dies: "scscf1a",
        before: "pcscf1a",
        request: ("MESSAGE", "sip:nobody@home1.test", "sip:nobody@home1.test"),
        headers: "Content-Type: text/plain\r\n",
        body: "hello",
    }
}

/// The presence server answers 400, because the document is none.
fn publications() -> Way {
    Way {
        dies: "ps1",
        before: "scscf1a",
        request: ("PUBLISH", "sip:alice@home1.test", "sip:alice@home1.test"),
        headers: "Event: presence\r\nExpires: 600\r\nContent-Type: application/pidf+xml\r\n",
        body: "no document",
    }
}

fn node_address(lab: &Lab, name: &str) -> SocketAddr {
    let node = lab.nodes().find(|node| node.name == name).unwrap();
    node.addresses["udp"][0]
}

fn signal(lab: &Lab, node: &str, signal: &str) {
    let pid = lab.nodes().find(|own| own.name == node).and_then(|own| own.pid).unwrap();
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

/// Lets the hop die while requests come, and live again; whether that can be done here.
async fn die(lab: &mut Lab, way: &Way, death: Death) -> bool {
    let address = node_address(lab, way.dies).ip();
    match death {
        Death::Killed => good(lab.kill(way.dies).await),
        Death::Ended => good(lab.end(way.dies).await),
        Death::Stopped => signal(lab, way.dies, "-STOP"),
        Death::Unplugged => {
            if let Err(why) = unplug(address) {
                skip(&format!("hops that are unplugged: {why}"));
                return false;
            }
        }
    }
    true
}

async fn live(lab: &mut Lab, way: &Way, death: Death) {
    match death {
        Death::Killed | Death::Ended => good(lab.restart(way.dies).await),
        Death::Stopped => signal(lab, way.dies, "-CONT"),
        Death::Unplugged => plug_in(node_address(lab, way.dies).ip()).unwrap(),
    }
}

/// What became of the requests, and the longest that the node in front took for an OPTIONS meanwhile.
async fn suffer(lab: &mut Lab, way: &Way, death: Death) -> Option<(Fates, Duration)> {
    let pcscf = lab.ue_address("pcscf1a").unwrap();
    let host = |last: u8| {
        let mut octets = [0; 4];
        octets.copy_from_slice(&match pcscf.ip() {
            std::net::IpAddr::V4(v4) => v4.octets(),
            std::net::IpAddr::V6(_) => panic!("the lab is on IPv4"),
        });
        octets[3] = last;
        std::net::IpAddr::from(octets)
    };
    let mut caller = Caller::new(host(110), pcscf);
    caller.register();
    let front = if way.before == "pcscf1a" { pcscf } else { node_address(lab, way.before) };
    let mut pinger = Caller::new(host(111), front);
    let (death_at, end) = (Instant::now() + BEFORE, Instant::now() + BEFORE + AFTER);
    let (request, headers, body) = (way.request, way.headers, way.body);
    let calling = std::thread::spawn(move || {
        caller.send_until(end, RATE, (request, headers, body));
        caller.finish()
    });
    let pinging = std::thread::spawn(move || pinger.ping_until(end, &format!("sip:{front}")));
    tokio::time::sleep_until(death_at).await;
    let died = die(lab, way, death).await;
    let join = tokio::task::spawn_blocking(move || (calling.join().unwrap(), pinging.join().unwrap()));
    let seen = join.await.unwrap();
    if died {
        live(lab, way, death).await;
    }
    died.then_some(seen)
}

async fn every_death(way: Way, between: Between) {
    let overlays = between.overlay().into_iter().collect();
    let mut lab = good(Lab::up(Options { overlays, ..Options::new(&config()) }).await);
    for death in DEATHS {
        let Some((fates, ping)) = suffer(&mut lab, &way, death).await else { continue };
        println!("{} {death:?}: {fates:?}, OPTIONS to {} {ping:?} at most", way.dies, way.before);
        assert_eq!(fates.unanswered, 0, "{death:?}: {fates:?}");
        assert!(fates.longest < ANSWERED_WITHIN, "{death:?}: {fates:?}");
        assert!(ping < PINGED_WITHIN, "{death:?}: {ping:?}");
        let there = fates
            .statuses
            .iter()
            .filter(|(status, _)| **status != 504)
            .map(|(_, count)| count)
            .sum::<usize>();
        assert!(there > 0 && fates.statuses.contains_key(&504), "it lived, and died: {fates:?}");
        recovered(&lab).await;
    }
    good(lab.down().await);
}

/// All is well again: somebody can register, which needs every node but the presence server.
async fn recovered(lab: &Lab) {
    let pcscf = lab.ue_address("pcscf1a").unwrap();
    while !tokio::task::spawn_blocking(move || Caller::new(pcscf.ip(), pcscf).try_register()).await.unwrap() {
    }
}

#[test]
fn sip_15_an_s_cscf_dies_under_load_by_udp() {
    in_own_network(|| every_death(texts(), Between::Udp));
}

#[test]
fn sip_15_an_s_cscf_dies_under_load_by_tcp() {
    in_own_network(|| every_death(texts(), Between::Tcp));
}

#[test]
fn sip_15_a_presence_server_dies_under_load() {
    in_own_network(|| every_death(publications(), Between::Tcp));
}
