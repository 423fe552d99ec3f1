//! Nodes are taken away, killed or silent, and given back: what is asked meanwhile gets the right answer (section 10 of the
//! rules), a subscription that is there survives, and the others need no restart.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

mod support;

use lab::{Access, Agent, Event, Lab};
use std::process::Command;
use std::time::Duration;
use support::agents::{BOB, agent, does, ended, kept, registered, shows};
use support::{Between, both, good, impatient};

/// Somebody whose domain has to be asked for.
const NOBODY: &str = "sip:bob@home3.test";
/// Nodes of home2.test in the order of their start.
const HOME2: &[&str] = &["hss2", "ps2", "scscf2a", "scscf2b", "icscf2", "pcscf2a", "pcscf2b"];
/// Longer than anybody waits for the HSS (5 s), DNS (8 s) or a silent hop (4.5 s), and shorter than Timer F.
const SOON: Duration = Duration::from_secs(15);
/// A NOTIFY that did not reach its watcher is sent again after 30 s.
const RECOVERY: Duration = Duration::from_secs(80);

/// How a request fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Succeeds,
    Gets(u16),
    /// Timer F ends it at the phone.
    GetsNoAnswer,
    /// The phone tries again and again, and succeeds afterwards without another word.
    Waits,
    /// It is not sent.
    Untried,
}
use Fate::{Gets, GetsNoAnswer, Succeeds, Untried, Waits};

struct Outage {
    gone: &'static [&'static str],
    /// Alice fetches this one's presence; and the same afterwards.
    fetch: (&'static str, Fate, Fate),
    /// Bob publishes. If that succeeds, the subscription that is there tells alice.
    publish: Fate,
    /// Dave registers.
    register: Fate,
}

const fn of(gone: &'static [&'static str], fetch: Fate, publish: Fate, register: Fate) -> Outage {
    Outage { gone, fetch: (BOB, fetch, Succeeds), publish, register }
}

struct People {
    alice: Agent,
    bob: Agent,
    dave: Agent,
    /// What bob published last.
    basic: &'static str,
}

impl People {
    async fn meet(lab: &Lab) -> Self {
        let mut alice = registered(lab, "alice", Access::Udp, &[]).await;
        let bob = registered(lab, "bob", Access::Udp, &[]).await;
        let dave = agent(lab, "dave", Access::Udp, &[]);
        does(&mut alice, &format!("watch {BOB}"), |event| shows(event, "closed")).await;
        let mut people = Self { alice, bob, dave, basic: "closed" };
        people.publish(Succeeds).await;
        people
    }

    async fn fetch(&mut self, uri: &str) -> Fate {
        let over = |event: &Event| ended(event) || (&*event.event == "presence" && &*event.state == "ended");
        let event = does(&mut self.alice, &format!("fetch {uri}"), over).await;
        assert_eq!(&*event.uri, uri, "another subscription has ended: {event:?}");
        match (&*event.event, event.status) {
            ("presence", _) => Succeeds,
            (_, Some(status)) => Gets(status),
            (_, None) => GetsNoAnswer,
        }
    }

    /// Bob publishes the opposite.
    async fn begin_to_publish(&mut self) {
        self.basic = if self.basic == "open" { "closed" } else { "open" };
        good(self.bob.say(&format!("publish {}", self.basic)).await);
    }

    /// Alice hears of it by the subscription that is there.
    async fn hear(&mut self) {
        let basic = self.basic;
        good(self.alice.until(basic, |event| shows(event, basic) && &*event.state == "active").await);
    }

    async fn publish(&mut self, expected: Fate) -> Fate {
        self.begin_to_publish().await;
        if expected == Succeeds {
            self.hear().await;
        }
        expected
    }

    async fn register(&mut self) -> Fate {
        let of_register = |event: &Event| event.event.starts_with("register");
        let event = does(&mut self.dave, "register", of_register).await;
        if &*event.event == "register-failed" {
            return event.status.map_or(GetsNoAnswer, Gets);
        }
        does(&mut self.dave, "deregister", |event| &*event.event == "deregistered").await;
        Succeeds
    }

    /// While nodes are away.
    async fn meanwhile(&mut self, outage: &Outage) {
        let (uri, fetch, _) = outage.fetch;
        for (expected, what) in [(fetch, "fetch"), (outage.publish, "publish"), (outage.register, "register")]
        {
            let tried = async {
                match what {
                    _ if expected == Untried => Untried,
                    "fetch" => self.fetch(uri).await,
                    "publish" => self.publish(expected).await,
                    _ => self.register().await,
                }
            };
            let fate = tokio::time::timeout(SOON, tried).await;
            let fate = fate.unwrap_or_else(|_| panic!("{what} without {:?}: nothing", outage.gone));
            assert_eq!(fate, expected, "{what} without {:?}", outage.gone);
        }
    }

    /// When they are back: nobody else is restarted, and nobody has to ask twice once the HSS is found again.
    async fn afterwards(&mut self, outage: &Outage) {
        let (uri, _, expected) = outage.fetch;
        let recover = async {
            if outage.publish == Waits {
                self.hear().await;
            }
            while self.fetch(uri).await != expected {}
            while self.register().await != Succeeds {}
            self.publish(Succeeds).await;
        };
        let recovered = tokio::time::timeout(RECOVERY, recover).await;
        recovered.unwrap_or_else(|_| panic!("{:?} came back and nothing is as before", outage.gone));
    }
}

/// The dialog that is there.
async fn subscriptions(lab: &Lab) -> usize {
    kept(lab, "ps2", "subscription").await.len()
}

#[tokio::test]
async fn edge_15_nodes_that_are_killed_and_come_back_by_tcp() {
    nodes_that_are_killed_and_come_back(Between::Tcp).await;
}

#[tokio::test]
async fn edge_15_nodes_that_are_killed_and_come_back_by_udp() {
    nodes_that_are_killed_and_come_back(Between::Udp).await;
}

async fn nodes_that_are_killed_and_come_back(between: Between) {
    let rows = [
        of(&["hss2"], Gets(504), Succeeds, Gets(504)),
        of(&["ps2"], Gets(504), Waits, Succeeds),
        of(&["scscf2a"], Gets(504), Waits, Succeeds),
        of(&["icscf2"], Gets(504), Succeeds, Gets(504)),
        of(HOME2, Gets(504), Waits, Untried),
        Outage { fetch: (NOBODY, Gets(504), Gets(404)), ..of(&["nameserver"], Untried, Succeeds, Succeeds) },
    ];
    let mut lab = both(between.overlay()).await;
    let mut people = People::meet(&lab).await;
    for outage in rows {
        for node in outage.gone {
            good(lab.kill(node).await);
        }
        people.meanwhile(&outage).await;
        for node in outage.gone {
            good(lab.restart(node).await);
        }
        people.afterwards(&outage).await;
        assert_eq!(subscriptions(&lab).await, 1, "after {:?}", outage.gone);
    }
    good(lab.down().await);
}

/// Stops a node where it is, or lets it go on.
fn signal(lab: &Lab, node: &str, signal: &str) {
    let pid = lab.nodes().find(|own| own.name == node).and_then(|own| own.pid).unwrap();
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

#[tokio::test]
async fn edge_15_nodes_that_say_nothing_and_speak_again_by_tcp() {
    nodes_that_say_nothing_and_speak_again(Between::Tcp).await;
}

#[tokio::test]
async fn edge_15_nodes_that_say_nothing_and_speak_again_by_udp() {
    nodes_that_say_nothing_and_speak_again(Between::Udp).await;
}

async fn nodes_that_say_nothing_and_speak_again(between: Between) {
    let rows = [
        of(&["hss2"], Gets(504), Succeeds, Gets(504)),
        of(&["ps2"], Gets(504), Waits, Succeeds),
        // Bob's P-CSCF waits for it as long as bob does.
        of(&["scscf2a"], Gets(504), Waits, Succeeds),
        of(&["icscf2"], Gets(504), Succeeds, Untried),
        Outage { fetch: (NOBODY, Gets(504), Gets(404)), ..of(&["nameserver"], Untried, Succeeds, Succeeds) },
    ];
    let place = tempfile::tempdir().unwrap();
    let lab = both(between.overlay().into_iter().chain([impatient(place.path())])).await;
    let mut people = People::meet(&lab).await;
    for outage in rows {
        for node in outage.gone {
            signal(&lab, node, "-STOP");
        }
        people.meanwhile(&outage).await;
        for node in outage.gone {
            signal(&lab, node, "-CONT");
        }
        people.afterwards(&outage).await;
        assert_eq!(subscriptions(&lab).await, 1, "after {:?}", outage.gone);
    }
    good(lab.down().await);
}
