//! Two nodes of a kind: what the network does when the one it would take is gone, on real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

mod support;

use lab::{Access, Agent, Event, Lab, Options};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::agents::{BOB, agent, come_to, does, ended, kept, registered, shows, told};
use support::{both, config, good, impatient};

const ALICE: &str = "sip:alice@home1.test";

/// The S-CSCF that the HSS has for a user.
async fn scscf_of(lab: &Lab, user: &str) -> String {
    let account = lab.accounts().iter().find(|account| *account.user == *user).unwrap();
    let hss = if &*account.domain == "home1.test" { "hss1" } else { "hss2" };
    let explained = told(lab, hss, &["explain", user]).await;
    let name = explained.lines().find_map(|line| line.strip_prefix("scscf sip:")).unwrap_or_default();
    name.split('.').next().unwrap_or_default().to_owned()
}

async fn watches(watcher: &mut Agent, uri: &str) -> Event {
    does(watcher, &format!("watch {uri}"), |event| &*event.event == "presence" || ended(event)).await
}

async fn publishes(agent: &mut Agent, basic: &str) {
    does(agent, &format!("publish {basic}"), |event| &*event.event == "published").await;
}

#[tokio::test]
async fn reg_i_04_and_06_the_s_cscf_is_chosen_by_capabilities() {
    let place = tempfile::tempdir().unwrap();
    let overlay = impatient(place.path());
    let able = "{ name = 'sip:scscf1a.home1.test', capabilities = [1] },\
                { name = 'sip:scscf1b.home1.test', capabilities = [1, 2] }";
    std::fs::write(overlay.join("icscf1.toml"), format!("[icscf]\nscscfs = [{able}]\n")).unwrap();
    let wishes = [
        ("alice", "mandatory_capabilities = [2]", Some("scscf1b")),
        ("carol", "optional_capabilities = [2]", Some("scscf1b")),
        ("erin", "mandatory_capabilities = [1]", Some("scscf1a")),
        ("grace", "mandatory_capabilities = [9]", None),
    ];
    let mut subscribers = format!("scscf = [{able}]\n");
    for (user, wish, _) in wishes {
        subscribers += &format!("[account.{user}]\n{wish}\n");
    }
    std::fs::write(overlay.join("subscribers-home1.toml"), subscribers).unwrap();
    let lab = both(Some(overlay)).await;
    for (user, _, expected) in wishes {
        let mut agent = agent(&lab, user, Access::Udp, &[]);
        let of_register = |event: &Event| event.event.starts_with("register");
        let event = does(&mut agent, "register", of_register).await;
        match expected {
            Some(scscf) => assert_eq!((&*event.event, &*scscf_of(&lab, user).await), ("registered", scscf)),
            None => assert_eq!((&*event.event, event.status), ("register-failed", Some(600))),
        }
        agent.end().await;
    }
    good(lab.down().await);
}

#[tokio::test]
async fn reg_i_07_a_user_is_served_by_the_next_s_cscf_when_the_first_is_down() {
    let place = tempfile::tempdir().unwrap();
    let mut lab = both(Some(impatient(place.path()))).await;
    good(lab.kill("scscf1a").await);
    good(lab.kill("scscf2a").await);
    for access in [Access::Udp, Access::Tcp] {
        let mut alice = registered(&lab, "alice", access, &[]).await;
        assert_eq!(scscf_of(&lab, "alice").await, "scscf1b");
        // Nobody has bob, who is not registered: the S-CSCF for that is down, too.
        let seen = watches(&mut alice, BOB).await;
        assert_eq!((&*seen.state, seen.basic.as_deref()), ("active", Some("closed")), "{seen:?}");
        let mut bob = registered(&lab, "bob", access, &[]).await;
        publishes(&mut bob, "open").await;
        good(alice.until("open", |event| shows(event, "open")).await);
        bob.end().await;
        alice.end().await;
    }
    good(lab.down().await);
}

/// TS 29.228 section 6.1.4: who is not registered has no contacts that only one S-CSCF knows.
#[tokio::test]
async fn edge_15_an_unregistered_user_is_served_by_another_s_cscf_when_its_own_is_gone() {
    let place = tempfile::tempdir().unwrap();
    let mut lab = both(Some(impatient(place.path()))).await;
    let mut alice = registered(&lab, "alice", Access::Udp, &[]).await;
    let fetched = |event: &Event| event.basic.is_some();
    let seen = does(&mut alice, &format!("fetch {BOB}"), fetched).await;
    assert_eq!(seen.basic.as_deref(), Some("closed"), "{seen:?}");
    let had = scscf_of(&lab, "bob").await;
    good(lab.kill(&had).await);
    let seen = does(&mut alice, &format!("fetch {BOB}"), fetched).await;
    assert_eq!(seen.basic.as_deref(), Some("closed"), "{seen:?}");
    assert_ne!(scscf_of(&lab, "bob").await, had);
    alice.end().await;
    good(lab.down().await);
}

/// TS 23.380 section 4.2: the next REGISTER brings the user to another S-CSCF, and what watchers have goes on.
#[tokio::test]
async fn ts_23_380_a_user_whose_s_cscf_is_gone_is_served_by_another_after_the_next_register() {
    let place = tempfile::tempdir().unwrap();
    let mut lab = both(Some(impatient(place.path()))).await;
    let mut alice = registered(&lab, "alice", Access::Udp, &[]).await;
    let mut bob = registered(&lab, "bob", Access::Udp, &[]).await;
    publishes(&mut alice, "open").await;
    assert!(shows(&watches(&mut bob, ALICE).await, "open"));
    good(lab.kill("scscf1a").await);
    let mut carol = registered(&lab, "carol", Access::Tcp, &[]).await;
    let refused = watches(&mut carol, ALICE).await;
    assert_eq!((&*refused.event, refused.status), ("subscription", Some(504)));

    good(alice.register().await);
    assert_eq!(scscf_of(&lab, "alice").await, "scscf1b");
    assert_eq!(kept(&lab, "scscf1b", ALICE).await.len(), 1);
    let seen = watches(&mut carol, ALICE).await;
    assert!(shows(&seen, "open"), "{seen:?}");
    publishes(&mut alice, "closed").await;
    good(carol.until("closed", |event| shows(event, "closed")).await);
    good(bob.until("closed", |event| shows(event, "closed")).await);

    // What it still knows of her when it comes back disturbs nobody.
    good(lab.restart("scscf1a").await);
    publishes(&mut alice, "open").await;
    good(bob.until("open", |event| shows(event, "open")).await);
    assert_eq!(scscf_of(&lab, "alice").await, "scscf1b");
    alice.end().await;
    come_to(&lab, ("scscf1b", ALICE), 0).await;
    bob.end().await;
    carol.end().await;
    good(lab.down().await);
}

/// A configuration with a second I-CSCF in each domain, which DNS names behind the first.
fn with_spare_icscfs(place: &Path) -> PathBuf {
    let copied = place.join("config");
    assert!(Command::new("cp").arg("-r").arg(config()).arg(&copied).status().unwrap().success());
    let edit = |file: &Path, edit: &dyn Fn(String) -> String| {
        let text = std::fs::read_to_string(file).unwrap();
        std::fs::write(file, edit(text)).unwrap();
    };
    let spares = [("13", "18"), ("23", "28")];
    for entry in std::fs::read_dir(&copied).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "toml") {
            edit(&file, &|text| {
                spares.iter().fold(text, |text, (first, spare)| {
                    let first = format!("\"127.0.10.{first}\"");
                    text.replace(&first, &format!("{first}, \"127.0.10.{spare}\""))
                })
            });
        }
    }
    for (domain, (first, spare)) in ["1", "2"].into_iter().zip(spares) {
        let text = std::fs::read_to_string(copied.join(format!("icscf{domain}.toml"))).unwrap();
        let text = text.replace(&format!("127.0.10.{first}:5060"), &format!("127.0.10.{spare}:5060"));
        let (own, other) = (format!("icscf{domain}.home"), format!("icscf{domain}b.home"));
        let text = text
            .replace(&own, &other)
            .replace(&format!("icscf{domain}.sock"), &format!("icscf{domain}b.sock"));
        std::fs::write(copied.join(format!("icscf{domain}b.toml")), text).unwrap();
        edit(&copied.join(format!("zones/home{domain}.test.zone")), &|zone| {
            format!(
                "{zone}_sip._udp SRV 20 10 5060 icscf{domain}b\n_sip._tcp SRV 20 10 5060 icscf{domain}b\n\
                 icscf{domain}b A 127.0.10.{spare}\n"
            )
        });
    }
    copied
}

#[tokio::test]
async fn sip_15_the_second_srv_target_is_taken_when_the_first_is_gone() {
    let place = tempfile::tempdir().unwrap();
    let config = with_spare_icscfs(place.path());
    let domains = ["home1.test", "home2.test"].map(Into::into).to_vec();
    let mut lab = good(Lab::up(Options { domains, ..Options::new(&config) }).await);
    let mut bob = registered(&lab, "bob", Access::Udp, &[]).await;
    for icscf in ["icscf1", "icscf2"] {
        good(lab.kill(icscf).await);
    }
    let mut alice = registered(&lab, "alice", Access::Tcp, &[]).await;
    publishes(&mut bob, "open").await;
    assert!(shows(&watches(&mut alice, BOB).await, "open"));
    for icscf in ["icscf1", "icscf2"] {
        good(lab.restart(icscf).await);
    }
    publishes(&mut bob, "closed").await;
    good(alice.until("closed", |event| shows(event, "closed")).await);
    alice.end().await;
    bob.end().await;
    good(lab.down().await);
}
