//! Alice of home1.test and bob of home2.test, in two networks of real processes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

mod support;

use lab::{Access, Configuration, Lab};
use sip_message::Message;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use support::agents::{BOB, PATIENCE, come_to, does, ended, kept, registered, shows};
use support::{both as up, config, good};

const BOTH: [Access; 2] = [Access::Udp, Access::Tcp];

const SUBSCRIPTIONS: (&str, &str) = ("ps2", "subscription");

#[tokio::test]
async fn sub_n_13_a_fetch_across_domains_leaves_nothing_behind() {
    let lab = up(None).await;
    for access in BOTH {
        let mut alice = registered(&lab, "alice", access, &[]).await;
        let mut bob = registered(&lab, "bob", access, &[]).await;
        does(&mut bob, "publish open", |event| &*event.event == "published").await;
        let seen = does(&mut alice, &format!("fetch {BOB}"), |event| shows(event, "open")).await;
        assert_eq!(&*seen.state, "ended");
        come_to(&lab, SUBSCRIPTIONS, 0).await;
        bob.end().await;
        alice.end().await;
    }
    good(lab.down().await);
}

#[tokio::test]
async fn sub_s_09_unsubscribing_across_domains_ends_the_subscription() {
    for configuration in [Configuration::Contribution, Configuration::Ts24141] {
        let lab = up(configuration.overlay().map(|overlay| config().join(overlay))).await;
        unsubscribes(&lab).await;
        good(lab.down().await);
    }
}

async fn unsubscribes(lab: &Lab) {
    for access in BOTH {
        let mut alice = registered(lab, "alice", access, &[]).await;
        does(&mut alice, &format!("watch {BOB}"), |event| &*event.event == "presence").await;
        assert_eq!(kept(lab, "ps2", "subscription").await.len(), 1);
        let event = does(&mut alice, &format!("unwatch {BOB}"), ended).await;
        assert_eq!(event.status, None);
        come_to(lab, SUBSCRIPTIONS, 0).await;
        alice.end().await;
    }
}

/// The HSS hands out the default S-CSCF; the subscription lives on when the presentity comes.
#[tokio::test]
async fn figure_2_a_presentity_that_is_not_registered_is_watched_by_the_default_s_cscf() {
    let lab = up(None).await;
    for access in BOTH {
        let mut alice = registered(&lab, "alice", access, &[]).await;
        let seen = does(&mut alice, &format!("watch {BOB}"), |event| &*event.event == "presence").await;
        assert_eq!((&*seen.state, seen.basic.as_deref()), ("active", Some("closed")));
        let mut bob = registered(&lab, "bob", access, &[]).await;
        does(&mut bob, "publish open", |event| &*event.event == "published").await;
        good(alice.until("open", |event| shows(event, "open")).await);
        bob.end().await;
        good(alice.until("closed", |event| shows(event, "closed")).await);
        alice.end().await;
    }
    good(lab.down().await);
}

#[tokio::test]
async fn whom_nobody_knows_cannot_be_watched() {
    let lab = up(None).await;
    let mut alice = registered(&lab, "alice", Access::Udp, &[]).await;
    for unknown in ["sip:nobody@home2.test", "sip:nobody@home1.test", "sip:bob@home3.test"] {
        let event = does(&mut alice, &format!("watch {unknown}"), ended).await;
        assert_eq!((&*event.uri, event.status), (unknown, Some(404)));
    }
    alice.end().await;
    good(lab.down().await);
}

/// Files by which everything may be granted for a second, and an agent that asks for two.
fn brief(place: &Path) -> (PathBuf, PathBuf) {
    let overlay = place.join("overlay");
    std::fs::create_dir(&overlay).unwrap();
    let text = "[presence_server]\nsubscription_min_s = 1\npublication_min_s = 1\n";
    std::fs::write(overlay.join("ps2.toml"), text).unwrap();
    for scscf in ["scscf1a", "scscf2a"] {
        std::fs::write(overlay.join(format!("{scscf}.toml")), "[scscf]\nregistration_min_s = 1\n").unwrap();
    }
    let agent = place.join("agent.toml");
    std::fs::write(&agent, "subscription_s = 2\npublication_s = 2\n").unwrap();
    (overlay, agent)
}

#[tokio::test]
async fn prs_02_and_sub_n_11_what_a_dead_user_agent_does_not_refresh_expires() {
    let place = tempfile::tempdir().unwrap();
    let (overlay, agent) = brief(place.path());
    let agent = ["--config", agent.to_str().unwrap()];
    let lab = up(Some(overlay)).await;
    for access in BOTH {
        let mut alice = registered(&lab, "alice", access, &agent).await;
        let mut bob = registered(&lab, "bob", access, &agent).await;
        does(&mut bob, "publish open", |event| &*event.event == "published").await;
        does(&mut alice, &format!("watch {BOB}"), |event| shows(event, "open")).await;
        bob.kill().await;
        good(alice.until("bob's publication expires", |event| shows(event, "closed")).await);
        assert_eq!(kept(&lab, "ps2", "subscription").await.len(), 1);
        alice.kill().await;
        come_to(&lab, SUBSCRIPTIONS, 0).await;
        assert!(kept(&lab, "ps2", "publication").await.is_empty());
    }
    good(lab.down().await);
}

#[tokio::test]
async fn a_watcher_who_deregisters_is_not_notified_any_more() {
    let lab = up(None).await;
    for access in BOTH {
        let mut alice = registered(&lab, "alice", access, &[]).await;
        let mut bob = registered(&lab, "bob", access, &[]).await;
        does(&mut alice, &format!("watch {BOB}"), |event| &*event.event == "presence").await;
        does(&mut alice, "deregister", |event| &*event.event == "deregistered").await;
        assert_eq!(kept(&lab, "ps2", "subscription").await.len(), 1);
        does(&mut bob, "publish open", |event| &*event.event == "published").await;
        come_to(&lab, SUBSCRIPTIONS, 0).await;
        alice.kill().await;
        bob.end().await;
    }
    good(lab.down().await);
}

/// What she had is replaced and not added to: one binding, and one subscription once the old dialog has got its 481.
#[tokio::test]
async fn a_watcher_who_has_moved_leaves_nothing_behind() {
    let lab = up(None).await;
    for access in BOTH {
        let mut alice = registered(&lab, "alice", access, &[]).await;
        let mut bob = registered(&lab, "bob", access, &[]).await;
        does(&mut alice, &format!("watch {BOB}"), |event| &*event.event == "presence").await;
        good(alice.move_to("pcscf1b").await);
        good(alice.until("the new dialog", |event| &*event.event == "presence").await);
        assert_eq!(kept(&lab, "scscf1a", "sip:alice@").await.len(), 1);
        assert_eq!(kept(&lab, "pcscf1b", "sip:alice@").await.len(), 1);
        if access == Access::Tcp {
            // With the connection the former P-CSCF forgets her; by UDP nothing tells it.
            come_to(&lab, ("pcscf1a", "sip:alice@"), 0).await;
        }
        does(&mut bob, "publish open", |event| &*event.event == "published").await;
        good(alice.until("open", |event| shows(event, "open")).await);
        come_to(&lab, SUBSCRIPTIONS, 1).await;
        alice.end().await;
        come_to(&lab, SUBSCRIPTIONS, 0).await;
        bob.end().await;
    }
    good(lab.down().await);
}

/// Somebody with an address in the network who is no node of it.
struct Stranger(Ipv4Addr);

impl Stranger {
    fn request(&self, (method, transport): (&str, &str), port: u16) -> String {
        let (user, expires) = ("sip:bob@home2.test", "Event: presence\r\nExpires: 60\r\n");
        format!(
            "{method} {user} SIP/2.0\r\nVia: SIP/2.0/{transport} {0}:{port};branch=z9hG4bK{method}{port}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:alice@home1.test>;tag=1\r\nTo: <{user}>\r\nCall-ID: {method}{port}\r\n\
             CSeq: 1 {method}\r\nContact: <sip:alice@{0}:{port}>\r\nP-Asserted-Identity: <sip:alice@home1.test>\r\n\
             {expires}Content-Length: 0\r\n\r\n",
            self.0
        )
    }

    fn by_udp(&self, to: SocketAddr, method: &str) -> u16 {
        let socket = UdpSocket::bind((self.0, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = self.request((method, "UDP"), socket.local_addr().unwrap().port());
        socket.send_to(request.as_bytes(), to).unwrap();
        let mut buffer = vec![0; 4096];
        let length = socket.recv(&mut buffer).unwrap();
        buffer.truncate(length);
        status(buffer)
    }

    /// From 127.0.0.1, which is nobody's either.
    fn by_tcp(&self, to: SocketAddr, method: &str) -> u16 {
        let mut stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = self.request((method, "TCP"), stream.local_addr().unwrap().port());
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            stream.read_exact(&mut octet).unwrap();
            answer.extend(octet);
        }
        status(answer)
    }
}

fn status(answer: Vec<u8>) -> u16 {
    Message::parse(answer.into()).unwrap().status().unwrap().code()
}

#[tokio::test]
async fn who_passes_the_p_cscf_by_is_refused_with_403() {
    let lab = up(None).await;
    let stranger = Stranger(lab.address(150));
    for node in ["scscf1a", "scscf2a", "ps1", "ps2"] {
        let found = lab.nodes().find(|own| own.name == node).unwrap();
        let address = *found.addresses.get("udp").unwrap().first().unwrap();
        for method in ["SUBSCRIBE", "PUBLISH", "REGISTER", "NOTIFY", "MESSAGE"] {
            assert_eq!(stranger.by_udp(address, method), 403, "{method} to {node} by UDP");
            assert_eq!(stranger.by_tcp(address, method), 403, "{method} to {node} by TCP");
        }
    }
    good(lab.down().await);
}
