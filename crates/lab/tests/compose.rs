//! docker-compose.yml on a real engine: a project of the test's own, with addresses and ports of its own.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]
#![allow(clippy::disallowed_methods, reason = "containers live in real time")]

#[path = "compose/engine.rs"]
mod engine;
#[path = "compose/project.rs"]
mod project;
mod support;
#[path = "compose/ue.rs"]
mod ue;

use figure::{Figure, Naming, Selection, compare};
use project::{BORDER, NODES, Project};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use ue::Ue;

/// How long what happens in a message or two may take on a machine that is busy.
const SOON: Duration = Duration::from_secs(10);
/// How long it may take until everybody has found each other again: a user agent's back-off included.
const RECOVERY: Duration = Duration::from_secs(60);

#[test]
fn two_operators_in_containers() {
    let project = match Project::new() {
        Ok(project) => project,
        Err(why) => return support::skip(&format!("docker-compose.yml: {why}")),
    };
    let begun = Instant::now();
    project.compose(&["up", "-d"]);
    project.wait_until_healthy(&NODES);
    println!("healthy after {:.1} s", begun.elapsed().as_secs_f32());
    every_container_is_confined(&project);
    the_image_says_whose_work_is_in_it(&project);
    the_networks_are_joined_only_where_operators_meet(&project);
    the_messages_between_containers_are_those_of_the_figures(&project);
    the_ue_of_the_project_watches(&project);
    every_node_stops_and_comes_back(&project);
    a_domain_that_is_cut_off_is_told_of_and_comes_back(&project);
    down_leaves_nothing(&project);
}

fn every_container_is_confined(project: &Project) {
    let format = "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}} \
                  {{gt .HostConfig.Memory 0}}";
    for node in NODES {
        let seen = project.inspect(node, format);
        assert_eq!(seen, "10001:10001 true [ALL] [no-new-privileges:true] true", "{node}");
    }
}

fn the_image_says_whose_work_is_in_it(project: &Project) {
    let notice = project.file("ps1", "/muster/bin/NOTICE");
    for part in ["\ntokio 1", "\nrusqlite ", "Permission is hereby granted, free of charge", "Apache License"]
    {
        assert!(notice.contains(part), "{part}");
    }
}

fn the_networks_are_joined_only_where_operators_meet(project: &Project) {
    for node in NODES {
        let networks =
            project.inspect(node, "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}");
        let networks: BTreeSet<&str> =
            networks.split_whitespace().filter_map(|name| name.rsplit('_').next()).collect();
        let home = if node.contains('1') { "home1" } else { "home2" };
        let access = home.replace("home", "access");
        let expected = match node {
            "nameserver" => BTreeSet::from(["home1", "home2"]),
            _ if BORDER.contains(&node) => BTreeSet::from([home, "interconnect"]),
            _ if node.starts_with("pcscf") => BTreeSet::from([home, &access]),
            _ => BTreeSet::from([home]),
        };
        assert_eq!(networks, expected, "{node}");
    }
}

/// alice and bob, registered over TCP through the published ports.
fn users(project: &Project) -> (Ue, Ue) {
    let (alice, bob) = (Ue::start(project, "alice@home1.test"), Ue::start(project, "bob@home2.test"));
    for ue in [&alice, &bob] {
        ue.say("register");
        ue.until("registered", RECOVERY, |event| event["event"] == "registered");
    }
    (alice, bob)
}

fn the_messages_between_containers_are_those_of_the_figures(project: &Project) {
    let (alice, bob) = users(project);
    for (name, ue, line, method, done) in [
        ("figure-2", &alice, "watch sip:bob@home2.test", "SUBSCRIBE", "presence"),
        ("figure-1", &alice, "watch sip:carol@home1.test", "SUBSCRIBE", "presence"),
        ("figure-3", &alice, "publish open", "PUBLISH", "published"),
    ] {
        let before = project.recording();
        let last = before.messages().last().map_or(Duration::ZERO, |last| last.at);
        let known = before.call_ids(method);
        ue.say(line);
        ue.until(line, SOON, |event| event["event"] == done);
        let figure = Figure::named(name).unwrap();
        let end = Instant::now() + SOON;
        loop {
            let now = project.recording();
            let new: Vec<String> =
                now.call_ids(method).into_iter().filter(|id| !known.contains(id)).collect();
            let new: Vec<&str> = new.iter().map(String::as_str).collect();
            let arrows =
                now.arrows(&Selection::of(&new).since(last + Duration::from_nanos(1)), &Naming::new());
            match compare(&figure, &arrows) {
                Ok(()) => break,
                // The last answers are on their way.
                Err(_) if Instant::now() < end => std::thread::sleep(Duration::from_millis(200)),
                Err(difference) => panic!("{name}: {difference}"),
            }
        }
        println!("{name}: as drawn");
    }
    alice.end();
    bob.end();
}

fn the_ue_of_the_project_watches(project: &Project) {
    let bob = Ue::start(project, "bob@home2.test");
    bob.say("publish open at my desk");
    bob.until("publish", SOON, |event| event["event"] == "published");
    let seen =
        project.compose(&["run", "--rm", "-T", "ue", "alice", "watch", "sip:bob@home2.test", "--count", "1"]);
    assert!(seen.contains("bob@home2.test is open \"at my desk\""), "{seen}");
    bob.end();
}

fn every_node_stops_and_comes_back(project: &Project) {
    let (alice, bob) = users(project);
    alice.say("watch sip:bob@home2.test");
    alice.until("watch", SOON, |event| event["event"] == "presence");
    for node in NODES {
        project.compose(&["stop", node]);
        project.compose(&["start", node]);
        project.wait_until_healthy(&[node]);
        // A user agent whose P-CSCF went away comes back by itself, and finds its subscription or makes a new one.
        let end = Instant::now() + RECOVERY;
        for round in 0.. {
            let note = format!("after {node} {round}");
            bob.say(&format!("publish open {note}"));
            if alice.sees(Duration::from_secs(5), |event| event["note"] == note.as_str()) {
                break;
            }
            assert!(Instant::now() < end, "alice sees bob no more after {node}\n{}", alice.said());
        }
        println!("{node}: stopped, started, alice sees bob");
    }
    alice.end();
    bob.end();
}

fn a_domain_that_is_cut_off_is_told_of_and_comes_back(project: &Project) {
    let theirs: Vec<&str> = BORDER.into_iter().filter(|node| node.contains('2')).collect();
    let addresses: Vec<String> = theirs.iter().map(|node| project.cut_off(node, "interconnect")).collect();
    let alice = Ue::start(project, "alice@home1.test");
    alice.say("fetch sip:bob@home2.test");
    let refused = alice.until("refused", RECOVERY, |event| event["event"] == "subscription");
    assert_eq!((&refused["state"], &refused["status"]), (&"ended".into(), &504.into()), "{refused}");
    // At home nothing is amiss.
    alice.say("fetch sip:carol@home1.test");
    alice.until("fetch at home", SOON, |event| {
        event["uri"] == "sip:carol@home1.test" && event["event"] == "presence"
    });
    for (node, address) in theirs.iter().zip(&addresses) {
        project.join(node, "interconnect", address);
    }
    let end = Instant::now() + RECOVERY;
    loop {
        alice.say("fetch sip:bob@home2.test");
        if alice.sees(Duration::from_secs(5), |event| {
            event["uri"] == "sip:bob@home2.test" && event["event"] == "presence"
        }) {
            break;
        }
        assert!(Instant::now() < end, "home2.test does not come back\n{}", alice.said());
    }
    alice.end();
}

fn down_leaves_nothing(project: &Project) {
    project.compose(&["down"]);
    assert_eq!(project.left("container"), 0);
    assert_eq!(project.left("network"), 0);
    assert_eq!(project.left("volume"), 13, "the state stays");
    project.compose(&["down", "-v"]);
    assert_eq!(project.left("volume"), 0);
}
