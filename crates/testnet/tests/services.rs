//! DNS, the HSS, operators, and the recording of all of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test helper may fail its test")]

mod support;

use clock::Now;
use cx_protocol::{Answer, CxFailure, Impi, Request, ResultCode, Rtr, RtrReason};
use figure::{Naming, Selection};
use ims_node::{Event, Input, Node};
use sip_message::Method;
use std::collections::VecDeque;
use std::time::Duration;
use support::{Count, Keeper, Probe, SECOND, address, answer, ms, network, send};
use testnet::{Availability, Gone, HssOracle, Stuck, World, Zone};

/// Knows nobody, or everybody; sends what it is told to.
#[derive(Default)]
struct Table {
    knows_everybody: bool,
    asked_by: Vec<String>,
    pushes: VecDeque<(Box<str>, Request)>,
    pushed: Vec<(String, Result<ResultCode, CxFailure>)>,
}

impl HssOracle for Table {
    fn answer(&mut self, _: Now, peer: &str, request: &Request) -> Answer {
        self.asked_by.push(peer.to_owned());
        request.answer(if self.knows_everybody { ResultCode::Success } else { ResultCode::UserUnknown })
    }

    fn poll_request(&mut self) -> Option<(Box<str>, Request)> {
        self.pushes.pop_front()
    }

    fn on_answer(&mut self, _: Now, peer: &str, answer: &Result<Answer, CxFailure>) {
        self.pushed.push((peer.to_owned(), answer.as_ref().map(Answer::result).map_err(|failure| *failure)));
    }
}

fn with_hss(seed: u64) -> World {
    let mut world = network(seed);
    world.add_hss("hss1", Table { knows_everybody: true, ..Table::default() });
    world.connect_hss("proxy", "hss1");
    world
}

/// When and how a request is answered.
fn outcome(world: &mut World, method: Method) -> (u16, Duration) {
    let (start, branch) = (world.now().mono, send(world, method, "call"));
    world.run_until(|world| answer(world, &branch).is_some(), 33 * SECOND).unwrap();
    (answer(world, &branch).unwrap(), world.now().mono.saturating_since(start))
}

#[test]
fn dns_answers_fails_or_says_nothing() {
    let cases = [
        (Availability::Up, 200, ms(0)),
        (Availability::Failing, 504, ms(0)),
        (Availability::Silent, 504, ms(9_900)),
    ];
    for (availability, status, at_least) in cases {
        let mut world = network(1);
        world.zone.availability = availability;
        let (answered, took) = outcome(&mut world, Method::Publish);
        assert_eq!(answered, status, "{availability:?}");
        assert!(took >= at_least && took < at_least + ms(2000), "{availability:?}: {took:?}");
    }
}

#[test]
fn a_domain_that_is_not_in_the_zone_does_not_exist() {
    let mut world = network(2);
    world.zone = Zone::default();
    assert_eq!(outcome(&mut world, Method::Publish).0, 404);
}

#[test]
fn the_hss_answers_fails_or_says_nothing() {
    let cases = [
        (Availability::Up, 200, ms(0)),
        (Availability::Failing, 480, ms(0)),
        (Availability::Silent, 480, ms(5000)),
    ];
    for (availability, status, at_least) in cases {
        let mut world = with_hss(3);
        world.set_hss("hss1", availability);
        let (answered, took) = outcome(&mut world, Method::Subscribe);
        assert_eq!(answered, status, "{availability:?}");
        assert!(took >= at_least && took < at_least + ms(100), "{availability:?}: {took:?}");
    }
    assert_eq!(outcome(&mut network(3), Method::Subscribe).0, 480, "a node without an HSS");
}

#[test]
fn an_hss_that_leaves_while_it_is_asked_is_a_lost_connection() {
    let mut world = with_hss(4);
    world.conditions.cx_latency = ms(50);
    let branch = send(&mut world, Method::Subscribe, "call");
    world.run_for(ms(20)).unwrap();
    world.set_hss("hss1", Availability::Failing);
    world.run_until_quiet(SECOND).unwrap();
    assert_eq!(answer(&world, &branch), Some(480));
}

#[test]
fn the_oracle_learns_who_asks() {
    let mut world = with_hss(5);
    world.with_hss("hss1", |table: &mut Table, _| table.knows_everybody = false).unwrap();
    assert_eq!(outcome(&mut world, Method::Subscribe).0, 404);
    let asked = world.with_hss("hss1", |table: &mut Table, _| table.asked_by.clone()).unwrap();
    assert_eq!(asked, ["proxy.test"]);
}

fn push(world: &mut World, peer: &str) {
    let rtr = Request::Rtr(Rtr {
        impi: Impi::new("b@echo.test").unwrap(),
        impus: Vec::new(),
        reason: RtrReason::PermanentTermination,
        reason_info: None,
    });
    world.with_hss("hss1", |table: &mut Table, _| table.pushes.push_back((peer.into(), rtr))).unwrap();
}

#[test]
fn the_hss_asks_a_node_and_hears_exactly_one_answer() {
    let success = Ok(ResultCode::Success);
    type Case = (&'static str, &'static str, Option<Duration>, Result<ResultCode, CxFailure>);
    let cases: [Case; 4] = [
        ("alive", "proxy.test", None, success),
        ("dead", "proxy.test", Some(ms(0)), Err(CxFailure::NotConnected)),
        ("unknown", "nobody.test", None, Err(CxFailure::NotConnected)),
        ("dies after answering", "proxy.test", Some(ms(1)), success),
    ];
    for (what, peer, dies, expected) in cases {
        let mut world = with_hss(6);
        push(&mut world, peer);
        if let Some(after) = dies {
            world.run_for(after).unwrap();
            world.crash("proxy", Gone::Silent);
        }
        world.run_until_quiet(SECOND).unwrap();
        let heard = world.with_hss("hss1", |table: &mut Table, _| table.pushed.clone()).unwrap();
        assert_eq!(heard, [(peer.to_owned(), expected)], "{what}");
    }
    let mut world = with_hss(6);
    world.add("probe", vec![address(5)], |_| Probe::default());
    push(&mut world, "probe");
    world.run_for(ms(10)).unwrap();
    world.crash("probe", Gone::Silent);
    world.run_until_quiet(SECOND).unwrap();
    let heard = world.with_hss("hss1", |table: &mut Table, _| table.pushed.clone()).unwrap();
    assert_eq!(heard, [("probe".to_owned(), Err(CxFailure::ConnectionLost))], "dies without answering");
}

#[test]
fn a_node_is_asked_looked_into_and_its_log_read() {
    let mut world = network(7);
    send(&mut world, Method::Publish, "one");
    world.run_until_quiet(SECOND).unwrap();
    assert_eq!(world.ask::<Keeper>("echo", Count), Some(1));
    assert_eq!(world.ask::<Keeper>("proxy", Count), None, "another role");
    assert_eq!(world.ask::<Keeper>("nobody", Count), None);
    let logged = &world.log("echo")[0].1;
    assert_eq!(*logged, Event::Role { what: "kept", about: "one".into() });
    world.input("echo", Input::Drain);
    assert!(world.node::<Node<Keeper>>("proxy").is_none(), "another role");
}

#[test]
fn what_crossed_the_network_becomes_arrows() {
    let mut world = with_hss(8);
    let mut first = true;
    world.set_filter(move |passage| {
        let lost = passage.to == "echo" && std::mem::take(&mut first);
        if lost { testnet::Fate::Lost } else { testnet::Fate::Chance }
    });
    assert_eq!(outcome(&mut world, Method::Subscribe).0, 200);
    assert_eq!(outcome(&mut world, Method::Options).0, 200);
    let naming = Naming::new().with("ue", "ue1").with("proxy", "icscf1").with("echo", "ps1");
    let arrows = world.recording().arrows(&Selection::of(&["call"]), &naming);
    let lines: Vec<String> = arrows.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "ue1 -> icscf1  SubscribePres  SUBSCRIBE",
            "icscf1 -> hss1  Query  LIR",
            "hss1 -> icscf1  Resp  LIA",
            "icscf1 -> ps1  SubscribePres  SUBSCRIBE",
            "ps1 -> icscf1  MsgAck  200 SUBSCRIBE",
            "icscf1 -> ue1  MsgAck  200 SUBSCRIBE",
        ]
    );
    world.clear_recording();
    assert!(world.recording().messages().is_empty());
}

#[test]
fn waiting_in_vain_says_so() {
    let mut world = network(9);
    assert_eq!(world.run_until(|_| false, SECOND), Err(Stuck::TimeUp { seed: 9 }));
    assert_eq!(world.now().mono.since_start(), SECOND);
    world.add("probe", vec![address(5)], |_| Probe { timeout: Some(clock::Mono::ZERO), ..Probe::default() });
    assert_eq!(world.run_for(SECOND), Err(Stuck::Spinning { seed: 9, node: "probe".into() }));
}
