//! From recorded messages to arrows.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test helper may fail its test")]

use cx_protocol::Command;
use figure::{Arrow, Figure, Naming, Recorded, Recording, Selection, Wire, compare};
use std::time::Duration;

fn sip(start: &str, cseq_method: &str, call_id: &str, branch: &str) -> Wire {
    let text = format!(
        "{start}\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK{branch}\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\n\
         Call-ID: {call_id}\r\nCSeq: 1 {cseq_method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    Wire::Sip(text.into())
}

fn request(method: &str, call_id: &str, branch: &str) -> Wire {
    sip(&format!("{method} sip:b@x SIP/2.0"), method, call_id, branch)
}

fn response(status: &str, method: &str, call_id: &str, branch: &str) -> Wire {
    sip(&format!("SIP/2.0 {status}"), method, call_id, branch)
}

fn cx(command: Command, is_request: bool, hop_by_hop: u32) -> Wire {
    Wire::Cx { command, is_request, hop_by_hop }
}

fn recording(messages: Vec<(u64, &str, &str, Wire)>) -> Recording {
    let recorded = messages.into_iter().map(|(ms, from, to, wire)| Recorded {
        at: Duration::from_millis(ms),
        from: from.into(),
        to: to.into(),
        wire,
    });
    Recording::new(recorded.collect())
}

fn lines(arrows: &[Arrow]) -> Vec<String> {
    arrows.iter().map(Arrow::to_string).collect()
}

#[test]
fn a_recorded_publication_is_figure_3() {
    let recording = recording(vec![
        (0, "alice", "pcscf1a", request("REGISTER", "r", "r1")),
        (1, "pcscf1a", "icscf1", request("REGISTER", "r", "r2")),
        (2, "icscf1", "hss1", cx(Command::UserAuthorization, true, 1)),
        (3, "hss1", "icscf1", cx(Command::UserAuthorization, false, 1)),
        (4, "scscf1b", "hss1", cx(Command::ServerAssignment, true, 2)),
        (5, "scscf1b", "ps1", request("REGISTER", "third", "t1")),
        (6, "icscf1", "hss1", cx(Command::Watchdog, true, 3)),
        (100, "alice", "pcscf1a", request("PUBLISH", "p", "1")),
        (102, "pcscf1a", "scscf1b", request("PUBLISH", "p", "2")),
        (104, "scscf1b", "ps1", request("PUBLISH", "p", "3")),
        (600, "alice", "pcscf1a", request("PUBLISH", "p", "1")),
        (601, "pcscf1a", "alice", response("100 Trying", "PUBLISH", "p", "1")),
        (602, "ps1", "scscf1b", response("200 OK", "PUBLISH", "p", "3")),
        (603, "scscf1b", "pcscf1a", response("200 OK", "PUBLISH", "p", "2")),
        (604, "ps1", "scscf1b", response("200 OK", "PUBLISH", "p", "3")),
        (605, "pcscf1a", "alice", response("200 OK", "PUBLISH", "p", "1")),
        (606, "alice", "pcscf1a", request("OPTIONS", "p", "9")),
        (607, "alice", "pcscf1a", Wire::Sip("\r\n\r\n".into())),
    ]);
    let arrows = recording.arrows(&Selection::of(&["p"]), &Naming::new().with("alice", "ue1"));
    compare(&Figure::named("figure-3").unwrap(), &arrows).unwrap();
}

#[test]
fn cx_belongs_to_the_time_in_which_it_was_asked() {
    let recording = recording(vec![
        (10, "icscf1", "hss1", cx(Command::LocationInfo, true, 7)),
        (11, "hss1", "icscf1", cx(Command::LocationInfo, false, 7)),
        (12, "icscf1", "scscf1a", request("NOTIFY", "s", "1")),
        (20, "icscf1", "hss1", cx(Command::LocationInfo, true, 8)),
        (21, "gateway1", "hss1", cx(Command::UserData, true, 8)),
    ]);
    let window = Selection::of(&["s"]).until(Duration::from_millis(20));
    let arrows = recording.arrows(&window, &Naming::new());
    assert_eq!(
        lines(&arrows),
        ["icscf1 -> hss1  Query  LIR", "hss1 -> icscf1  Resp  LIA", "icscf1 -> scscf1  NotifyPresUp  NOTIFY"]
    );
    let later = Selection::of(&["s"]).since(Duration::from_millis(20));
    assert_eq!(
        lines(&recording.arrows(&later, &Naming::new())),
        ["icscf1 -> hss1  Query  LIR", "gateway1 -> hss1  Query  UDR"]
    );
}

#[test]
fn a_retransmission_is_none_of_the_arrows_even_when_its_first_was_before() {
    let recording = recording(vec![
        (10, "ps1", "scscf1a", request("NOTIFY", "s", "1")),
        (510, "ps1", "scscf1a", request("NOTIFY", "s", "1")),
        (520, "ps1", "scscf1a", request("NOTIFY", "s", "2")),
    ]);
    let later = Selection::of(&["s"]).since(Duration::from_millis(500));
    assert_eq!(recording.arrows(&later, &Naming::new()).len(), 1);
}

#[test]
fn messages_stand_in_the_order_of_their_times() {
    let recording = recording(vec![
        (30, "b", "c", request("SUBSCRIBE", "two", "3")),
        (10, "a", "b", request("SUBSCRIBE", "one", "1")),
        (30, "a", "b", request("SUBSCRIBE", "two", "2")),
        (40, "a", "b", request("NOTIFY", "three", "4")),
    ]);
    assert_eq!(recording.messages()[1].from, "b".into());
    assert_eq!(recording.call_ids("SUBSCRIBE"), ["one", "two"]);
    assert!(recording.arrows(&Selection::of(&["nobody"]), &Naming::new()).is_empty());
}

#[test]
fn the_reg_package_is_in_no_figure() {
    let of = |event: &str, call_id: &str| {
        let Wire::Sip(text) = request("SUBSCRIBE", call_id, call_id) else {
            unreachable!("a request is SIP")
        };
        let text = String::from_utf8(text.to_vec()).unwrap();
        Wire::Sip(text.replace("Content-Length", &format!("{event}\r\nContent-Length")).into())
    };
    let recording = recording(vec![
        (10, "alice", "pcscf1a", of("Event: reg", "one")),
        (20, "alice", "pcscf1a", of("o: reg;id=7", "two")),
        (30, "alice", "pcscf1a", of("Event: presence", "three")),
        (40, "alice", "pcscf1a", of("Event: registration", "four")),
    ]);
    assert_eq!(recording.call_ids("SUBSCRIBE"), ["three", "four"]);
}

#[test]
fn a_cx_frame_is_recorded_by_its_head() {
    let frame = cx_protocol::Frame {
        version: 1,
        kind: cx_protocol::FrameKind::Error,
        command: 302,
        hop_by_hop: 5,
        body: bytes::Bytes::new(),
    };
    assert_eq!(Wire::cx(&frame), Some(cx(Command::LocationInfo, false, 5)));
    assert_eq!(Wire::cx(&cx_protocol::Frame { command: 9, ..frame }), None);
}
