//! Phones without SIP: what they write is seen by watchers, once, whatever dies on the way.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

mod support;

use lab::{Access, Agent, Lab, NotSent, Options, Received, ShortMessages, Smsc};
use rusmpp::CommandStatus;
use rusmpp::pdus::DeliverSm;
use rusmpp::tlvs::MessageDeliveryRequestTlvValue as Tlv;
use rusmpp::types::{AnyOctetString, COctetString, OctetString};
use rusmpp::values::{DataCoding, EsmClass, MessagePayload, Ton};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use support::agents::{does, registered};
use support::{config, good, skip};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;

const FRANK: &str = "+15550106";
const HEIDI: &str = "+15550107";
/// Longer than anything takes.
const TOO_LONG: Duration = Duration::from_secs(60);

async fn up() -> Lab {
    good(Lab::up(Options { messages: ShortMessages::Lab, ..Options::new(&config()) }).await)
}

fn smsc(lab: &Lab) -> Arc<Smsc> {
    Arc::clone(lab.smsc().unwrap())
}

/// The next message to a phone, which is this phone's.
async fn read(smsc: &Smsc, phone: &str) -> String {
    let Received { to, text } = timeout(TOO_LONG, smsc.next()).await.unwrap();
    assert_eq!(to, phone);
    text
}

/// A message of frank's that no phone of ours sends.
fn of_frank(text: &[u8]) -> rusmpp::pdus::builders::DeliverSmBuilder {
    DeliverSm::builder()
        .source_addr_ton(Ton::International)
        .source_addr(COctetString::from_slice(b"15550106\0").unwrap())
        .destination_addr(COctetString::from_slice(b"7737\0").unwrap())
        .short_message(OctetString::from_slice(text).unwrap())
}

/// Alice sees frank's note.
async fn sees(alice: &mut Agent, note: &str) {
    let is_it = |event: &lab::Event| &*event.event == "presence" && event.note.as_deref() == Some(note);
    good(alice.until(note, is_it).await);
}

#[tokio::test]
async fn figure_5_a_watcher_sees_what_a_phone_without_sip_writes() {
    let lab = up().await;
    let smsc = smsc(&lab);
    let mut alice = registered(&lab, "alice", Access::Udp, &[]).await;
    does(&mut alice, "watch sip:frank@home1.test", |event| &*event.event == "presence").await;
    smsc.send(FRANK, "busy 2h in a meeting").await.unwrap();
    assert_eq!(read(&smsc, FRANK).await, "You are shown as busy (in a meeting) for 2 h.");
    sees(&mut alice, "in a meeting").await;
    // A long one, in an alphabet that has it, in three parts.
    let note = format!("Grüße aus Łódź, {}", "weit weg, ".repeat(11)).trim().to_owned();
    smsc.send(FRANK, &format!("away {note}")).await.unwrap();
    assert!(read(&smsc, FRANK).await.starts_with("You are shown as away (Grüße aus Łódź, weit weg"));
    sees(&mut alice, &note).await;
    // What is not understood, and a phone of nobody.
    smsc.send(FRANK, "hello there").await.unwrap();
    assert!(read(&smsc, FRANK).await.starts_with("Write a status"));
    smsc.send("+15559999", "on").await.unwrap();
    assert!(read(&smsc, "+15559999").await.contains("no presence service for your number"));
    alice.end().await;
    good(lab.down().await);
}

#[tokio::test]
async fn smpp_texts_of_every_alphabet_and_form_are_read() {
    let lab = up().await;
    let smsc = smsc(&lab);
    let payload = |text: &[u8]| Tlv::MessagePayload(MessagePayload::new(AnyOctetString::from_slice(text)));
    let latin = of_frank(b"busy caf\xe9").data_coding(DataCoding::Latin1).build();
    let by_payload = of_frank(b"").push_tlv(payload(b"busy tea")).build();
    let segment = |number: u8, text: &[u8]| {
        let numbered = [Tlv::SarMsgRefNum(9), Tlv::SarTotalSegments(2), Tlv::SarSegmentSeqnum(number)];
        numbered.into_iter().fold(of_frank(text), |sm, tlv| sm.push_tlv(tlv)).build()
    };
    let wide = of_frank(b"\x06\x08\x04\x12\x34\x01\x01busy")
        .esm_class(EsmClass::default().with_udhi_indicator())
        .build();
    for (messages, note) in [
        (vec![latin], " (café)"),
        (vec![by_payload], " (tea)"),
        (vec![segment(2, b"me"), segment(1, b"busy at ho")], " (at home)"),
        (vec![wide], ""),
    ] {
        for message in messages {
            smsc.deliver(message).await.unwrap();
        }
        assert_eq!(read(&smsc, FRANK).await, format!("You are shown as busy{note}."));
    }
    good(lab.down().await);
}

#[tokio::test]
async fn smpp_what_cannot_be_read_is_refused_with_its_status_and_nothing_else_suffers() {
    let lab = up().await;
    let smsc = smsc(&lab);
    let with_header = EsmClass::default().with_udhi_indicator();
    let nobody = of_frank(b"on").source_addr(COctetString::from_slice(b"MyBank\0").unwrap());
    for (message, status) in [
        (of_frank(b"\x05\x00\x03").esm_class(with_header).build(), CommandStatus::EsmeRinvmsglen),
        (of_frank(b"\x00\x01").data_coding(DataCoding::OctetUnspecified).build(), CommandStatus::EsmeRxPAppn),
        (nobody.source_addr_ton(Ton::Alphanumeric).build(), CommandStatus::EsmeRinvsrcadr),
    ] {
        assert_eq!(smsc.deliver(message).await, Err(NotSent::Refused(status)));
    }
    // A storm is throttled, and all of it arrives in the end; somebody else is answered before its end.
    let storm = async {
        for _ in 0..12 {
            smsc.send(HEIDI, "hello").await.unwrap();
        }
    };
    let (mut answers, mut others) = (0, None);
    let reading = async {
        while answers < 13 {
            let Received { to, text } = timeout(TOO_LONG, smsc.next()).await.unwrap();
            if to == FRANK {
                assert_eq!(text, "You are shown as busy.");
                others = Some(answers);
            }
            answers += 1;
        }
    };
    let ((), (), ()) = tokio::join!(storm, reading, async { smsc.send(FRANK, "busy").await.unwrap() });
    assert!(others.is_some_and(|place| place < 11), "{others:?}");
    good(lab.down().await);
}

/// Killed between deliver_sm and PUBLISH, and between PUBLISH and its 200, the gateway loses and doubles nothing.
#[tokio::test]
async fn gw_a_gateway_that_is_killed_at_any_moment_loses_and_doubles_nothing() {
    let mut lab = up().await;
    let smsc = smsc(&lab);
    let mut alice = registered(&lab, "alice", Access::Udp, &[]).await;
    does(&mut alice, "watch sip:frank@home1.test", |event| &*event.event == "presence").await;
    // First the HSS, then the presence server is away when the gateway dies.
    for (away, note) in [("hss1", "one"), ("ps1", "two")] {
        good(lab.kill(away).await);
        smsc.send(FRANK, &format!("busy {note}")).await.unwrap();
        good(lab.kill("gateway1").await);
        good(lab.restart(away).await);
        good(lab.restart("gateway1").await);
        assert_eq!(read(&smsc, FRANK).await, format!("You are shown as busy ({note})."));
        sees(&mut alice, note).await;
    }
    // And in full flight.
    for round in 0..5 {
        let note = format!("round {round}");
        let text = format!("away {note}");
        let (sent, ()) = tokio::join!(smsc.send(FRANK, &text), async {
            good(lab.restart("gateway1").await);
        });
        sent.unwrap();
        // What was not acknowledged the SMS-C has said again, and a confirmation whose acknowledgement was lost is sent again.
        let confirmation = format!("You are shown as away ({note}).");
        let mut copies = 0;
        while read(&smsc, FRANK).await != confirmation {
            copies += 1;
            assert!(copies <= 2, "at most those of the round before");
        }
        sees(&mut alice, &note).await;
    }
    let listed = good(lab.ctl("ps1", &["list"]).await);
    let listed = format!("{listed:?}");
    assert_eq!(listed.matches("publication sip:frank@home1.test").count(), 1, "{listed}");
    alice.end().await;
    good(lab.down().await);
}

/// A Python that has smpp34, an SMPP library of somebody else's.
fn python_with_smpp34() -> Option<OsString> {
    let candidates = [std::env::var_os("SMPP34_PYTHON"), Some("python3".into())];
    candidates.into_iter().flatten().find(|python| {
        let imported = Command::new(python).args(["-c", "import smpp34"]).stderr(Stdio::null()).status();
        imported.is_ok_and(|status| status.success())
    })
}

#[tokio::test]
async fn smpp_an_sms_c_of_somebody_elses_binds_delivers_and_is_submitted_to() {
    let Some(python) = python_with_smpp34() else {
        return skip("somebody else's SMS-C: smpp34 is not installed (PyPI)");
    };
    let lab = good(Lab::up(Options { messages: ShortMessages::Foreign, ..Options::new(&config()) }).await);
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scripts/smsc");
    let mut child = tokio::process::Command::new(python)
        .arg(script)
        .args([lab.address(19).to_string(), "2775".to_owned()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (mut says, mut lines) =
        (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
    let mut next = async || timeout(TOO_LONG, lines.next_line()).await.unwrap().unwrap().unwrap();
    assert_eq!(next().await, "bound muster");
    says.write_all(b"15550106 busy 2h in a meeting\n").await.unwrap();
    // The answer to deliver_sm and the message to frank, in either order.
    let mut both = [next().await, next().await];
    both.sort_unstable();
    assert_eq!(both, ["delivered", "to 15550106: You are shown as busy (in a meeting) for 2 h."]);
    says.write_all(b"MyBank on\n").await.unwrap();
    assert!(next().await.starts_with("refused "), "it is nobody's number");
    drop(says);
    good(lab.down().await);
}
