//! Which application servers are told of a registration (rule REG-S-09): those whose criterion the REGISTER meets, and of its end
//! everybody who knows of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod common;

use common::*;
use cx_protocol::{
    Answer, DefaultHandling, Impi, Ppr, Request, ResultCode, Saa, ServiceProfile, ServiceTrigger, Spt,
};
use ims_node::{HssRequestId, Input};
use scscf::Scscf;
use std::time::Duration;
use testnet::Desk;

/// A server for those whose Contact says that they are special.
const SPECIAL: &str = "127.0.10.18:5060";

/// Alice's profile, with a criterion for [`SPECIAL`].
fn with_special() -> ServiceProfile {
    let mut profile = profile(DefaultHandling::Terminated);
    let mut criterion = profile.criteria.last().unwrap().clone();
    criterion.priority = 3;
    criterion.application_server.uri = format!("sip:{SPECIAL}").into();
    let header = ServiceTrigger::Header { name: "Contact".into(), content: Some("special".into()) };
    let uri = ServiceTrigger::RequestUri("^sip:home1.test$".into());
    for trigger in [header, uri] {
        let spt = Spt { groups: vec![0], negated: false, trigger };
        criterion.trigger.as_mut().unwrap().spts.push(spt);
    }
    profile.criteria.push(criterion);
    profile
}

/// Alice registers with this Contact; gives who is told, and for how long.
fn registers(desk: &mut Desk<Scscf>, number: u32, contact: &str) -> Vec<(String, u32)> {
    let headers = format!("Contact: {contact}\r\n");
    let challenges = challenged(desk, number, &headers);
    let headers = format!("{headers}{}", authorization(&challenges[0], "alice-secret", 1));
    desk.receive(0, address(ICSCF), register(number + 1, &headers));
    desk.hss(Ok(Answer::Saa(Saa { result: ResultCode::Success, impi: None, profile: Some(with_special()) })));
    assert_eq!(desk.status(), Some(200));
    told(desk)
}

fn told(desk: &mut Desk<Scscf>) -> Vec<(String, u32)> {
    let mut told = Vec::new();
    while let Some((to, message)) = desk.sent() {
        assert_eq!(message.cseq_method(), "REGISTER");
        desk.respond(0, to, &message, 200, "");
        told.push((to.to_string(), message.expires().unwrap()));
    }
    // A name is looked up first.
    told.sort();
    told
}

fn both(seconds: u32) -> Vec<(String, u32)> {
    vec![(PS.to_owned(), seconds), (SPECIAL.to_owned(), seconds)]
}

fn only_ps(seconds: u32) -> Vec<(String, u32)> {
    vec![(PS.to_owned(), seconds)]
}

const PLAIN: &str = "<sip:alice@h>";
const MARKED: &str = "<sip:alice@h>;+g.special";

#[test]
fn reg_s_09_criteria_are_held_against_the_register_that_came() {
    let mut desk = desk();
    assert_eq!(registers(&mut desk, 1, PLAIN), only_ps(3600));
    assert_eq!(registers(&mut desk, 3, MARKED), both(3600));
    assert_eq!(registers(&mut desk, 5, PLAIN), only_ps(3600));
    assert_eq!(registers(&mut desk, 7, "<sip:alice@h>;expires=0"), both(0), "whoever knows of it");
}

#[test]
fn reg_s_09_whoever_knows_of_a_registration_hears_of_its_end() {
    let mut desk = desk();
    registers(&mut desk, 1, &format!("{MARKED};expires=600"));
    registers(&mut desk, 3, &format!("{PLAIN};expires=600"));
    // Also from another process.
    desk.restart(Duration::ZERO, settings(), role());
    desk.clear();
    desk.pass(Duration::from_secs(600));
    assert_eq!(told(&mut desk), both(0));
}

#[test]
fn reg_s_09_a_server_that_the_next_profile_does_not_name_hears_of_the_end_once() {
    let mut desk = desk();
    registers(&mut desk, 1, MARKED);
    let headers = format!("Contact: {MARKED}\r\n");
    let again = |desk: &mut Desk<Scscf>, number| {
        let challenges = challenged(desk, number, &headers);
        let headers = format!("{headers}{}", authorization(&challenges[0], "alice-secret", 1));
        desk.receive(0, address(ICSCF), register(number + 1, &headers));
        desk.hss(Ok(saa(DefaultHandling::Terminated)));
        assert_eq!(desk.status(), Some(200));
        told(desk)
    };
    assert_eq!(again(&mut desk, 3), [(PS.to_owned(), 3600), (SPECIAL.to_owned(), 0)]);
    assert_eq!(again(&mut desk, 5), only_ps(3600));
}

#[test]
fn reg_s_12_a_profile_that_names_a_server_no_more_ends_the_registration_there() {
    let mut desk = desk();
    registers(&mut desk, 1, MARKED);
    let profile = profile(DefaultHandling::Terminated);
    let request = Request::Ppr(Ppr { impi: Impi::new("alice@home1.test").unwrap(), profile });
    desk.input(Input::HssRequest { id: HssRequestId(1), request });
    assert_eq!(told(&mut desk), [(PS.to_owned(), 3600), (SPECIAL.to_owned(), 0)]);
}
