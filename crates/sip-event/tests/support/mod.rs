//! Messages and times that the tests share.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]
#![allow(dead_code, reason = "each test binary uses a part of this")]

use clock::Now;
use sip_event::{Dialog, DialogId, Granted, Limits, NotifyPolicy, SentSubscribe, Updates, grant};
use sip_message::{Message, Uri};
use std::time::Duration;

/// Far from both clocks' origins, so that mixing them up shows.
pub(crate) fn at(ms: u64) -> Now {
    Now {
        mono: clock::Mono::at(Duration::from_millis(5_000 + ms)),
        wall: clock::Wall::from_unix_millis(1_800_000_000_000 + ms),
    }
}

pub(crate) fn secs(seconds: u64) -> Now {
    at(seconds * 1000)
}

/// How the notifiers of the tests send NOTIFYs.
pub(crate) const POLICY: NotifyPolicy = NotifyPolicy {
    updates: Updates::Identity,
    min_interval: Duration::ZERO,
    retry: Duration::from_secs(10),
    attempts: 3,
    errors: 5,
    timer_n: Duration::from_secs(32),
};

pub(crate) fn granted(seconds: u32) -> Granted {
    grant(Some(seconds), &Limits { default_s: 3600, min_s: 0, max_s: 7200 }).unwrap()
}

/// A message of the dialog between watcher `w` and presentity `p`.
pub(crate) fn message(start: &str, cseq: &str, tags: (&str, &str), lines: &str) -> Message {
    let tag = |tag: &str| if tag.is_empty() { String::new() } else { format!(";tag={tag}") };
    let (from, to) = if cseq.ends_with("NOTIFY") {
        ("p@home2.test", "w@home1.test")
    } else {
        ("w@home1.test", "p@home2.test")
    };
    let text = format!(
        "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: \"N\" <sip:{from}>{}\r\nTo: <sip:{to}>{}\r\n\
         Call-ID: c1@h\r\nCSeq: {cseq}\r\n{lines}Content-Length: 0\r\n\r\n",
        tag(tags.0),
        tag(tags.1)
    );
    Message::parse(text.into()).unwrap()
}

/// A SUBSCRIBE from the watcher with these further lines.
pub(crate) fn subscribe(cseq: u32, to_tag: &str, lines: &str) -> Message {
    message("SUBSCRIBE sip:p@home2.test SIP/2.0", &format!("{cseq} SUBSCRIBE"), ("w1", to_tag), lines)
}

pub(crate) const RECORD_ROUTE: &str = "Record-Route: <sip:rr-t@scscf2.home2.test;lr>, <sip:rr@icscf2.home2.test;lr>\r\n\
    Record-Route: <sip:rr-o@scscf1a.home1.test;lr>\r\n";
pub(crate) const CONTACT: &str = "Contact: <sip:w@192.0.2.1:5070;transport=tcp>\r\n";
pub(crate) const GRUU: &str =
    "Contact: <sip:w@home1.test;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\r\n";

/// The notifier's dialog with the watcher.
pub(crate) fn notifier_dialog(contact: &str) -> Dialog {
    let request = subscribe(7, "", &format!("{RECORD_ROUTE}{contact}"));
    Dialog::from_subscribe(&request, "p1").unwrap()
}

/// What the watcher has sent.
pub(crate) fn sent() -> SentSubscribe {
    SentSubscribe {
        call_id: "c1@h".into(),
        local_tag: "w1".into(),
        local_uri: Uri::parse("sip:w@home1.test").unwrap(),
        remote_uri: Uri::parse("sip:p@home2.test").unwrap(),
        cseq: 1,
    }
}

/// A NOTIFY to the watcher with this CSeq, notifier's tag and state.
pub(crate) fn notify(cseq: u32, tag: &str, state: &str) -> Message {
    let lines = format!(
        "{RECORD_ROUTE}Contact: <sip:ps2.home2.test>\r\nEvent: presence\r\nSubscription-State: {state}\r\n"
    );
    message("NOTIFY sip:w@192.0.2.1 SIP/2.0", &format!("{cseq} NOTIFY"), (tag, "w1"), &lines)
}

pub(crate) fn id(local: &str, remote: &str) -> DialogId {
    DialogId { call_id: "c1@h".into(), local_tag: local.into(), remote_tag: remote.into() }
}

/// The request as it would be on the wire.
pub(crate) fn sent_as(draft: sip_message::Draft) -> Message {
    Message::parse(draft.without_body().to_bytes("SIP/2.0/UDP us;branch=z9hG4bK9")).unwrap()
}
