//! Telephone numbers: every spelling of one is one identity and one presentity, in a network of real processes.
#![allow(clippy::unwrap_used, reason = "a test helper may fail its test")]

mod support;

use lab::{Access, Lab, Options};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::agents::{does, ended, registered, shows};
use support::{config, good};

/// A configuration in which alice has this identity too.
fn with_number(place: &Path, identity: &str) -> PathBuf {
    let copied = place.join("config");
    assert!(Command::new("cp").arg("-r").arg(config()).arg(&copied).status().unwrap().success());
    let file = copied.join("subscribers-home1.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let alice = "display = \"Alice\" }";
    assert!(text.contains(alice));
    std::fs::write(&file, text.replace(alice, &format!("{alice}, {{ impu = \"{identity}\" }}"))).unwrap();
    copied
}

#[tokio::test]
async fn gw_06_a_number_is_reached_however_the_file_and_the_watcher_spell_it() {
    let spellings = [
        "tel:+15550123",
        "tel:+1(555)01-23",
        "sip:+15550123@home1.test;user=phone",
        "sip:+1-555-0123@HOME1.TEST;user=phone",
    ];
    for identity in ["tel:+1-555-0123", "sip:+15550123@home1.test", "sip:+15550123@home1.test;user=phone"] {
        let place = tempfile::tempdir().unwrap();
        let lab = good(Lab::up(Options::new(&with_number(place.path(), identity))).await);
        let mut carol = registered(&lab, "carol", Access::Udp, &[]).await;
        let mut alice = registered(&lab, "alice", Access::Udp, &[]).await;
        for spelling in spellings {
            does(&mut alice, "publish open", |event| &*event.event == "published").await;
            does(&mut carol, &format!("watch {spelling}"), |event| shows(event, "open")).await;
            does(&mut alice, "publish closed", |event| &*event.event == "published").await;
            good(carol.until("closed", |event| shows(event, "closed")).await);
            does(&mut carol, &format!("unwatch {spelling}"), ended).await;
        }
        let unknown = does(&mut carol, "watch tel:+15550999", ended).await;
        assert_eq!(unknown.status, Some(404));
        carol.end().await;
        alice.end().await;
        good(lab.down().await);
    }
}
