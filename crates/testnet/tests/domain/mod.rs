//! One operator's network, or two that know each other, in virtual time: every node out of its real role, the HSS out
//! of its real store, and user agents.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test helper may fail its test, looks at what concerns it, and each test binary uses its part"
)]

mod accounts;
mod fault;
mod home;
pub(crate) mod invariants;
mod names;
mod phone;
mod roamer;
mod rules;
mod subject;
mod tape;

pub(crate) use accounts::{Store, scscf_name};
pub(crate) use fault::Fault;
pub(crate) use home::{Home, Size};
pub(crate) use names::{
    ALICE, BOB, CAROL, DAVE, DOMAIN, ERIN, GRACE, HEIDI, Kind, NODES, UES, address, domain_of, nodes_of,
};
pub(crate) use phone::{Line, asked, code};
pub(crate) use roamer::Roamer;
pub(crate) use rules::book;
pub(crate) use subject::Subject;
pub(crate) use tape::{Seen, Tape};

use ims_node::{Node, Role};
use presence_server::PresenceServer;
use std::time::Duration;
use testnet::World;
use ue_agent::{Ask, Command, Report, SubscriptionState, Told, UeAgent};

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Gives a user agent a command, which must be understood.
pub(crate) fn say(world: &mut World, ue: &str, line: &str) {
    try_to_say(world, ue, line).expect("a user agent answers at once").unwrap();
}

/// Gives a user agent a command that may come at the wrong time; `None` from one that is dead.
pub(crate) fn try_to_say(world: &mut World, ue: &str, line: &str) -> Option<Told> {
    let words: Vec<&str> = line.split_whitespace().collect();
    world.ask::<UeAgent>(ue, Ask::Do(Command::parse(&words).unwrap()))
}

/// What a user agent has told since the last look.
pub(crate) fn reports(world: &mut World, ue: &str) -> Vec<Report> {
    world.with(ue, |roamer: &mut Roamer, _| roamer.reports()).unwrap_or_default()
}

/// Lets things happen until nothing is under way.
pub(crate) fn quiet(world: &mut World) {
    world.run_until_quiet(secs(40)).unwrap();
}

/// Registers user agents on a network where nothing goes wrong.
pub(crate) fn register(world: &mut World, ues: &[&str]) {
    for ue in ues {
        say(world, ue, "register");
        quiet(world);
        let told = reports(world, ue);
        assert!(matches!(told[..], [Report::Registered { .. }]), "{told:?}");
    }
}

/// What a watcher was told last of anybody: `open` or `closed`, and the note.
pub(crate) fn shown(reports: &[Report]) -> Option<(&'static str, &str)> {
    reports.iter().rev().find_map(|report| {
        let Report::Presence { basic: Some(basic), note, .. } = report else { return None };
        Some((*basic, note.as_deref().unwrap_or("")))
    })
}

/// The statuses by which subscriptions ended, 0 where there was none.
pub(crate) fn endings(reports: &[Report]) -> Vec<u16> {
    let ended = |report: &Report| {
        let Report::Subscription { state: SubscriptionState::Ended, status, .. } = report else {
            return None;
        };
        Some(status.unwrap_or(0))
    };
    reports.iter().filter_map(ended).collect()
}

/// A node of this role, which lives.
pub(crate) fn node<'a, R: Role + 'static>(world: &'a World, name: &str) -> &'a Node<R> {
    world.node::<Subject<R>>(name).unwrap_or_else(|| panic!("{name} lives")).node()
}

pub(crate) fn ps(world: &World) -> &PresenceServer {
    node(world, "ps1").role()
}

/// How many are registered, as the S-CSCF and the P-CSCF see it.
pub(crate) fn registered(world: &World) -> (usize, usize) {
    (
        node::<scscf::Scscf>(world, "scscf1a").role().registered(),
        node::<pcscf::Pcscf>(world, "pcscf1a").role().registered(),
    )
}

/// Fails where any node of home1.test keeps anything of anybody; only the keys of P-CSCF, S-CSCF and presence server may be on a disk.
pub(crate) fn assert_empty(world: &World) {
    assert_eq!(leftovers(world, 1, Size::Small), Vec::<String>::new());
}

/// What the nodes of a domain keep though everybody has left.
pub(crate) fn leftovers(world: &World, number: u8, size: Size) -> Vec<String> {
    let mut left = Vec::new();
    for (name, kind, _) in nodes_of(number, size) {
        let (kept, is_quiet) = match kind {
            Kind::Pcscf => tables(node::<pcscf::Pcscf>(world, &name), |role| {
                role.registered() + role.reg_subscriptions()
            }),
            Kind::Icscf => tables(node::<icscf::Icscf>(world, &name), |_| 0),
            Kind::Scscf => {
                tables(node::<scscf::Scscf>(world, &name), |role| role.registered() + role.reg_watches())
            }
            Kind::Hss => continue,
            Kind::PresenceServer => {
                tables(node::<PresenceServer>(world, &name), |role| role.watches() + role.presentities())
            }
        };
        let keys = match kind {
            // What it signs with, and what it numbers subscriptions with.
            Kind::Scscf => 2,
            Kind::Pcscf | Kind::PresenceServer => 1,
            Kind::Icscf | Kind::Hss => 0,
        };
        let records = world.records_on_disk(&name) - keys;
        if (kept, is_quiet, records) != (0, true, 0) {
            left.push(format!("{name}: {kept} entries, {records} records, quiet: {is_quiet}"));
        }
    }
    left
}

fn tables<R: Role>(node: &Node<R>, kept: impl Fn(&R) -> usize) -> (usize, bool) {
    (kept(node.role()), node.is_quiet())
}
