//! Something the network needs is away: what the UE hears, how soon, and that all mends itself when it is back.

use crate::domain::{Home, Tape, endings, quiet, register, registered, reports, say, secs, shown};
use sip_message::Transport;
use std::time::Duration;
use testnet::{Availability, Gone, World};
use ue_agent::Report;

/// How soon a UE must be answered: the patience of who finds out, and then a way of some hops. A node that says nothing
/// is tried over UDP and then over TCP.
const SOON: Duration = Duration::from_millis(5_100);
const SOON_ENOUGH: Duration = Duration::from_millis(9_100);

/// How soon all is well again.
const RECOVERY: Duration = secs(120);

const OUT: [Availability; 2] = [Availability::Failing, Availability::Silent];
const DEAD: [Gone; 2] = [Gone::Refusing, Gone::Silent];

/// Alice and carol are registered; alice asks to watch carol while something is away.
fn refused(world: &mut World, expected: u16, soon: Duration) {
    let asked = world.now().mono;
    say(world, "alice", "watch sip:carol@home1.test");
    let answered = |world: &World| !Tape::of(world).statuses("alice", "SUBSCRIBE").is_empty();
    world.run_until(answered, secs(32)).unwrap();
    let waited = world.now().mono.saturating_since(asked);
    assert!(waited <= soon, "{waited:?}");
    assert_eq!(Tape::of(world).statuses("alice", "SUBSCRIBE"), [expected]);
    world.run_for(secs(1)).unwrap();
    assert_eq!(endings(&reports(world, "alice")), [expected]);
}

/// Nobody does anything, and alice watches carol.
fn mends(world: &mut World) {
    world.run_for(RECOVERY).unwrap();
    say(world, "carol", "publish open back again");
    world.run_for(RECOVERY).unwrap();
    assert_eq!(shown(&reports(world, "alice")), Some(("open", "back again")));
}

fn met(transport: Transport) -> World {
    let mut world = Home::new(transport).world(1);
    register(&mut world, &["alice", "carol"]);
    world
}

#[test]
fn the_hss_is_away() {
    for out in OUT {
        let mut world = met(Transport::Udp);
        world.set_hss("hss1", out);
        refused(&mut world, 504, SOON);
        world.set_hss("hss1", Availability::Up);
        mends(&mut world);
    }
}

#[test]
fn nobody_registers_while_the_hss_is_away() {
    for out in OUT {
        let mut world = Home::new(Transport::Udp).world(1);
        world.set_hss("hss1", out);
        say(&mut world, "alice", "register");
        world.run_for(SOON).unwrap();
        let told = reports(&mut world, "alice");
        assert!(
            matches!(told[0], Report::RegisterFailed { status: Some(504), retry_s: Some(_), .. }),
            "{told:?}"
        );
        world.set_hss("hss1", Availability::Up);
        world.run_for(RECOVERY).unwrap();
        assert_eq!(registered(&world), (1, 1));
    }
}

#[test]
fn dns_is_away() {
    for out in OUT {
        let mut world = Home::new(Transport::Udp).world(1);
        world.zone.availability = out;
        say(&mut world, "alice", "register");
        world.run_for(secs(31)).unwrap();
        assert_eq!(Tape::of(&world).statuses("alice", "REGISTER")[0], 504, "{out:?}");
        world.zone.availability = Availability::Up;
        world.run_for(RECOVERY).unwrap();
        assert_eq!(registered(&world), (1, 1));
    }
}

/// RFC 8767: who has found each other goes on, however long DNS is away.
#[test]
fn dns_is_away_for_longer_than_its_answers_live() {
    for out in OUT {
        let mut world = met(Transport::Udp);
        say(&mut world, "alice", "watch sip:carol@home1.test");
        quiet(&mut world);
        world.zone.availability = out;
        for (after, basic, note) in [(300, "open", "minutes later"), (3600, "closed", "an hour later")] {
            world.run_for(secs(after)).unwrap();
            say(&mut world, "carol", &format!("publish {basic} {note}"));
            world.run_for(secs(31)).unwrap();
            assert_eq!(shown(&reports(&mut world, "alice")), Some((basic, note)), "{out:?}");
        }
        assert_eq!(registered(&world), (2, 2), "{out:?}");
        world.zone.availability = Availability::Up;
        mends(&mut world);
    }
}

#[test]
fn a_node_is_away() {
    for dead in DEAD {
        for transport in [Transport::Udp, Transport::Tcp] {
            for node in ["ps1", "icscf1", "scscf1a"] {
                let mut world = met(transport);
                world.crash(node, dead);
                refused(&mut world, 504, if node == "ps1" { SOON } else { SOON_ENOUGH });
                world.restart(node);
                mends(&mut world);
            }
        }
    }
}

#[test]
fn the_p_cscf_is_away() {
    for (dead, transport) in
        [(Gone::Refusing, Transport::Udp), (Gone::Silent, Transport::Udp), (Gone::Refusing, Transport::Tcp)]
    {
        let mut world = met(transport);
        say(&mut world, "alice", "watch sip:carol@home1.test");
        quiet(&mut world);
        world.crash("pcscf1a", dead);
        world.run_for(secs(20)).unwrap();
        world.restart("pcscf1a");
        mends(&mut world);
        assert_eq!(registered(&world), (2, 2), "{transport} {dead:?}");
    }
}

#[test]
fn nobody_registers_while_the_registrar_is_away() {
    for dead in DEAD {
        let mut world = Home::new(Transport::Udp).world(1);
        world.crash("scscf1a", dead);
        say(&mut world, "alice", "register");
        world.run_for(SOON).unwrap();
        assert_eq!(Tape::of(&world).statuses("alice", "REGISTER")[0], 504, "{dead:?}");
        world.restart("scscf1a");
        world.run_for(RECOVERY).unwrap();
        assert_eq!(registered(&world), (1, 1));
    }
}
