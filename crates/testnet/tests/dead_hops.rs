//! A hop dies under a few hundred requests a second, in virtual time: every request is answered within five seconds, the node
//! in front of the dead one answers others meanwhile, and its work does not grow with what waits.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

mod support;

use figure::Wire;
use ims_node::{Node, NodeSettings, Peer};
use sip_message::{Draft, HeaderName, Message, Method, Transport, Uri};
use sip_resolve::Hop;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use support::{Forwarder, Keeper, SECOND, address, ms, settings};
use testnet::{Gone, ScriptUe, World};

/// Requests a second, for as long as they come before and after the hop has died.
const RATE: u64 = 600;
const BEFORE: u64 = 1;
const AFTER: u64 = 6;

const FIVE_SECONDS: Duration = Duration::from_secs(5);
const TRANSPORTS: [Transport; 2] = [Transport::Udp, Transport::Tcp];

/// How the hop dies, and how it lives again.
struct Death {
    name: &'static str,
    die: fn(&mut World),
}

const DEATHS: [Death; 4] = [
    Death { name: "killed", die: |world| world.crash("echo", Gone::Refusing) },
    Death { name: "power lost", die: |world| world.crash("echo", Gone::Silent) },
    Death { name: "stopped", die: |world| world.freeze("echo") },
    Death { name: "unplugged", die: |world| world.sever("proxy", "echo") },
];

fn own(name: &str, last: u8) -> NodeSettings {
    let peers = [1, 2].map(|last| address(last).ip()).to_vec();
    NodeSettings { peers: vec![Peer { addresses: peers, domains: Vec::new() }], ..settings(name, last) }
}

/// `ue` - `proxy` - `echo`, nodes of one network.
fn network(seed: u64) -> World {
    let mut world = World::new(seed);
    world.zone.sip("echo.test", &[("echo.test", 5060)]);
    world.zone.host("echo.test", address(2).ip());
    let (proxy, echo) = (own("proxy.test", 1), own("echo.test", 2));
    world.add_node(&proxy.clone(), move |seed| Node::new(proxy.clone(), Forwarder::default(), seed));
    world.add_node(&echo.clone(), move |seed| Node::new(echo.clone(), Keeper::default(), seed));
    world.add("ue.test", vec![address(9)], |_| ScriptUe::new(address(9)));
    world
}

fn draft(number: u64, uri: &str, method: Method) -> Draft {
    let cseq = format!("1 {method}");
    Draft::new(method, Uri::parse(uri).unwrap())
        .header(HeaderName::From, "<sip:a@ue.test>;tag=1")
        .header(HeaderName::To, "<sip:b@echo.test>")
        .header(HeaderName::CallId, format_args!("call-{number}"))
        .header(HeaderName::CSeq, cseq)
        .header(HeaderName::MaxForwards, 70)
        .without_body()
}

fn send(world: &mut World, draft: &Draft) -> String {
    let to = Hop { address: address(1), transport: Transport::Udp };
    world.with("ue", |ue: &mut ScriptUe, now| ue.send(now, draft, to)).unwrap()
}

fn steps(world: &World) -> u64 {
    world.node::<Node<Forwarder>>("proxy").unwrap().steps()
}

/// Requests at their rate for some seconds, each tenth an OPTIONS to the proxy itself; their branches.
fn load(world: &mut World, first: u64, seconds: u64, transport: Transport) -> Vec<String> {
    let far = format!("sip:b@echo.test;transport={}", transport.uri_token());
    let mut branches = Vec::new();
    for number in first..first + RATE * seconds {
        let draft = if number % 10 == 0 {
            draft(number, "sip:proxy.test", Method::Options)
        } else {
            draft(number, &far, Method::Message)
        };
        branches.push(send(world, &draft));
        world.run_for(SECOND / u32::try_from(RATE).unwrap()).unwrap();
    }
    branches
}

/// How long each request of the UE waited for its final answer, and the status, by branch.
fn answers(world: &World) -> HashMap<String, (Duration, u16, bool)> {
    let (mut begun, mut answered) = (HashMap::new(), HashMap::new());
    for crossing in world.messages() {
        let Wire::Sip(bytes) = &crossing.wire else { continue };
        let Ok(message) = Message::parse(bytes.clone()) else { continue };
        let Some(branch) = message.branch().map(str::to_owned) else { continue };
        match message.status() {
            None if &*crossing.from == "ue" => drop(begun.entry(branch).or_insert(crossing.at)),
            Some(status) if &*crossing.to == "ue" && !status.is_provisional() => {
                let waited = crossing.at - begun[&branch];
                let is_ping = message.cseq_method() == "OPTIONS";
                answered.entry(branch).or_insert_with(|| (waited, status.code(), is_ping));
            }
            _ => {}
        }
    }
    answered
}

#[test]
fn sip_15_whatever_becomes_of_a_hop_everybody_is_answered_within_five_seconds() {
    for transport in TRANSPORTS {
        for Death { name, die } in DEATHS {
            let mut world = network(7);
            let mut branches = load(&mut world, 0, BEFORE, transport);
            let before = steps(&world);
            die(&mut world);
            branches.extend(load(&mut world, RATE * BEFORE, AFTER, transport));
            world.run_for(FIVE_SECONDS).unwrap();
            let answers = answers(&world);
            let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
            for branch in &branches {
                let answer = answers.get(branch);
                let (waited, status, is_ping) =
                    answer.unwrap_or_else(|| panic!("{name} {transport}: {branch}"));
                assert!(*waited <= FIVE_SECONDS, "{name} {transport}: {waited:?}");
                assert!(!is_ping || *waited <= ms(10), "{name} {transport}: OPTIONS {waited:?}");
                *statuses.entry(*status).or_default() += 1;
            }
            assert!(statuses[&200] > 0 && statuses[&504] > 0, "{name} {transport}: {statuses:?}");
            // Each request moves its deadlines a few times, whatever becomes of the others.
            let each = (steps(&world) - before) / (RATE * AFTER);
            assert!(each <= 20, "{name} {transport}: {each} steps for each request");
        }
    }
}

#[test]
fn sip_15_a_hop_that_is_back_is_used_again() {
    for transport in TRANSPORTS {
        let mut world = network(8);
        load(&mut world, 0, 1, transport);
        world.freeze("echo");
        load(&mut world, RATE, 1, transport);
        world.run_for(FIVE_SECONDS).unwrap();
        world.thaw("echo");
        world.run_for(SECOND).unwrap();
        let branches = load(&mut world, 2 * RATE, 1, transport);
        world.run_for(SECOND).unwrap();
        let answers = answers(&world);
        assert!(branches.iter().all(|branch| answers[branch].1 == 200), "{transport}");
    }
}
