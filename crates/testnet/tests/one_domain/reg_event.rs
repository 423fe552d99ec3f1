//! What the network does to a registration reaches the phone (rules REG-U-06, REG-P-07, REG-S-11).

use crate::domain::{
    Home, Store, Tape, assert_empty, node, quiet, register, registered, reports, say, secs, shown,
};
use cx_protocol::ScscfName;
use hss::Hss;
use presence_document::{ContactState, RegInfo};
use sip_message::{Message, Transport};
use testnet::{Fate, Gone, World};
use ue_agent::Report;

const TRANSPORTS: [Transport; 2] = [Transport::Udp, Transport::Tcp];
const USER: &str = "alice@home1.test";

/// The operator does something at the HSS.
fn operator(world: &mut World, order: impl FnOnce(&mut Hss, clock::Now)) {
    world.with_hss("hss1", |store: &mut Store, now| order(&mut store.hss, now)).unwrap();
}

/// `hss ctl deregister alice@home1.test`
fn deregister(world: &mut World) {
    operator(world, |hss, now| {
        hss.deregister(now, USER).unwrap();
    });
}

/// `hss ctl reassign alice@home1.test sip:scscf1a.home1.test`
fn reassign(world: &mut World) {
    operator(world, |hss, now| {
        hss.reassign(now, USER, ScscfName::new("sip:scscf1a.home1.test").unwrap()).unwrap();
    });
}

/// Alice and carol are registered, and alice watches carol.
fn met(transport: Transport) -> World {
    let mut world = Home::new(transport).world(1);
    register(&mut world, &["alice", "carol"]);
    say(&mut world, "alice", "watch sip:carol@home1.test");
    quiet(&mut world);
    assert_eq!(shown(&reports(&mut world, "alice")), Some(("closed", "")));
    world
}

/// Subscriptions to registrations at the S-CSCF and at the P-CSCF.
fn watched(world: &World) -> (usize, usize) {
    (
        node::<scscf::Scscf>(world, "scscf1a").role().reg_watches(),
        node::<pcscf::Pcscf>(world, "pcscf1a").role().reg_subscriptions(),
    )
}

/// Why a UE is not registered, and after how many seconds it tries again.
fn ended(reports: &[Report]) -> Option<(&str, Option<u64>)> {
    reports.iter().find_map(|report| {
        let Report::RegisterFailed { reason, retry_s, .. } = report else { return None };
        Some((&**reason, *retry_s))
    })
}

const REJECTED: &str = "the network has ended the registration (rejected)";
const DEACTIVATED: &str = "the network has ended the registration (deactivated)";

#[test]
fn reg_u_06_the_operator_ends_a_registration_and_the_phone_shows_it() {
    for transport in TRANSPORTS {
        let mut world = met(transport);
        assert_eq!((registered(&world), watched(&world)), ((2, 2), (4, 2)));
        deregister(&mut world);
        world.run_for(secs(5)).unwrap();
        assert_eq!(ended(&reports(&mut world, "alice")), Some((REJECTED, None)), "{transport}");
        assert_eq!((registered(&world), watched(&world)), ((1, 1), (2, 1)), "the P-CSCF believes it no more");
        let before = Tape::of(&world).statuses("alice", "REGISTER").len();
        world.run_for(secs(3600)).unwrap();
        assert_eq!(Tape::of(&world).statuses("alice", "REGISTER").len(), before, "it stays away");
        say(&mut world, "alice", "register");
        quiet(&mut world);
        assert_eq!((registered(&world), watched(&world)), ((2, 2), (4, 2)), "until its user wants it back");
    }
}

#[test]
fn reg_u_06_another_server_is_to_serve_the_user_and_the_phone_registers_anew() {
    for transport in TRANSPORTS {
        let mut world = met(transport);
        reassign(&mut world);
        quiet(&mut world);
        let told = reports(&mut world, "alice");
        assert_eq!(ended(&told), Some((DEACTIVATED, Some(0))), "{transport}");
        assert!(matches!(told.last(), Some(Report::Registered { .. })), "{told:?}");
        assert_eq!((registered(&world), watched(&world)), ((2, 2), (4, 2)));
        say(&mut world, "carol", "publish open still seen");
        quiet(&mut world);
        assert_eq!(shown(&reports(&mut world, "alice")), Some(("open", "still seen")));
    }
}

#[test]
fn reg_p_08_notifys_that_are_late_do_not_undo_the_new_registration() {
    let mut world = met(Transport::Udp);
    // The P-CSCF's own NOTIFY is lost until the phone has long registered again.
    world.set_filter(|passage| {
        let to_itself = passage.to == "pcscf1a" && passage.bytes.starts_with(b"NOTIFY sip:pcscf1a");
        if to_itself { Fate::Lost } else { Fate::Chance }
    });
    reassign(&mut world);
    world.run_for(secs(3)).unwrap();
    world.set_filter(|_| Fate::Chance);
    world.run_for(secs(90)).unwrap();
    assert!(reports(&mut world, "alice").iter().any(|report| matches!(report, Report::Registered { .. })));
    assert_eq!((registered(&world), watched(&world)), ((2, 2), (4, 2)));
    say(&mut world, "alice", "message sip:carol@home1.test still here");
    quiet(&mut world);
    let told = reports(&mut world, "alice");
    assert!(matches!(told[..], [Report::Answered { status: Some(200), .. }]), "{told:?}");
}

#[test]
fn sub_n_21_the_phone_is_told_by_an_s_cscf_that_has_restarted() {
    for gone in [Gone::Refusing, Gone::Silent] {
        for transport in TRANSPORTS {
            let mut world = met(transport);
            world.crash("scscf1a", gone);
            world.run_for(secs(10)).unwrap();
            world.restart("scscf1a");
            world.run_for(secs(10)).unwrap();
            assert_eq!(watched(&world), (4, 2), "out of its journal");
            deregister(&mut world);
            world.run_for(secs(5)).unwrap();
            assert_eq!(ended(&reports(&mut world, "alice")), Some((REJECTED, None)), "{transport} {gone:?}");
            assert_eq!((registered(&world), watched(&world)), ((1, 1), (2, 1)));
        }
    }
}

#[test]
fn sub_n_21_what_was_promised_to_the_hss_is_told_even_after_a_crash() {
    let mut world = met(Transport::Udp);
    // The RTA is out and nobody has been told yet.
    world.set_filter(|passage| {
        let told = passage.from == "scscf1a" && passage.bytes.starts_with(b"NOTIFY");
        if told { Fate::Lost } else { Fate::Chance }
    });
    deregister(&mut world);
    world.run_for(secs(2)).unwrap();
    world.crash("scscf1a", Gone::Refusing);
    world.set_filter(|_| Fate::Chance);
    world.run_for(secs(5)).unwrap();
    world.restart("scscf1a");
    world.run_for(secs(10)).unwrap();
    assert_eq!(ended(&reports(&mut world, "alice")), Some((REJECTED, None)));
    assert_eq!((registered(&world), watched(&world)), ((1, 1), (2, 1)));
}

#[test]
fn reg_p_07_a_p_cscf_that_was_away_learns_what_it_missed() {
    let mut world = met(Transport::Udp);
    world.crash("pcscf1a", Gone::Refusing);
    deregister(&mut world);
    // Longer than the S-CSCF tries to tell anybody.
    world.run_for(secs(200)).unwrap();
    world.restart("pcscf1a");
    world.run_for(secs(10)).unwrap();
    // The P-CSCF has forgotten its subscription of before. When it subscribes anew, it is asked about that one.
    assert_eq!((registered(&world), watched(&world)), ((1, 1), (2, 1)));
}

#[test]
fn reg_s_12_a_pushed_profile_changes_nothing_for_the_phone() {
    let mut world = met(Transport::Udp);
    operator(&mut world, |hss, now| {
        hss.push(now, USER).unwrap();
    });
    quiet(&mut world);
    assert_eq!((registered(&world), watched(&world)), ((2, 2), (4, 2)));
    assert_eq!(reports(&mut world, "alice"), []);
}

#[test]
fn reg_e_03_documents_of_a_dialog_rise_and_end() {
    let mut world = met(Transport::Udp);
    deregister(&mut world);
    quiet(&mut world);
    let tape = Tape::reg(&world);
    let notifies = tape.fresh(|seen| &*seen.to == "alice" && seen.is_request("NOTIFY"));
    let documents: Vec<RegInfo> =
        notifies.iter().map(|seen| RegInfo::parse(&seen.message.body()).unwrap()).collect();
    let versions: Vec<u32> = documents.iter().map(|document| document.version).collect();
    assert_eq!(versions, [0, 1]);
    let states: Vec<ContactState> =
        documents.iter().map(|document| document.registrations[0].contacts[0].state).collect();
    assert_eq!(states, [ContactState::Active, ContactState::Terminated]);
}

#[test]
fn phones_that_do_not_subscribe_are_served_as_before() {
    let mut world = Home { subscribe_reg: false, ..Home::new(Transport::Udp) }.world(1);
    register(&mut world, &["alice", "carol"]);
    assert_eq!((watched(&world), Tape::reg(&world).seen.len()), ((0, 0), 0));
    deregister(&mut world);
    world.run_for(secs(10)).unwrap();
    assert_eq!((registered(&world), reports(&mut world, "alice")), ((1, 2), vec![]));
}

#[test]
fn leaving_ends_what_was_watched() {
    for transport in TRANSPORTS {
        let mut world = met(transport);
        for ue in ["alice", "carol"] {
            say(&mut world, ue, "quit");
        }
        world.run_for(secs(100)).unwrap();
        assert_eq!(watched(&world), (0, 0));
        assert_empty(&world);
        let refused = |message: &Message| message.status().is_some_and(|status| status.code() >= 400);
        let tape = Tape::reg(&world);
        assert!(tape.fresh(|seen| refused(&seen.message)).is_empty(), "{}", tape.show());
    }
}
