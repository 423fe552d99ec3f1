//! The binary itself, on real sockets, before a P-CSCF played by a thread of the test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

use sip_message::{Credentials, Frame, Framer, HeaderName, Message};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;

const OPEN: &str = "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:carol@home1.test\">\
    <tuple id=\"t1\"><status><basic>open</basic></status></tuple></presence>";

/// What the network says to a request; a NOTIFY follows what asks for one.
fn answers(request: &Message) -> Vec<String> {
    let response = |status: &str, headers: &str| {
        let to = request.value(HeaderName::To).unwrap();
        let tag = if to.contains(";tag=") { "" } else { ";tag=net" };
        format!(
            "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {to}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n{headers}\
             Content-Length: 0\r\n\r\n",
            request.value(HeaderName::Via).unwrap(),
            request.value(HeaderName::From).unwrap(),
            request.call_id(),
            request.value(HeaderName::CSeq).unwrap()
        )
    };
    let expires = request.expires().unwrap_or_default();
    match request.cseq_method() {
        "REGISTER" => {
            let given = request.value(HeaderName::Authorization).and_then(Credentials::parse).unwrap();
            if given.response.is_empty() {
                let challenge =
                    "WWW-Authenticate: Digest realm=\"home1.test\", nonce=\"n\", qop=\"auth\"\r\n";
                return vec![response("401 Unauthorized", challenge)];
            }
            let contact = request.value(HeaderName::Contact).unwrap();
            vec![response("200 OK", &format!("Contact: {contact};expires={expires}\r\n"))]
        }
        "SUBSCRIBE" => vec![
            response("200 OK", &format!("Expires: {expires}\r\nContact: <sip:ps1.home1.test>\r\n")),
            notify(request, expires),
        ],
        "PUBLISH" => vec![response("200 OK", &format!("SIP-ETag: e1\r\nExpires: {expires}\r\n"))],
        _ => vec![response("200 OK", "")],
    }
}

fn notify(subscribe: &Message, expires: u32) -> String {
    let state =
        if expires == 0 { "terminated;reason=timeout".into() } else { format!("active;expires={expires}") };
    let to = subscribe.value(HeaderName::To).unwrap().split(";tag=").next().unwrap().to_owned();
    format!(
        "NOTIFY sip:alice@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bKn{expires}{}\r\n\
         Max-Forwards: 66\r\nFrom: {to};tag=net\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {} NOTIFY\r\n\
         Contact: <sip:ps1.home1.test>\r\nEvent: presence\r\nSubscription-State: {state}\r\n\
         Content-Type: application/pidf+xml\r\nContent-Length: {}\r\n\r\n{OPEN}",
        subscribe.call_id(),
        subscribe.value(HeaderName::From).unwrap(),
        subscribe.call_id(),
        subscribe.cseq(),
        OPEN.len(),
    )
}

fn parse(bytes: &[u8]) -> Option<Message> {
    Message::parse(bytes.to_vec().into()).ok().filter(|message| message.status().is_none())
}

/// A P-CSCF that lives as long as the test's process.
fn over_udp() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            for answer in parse(&buffer[..length]).iter().flat_map(answers) {
                socket.send_to(answer.as_bytes(), from).unwrap();
            }
        }
    });
    address
}

fn over_tcp() -> SocketAddr {
    // Nobody has to listen.
    over_tcp_telling(mpsc::channel().0)
}

/// Tells of every keep-alive, and answers it.
fn over_tcp_telling(pings: mpsc::Sender<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut framer, mut buffer) = (stream.unwrap(), Framer::new(), [0; 4096]);
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                framer.buffer().extend_from_slice(&buffer[..length]);
                while let Ok(Some(frame)) = framer.next_frame() {
                    let Frame::Message(bytes) = frame else {
                        let _ = pings.send(());
                        stream.write_all(b"\r\n").unwrap();
                        continue;
                    };
                    for answer in parse(&bytes).iter().flat_map(answers) {
                        stream.write_all(answer.as_bytes()).unwrap();
                    }
                }
            }
        }
    });
    address
}

fn agent(pcscf: &str, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ue-agent"));
    command.args(["--user", "alice@home1.test", "--password", "x", "--json", "--pcscf", pcscf]);
    command.args(arguments.split_whitespace()).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

fn events(output: &Output) -> Vec<String> {
    let lines = String::from_utf8(output.stdout.clone()).unwrap();
    lines.lines().map(event).collect()
}

fn event(line: &str) -> String {
    let read: serde_json::Value = serde_json::from_str(line).unwrap();
    let state = read.get("state").and_then(|state| state.as_str());
    let event = read["event"].as_str().unwrap();
    state.map_or_else(|| event.to_owned(), |state| format!("{event} {state}"))
}

fn next_event(lines: &mut impl BufRead) -> String {
    let mut text = String::new();
    lines.read_line(&mut text).unwrap();
    event(&text)
}

const WATCHED: [&str; 6] = [
    "registered",
    "subscription active",
    "presence active",
    "presence ended",
    "subscription ended",
    "deregistered",
];

#[test]
fn watching_until_a_notify_has_come_by_udp_and_by_tcp() {
    let tcp = format!("{};transport=tcp", over_tcp());
    for pcscf in [over_udp().to_string(), tcp] {
        let output = agent(&pcscf, "watch --count 1 carol@home1.test").output().unwrap();
        assert_eq!(events(&output), WATCHED, "{pcscf}");
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn one_look_one_text_one_publication() {
    let pcscf = over_udp().to_string();
    for (command, expected) in [
        (
            "fetch carol@home1.test",
            &["registered", "presence ended", "subscription ended", "deregistered"][..],
        ),
        ("message carol@home1.test hello", &["registered", "answered", "deregistered"]),
        ("publish open --once --note busy", &["registered", "published", "deregistered"]),
        ("options", &["answered"]),
    ] {
        let output = agent(&pcscf, command).output().unwrap();
        assert_eq!(events(&output), expected, "{command}");
        assert_eq!(output.status.code(), Some(0), "{command}");
    }
}

#[test]
fn commands_from_standard_input_each_told_when_known() {
    let mut child = start(&over_udp().to_string(), "run");
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    for (command, expected) in [
        ("register", &["registered"][..]),
        ("watch carol@home1.test", &["subscription active", "presence active"]),
        ("publish open in a meeting", &["published"]),
        ("dance", &["error"]),
        ("status", &["status"]),
        ("unwatch carol@home1.test", &["presence ended", "subscription ended"]),
        ("quit", &["unpublished", "deregistered"]),
    ] {
        writeln!(input, "{command}").unwrap();
        for event in expected {
            assert_eq!(next_event(&mut lines), *event, "{command}");
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// On a terminal, which `script` (package bsdutils) makes.
#[test]
fn whoever_types_is_greeted_registered_and_prompted() {
    let agent = env!("CARGO_BIN_EXE_ue-agent");
    let command = format!("{agent} --user alice@home1.test --password x --pcscf {} run", over_udp());
    let mut terminal = Command::new("script");
    let terminal =
        terminal.args(["-q", "-e", "-c", &command, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut typing = terminal.spawn().unwrap();
    let mut shown = BufReader::new(typing.stdout.take().unwrap());
    let mut until = |words: &str| {
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains(words) {
            let mut byte = [0];
            assert_eq!(shown.read(&mut byte).unwrap(), 1, "{words}: {}", String::from_utf8_lossy(&seen));
            seen.push(byte[0]);
        }
    };
    until("This is sip:alice@home1.test, through 127.0.0.1:");
    until("`help` lists the commands, `quit` ends.");
    until("> ");
    until("registered");
    until("> ");
    let mut keys = typing.stdin.take().unwrap();
    keys.write_all(b"help\n").unwrap();
    until("watch URI...");
    until("> ");
    keys.write_all(b"quit\n").unwrap();
    until("is no longer registered");
    assert!(typing.wait().unwrap().success());
}

#[test]
fn commands_from_a_script_that_waits() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("script");
    std::fs::write(&script, "register\nwait 1\npublish open in a meeting\nwait 1\nquit\n").unwrap();
    let run = format!("run --script {}", script.display());
    let output = agent(&over_udp().to_string(), &run).output().unwrap();
    assert_eq!(events(&output), ["registered", "published", "unpublished", "deregistered"]);
    assert_eq!(output.status.code(), Some(0));
    let output = agent(&over_udp().to_string(), "run --script /nowhere/at/all").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("ue-agent: /nowhere/at/all: "));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_signal_ends_the_registration_first() {
    for (command, expected) in [("register", &["deregistered"][..]), ("register --stay", &[])] {
        let mut child = start(&over_udp().to_string(), command);
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        assert_eq!(next_event(&mut lines), "registered");
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let rest: Vec<String> = lines.lines().map(|line| event(&line.unwrap())).collect();
        assert_eq!(rest, expected, "{command}");
        assert_eq!(child.wait().unwrap().code(), Some(0), "{command}");
    }
}

fn start(pcscf: &str, command: &str) -> Child {
    agent(pcscf, command).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

#[test]
fn it_moves_to_another_pcscf_and_watches_there() {
    let mut child = start(&over_udp().to_string(), "run");
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let other = over_udp();
    for (command, expected) in [
        ("watch carol@home1.test".to_owned(), &["registered", "subscription active", "presence active"][..]),
        (format!("move {other}"), &["registered", "subscription active", "presence active"]),
        ("move nowhere".to_owned(), &["error"]),
        ("move".to_owned(), &["error"]),
    ] {
        writeln!(input, "{command}").unwrap();
        for event in expected {
            assert_eq!(next_event(&mut lines), *event, "{command}");
        }
    }
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn rfc5626_3_5_1_over_tcp_it_pings_and_stays_registered_when_answered() {
    let (pings, heard) = mpsc::channel();
    let pcscf = format!("{};transport=tcp", over_tcp_telling(pings));
    let mut child = start(&pcscf, "--keepalive 1 run");
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    writeln!(input, "register").unwrap();
    assert_eq!(next_event(&mut lines), "registered");
    for _ in 0..3 {
        heard.recv().unwrap();
    }
    writeln!(input, "status").unwrap();
    assert_eq!(next_event(&mut lines), "status");
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn exit_codes_of_what_cannot_be() {
    // A port that was free a moment ago: nobody listens there.
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let output = agent(&nobody, "options").output().unwrap();
    assert_eq!((events(&output), output.status.code()), (vec!["answered".to_owned()], Some(1)));
    for arguments in ["dance", "fetch", "--bind 0.0.0.0 options"] {
        assert_eq!(agent(&nobody, arguments).output().unwrap().status.code(), Some(64), "{arguments}");
    }
    let output = agent(&nobody, "fetch urn:x:y").output().unwrap();
    assert_eq!((events(&output), output.status.code()), (vec!["error".to_owned()], Some(1)));
    assert_eq!(agent(&nobody, "--help").output().unwrap().status.code(), Some(0));
}

#[test]
fn an_account_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ue.toml");
    std::fs::write(directory.path().join("password"), "x\n").unwrap();
    let text = format!(
        "pcscf = \"{}\"\nregistration_s = 600\n[accounts.\"alice@home1.test\"]\npassword_file = \"password\"\n",
        over_udp()
    );
    std::fs::write(&path, text).unwrap();
    let run = |path: &std::path::Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ue-agent"));
        command.arg("--config").arg(path).args(["--json", "watch", "--count", "1", "carol@home1.test"]);
        command.output().unwrap()
    };
    let output = run(&path);
    assert_eq!((events(&output), output.status.code()), (WATCHED.map(str::to_owned).to_vec(), Some(0)));
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"expires_s\":600"));
    std::fs::write(&path, "pcscf = \"127.0.0.1\"\nuser = \"alice\"\n").unwrap();
    let output = run(&path);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64));
    assert!(error.contains("ue.toml") && error.contains("user") && error.contains("line 2"), "{error}");
}
