//! A network whose proxy is overloaded, in virtual time.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test helper may fail its test"
)]

mod support;

use clock::Now;
use cx_protocol::{Answer, MAX_OUTSTANDING, Request, ResultCode};
use ims_node::{Event, Pressure};
use sip_message::{Method, Transport};
use sip_resolve::Hop;
use std::collections::BTreeMap;
use support::{SECOND, address, answer, draft, ms, network};
use testnet::{Availability, HssOracle, ScriptUe, World};

struct Everybody;

impl HssOracle for Everybody {
    fn answer(&mut self, _: Now, _: &str, request: &Request) -> Answer {
        request.answer(ResultCode::Success)
    }
}

/// By TCP, where nobody repeats what is not answered.
fn send(world: &mut World, method: Method, call_id: &str) -> String {
    let draft = draft(method, call_id);
    let to = Hop { address: address(1), transport: Transport::Tcp };
    world.with("ue", |ue: &mut ScriptUe, now| ue.send(now, &draft, to)).unwrap()
}

fn pressures(world: &World) -> Vec<Pressure> {
    let pressure = |event: &Event| match event {
        Event::Pressure(pressure) => Some(*pressure),
        _ => None,
    };
    world.log("proxy").iter().filter_map(|(_, event)| pressure(event)).collect()
}

/// More SUBSCRIBEs than the proxy may have at a silent HSS: it sheds the rest, still passes PUBLISH on, and takes
/// SUBSCRIBE again when the HSS is back.
#[test]
fn a_silent_hss_costs_new_requests_and_nothing_else() {
    let mut world = network(11);
    world.add_hss("hss1", Everybody);
    world.connect_hss("proxy", "hss1");
    world.set_hss("hss1", Availability::Silent);
    let count = MAX_OUTSTANDING;
    let branches: Vec<String> =
        (0..count).map(|number| send(&mut world, Method::Subscribe, &format!("s{number}"))).collect();
    let publish = send(&mut world, Method::Publish, "p");
    world.run_for(ms(400)).unwrap();
    assert_eq!(answer(&world, &publish), Some(200));
    let mut answers: BTreeMap<Option<u16>, usize> = BTreeMap::new();
    for branch in &branches {
        *answers.entry(answer(&world, branch)).or_default() += 1;
    }
    let taken = count * 75 / 100;
    assert_eq!(answers, BTreeMap::from([(None, taken), (Some(503), count - taken)]));
    assert_eq!(pressures(&world), [Pressure::High]);

    world.set_hss("hss1", Availability::Up);
    world.run_for(10 * SECOND).unwrap();
    assert_eq!(pressures(&world), [Pressure::High, Pressure::None]);
    let again = send(&mut world, Method::Subscribe, "again");
    world.run_until_quiet(SECOND).unwrap();
    assert_eq!(answer(&world, &again), Some(200));
}
