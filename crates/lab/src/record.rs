//! The recordings of the nodes, as messages between nodes.
//!
//! Every message between two recording nodes is in two recordings; the sender's counts. What comes from somebody who
//! does not record (a UE, the HSS) is taken from its receiver's.

use bytes::Bytes;
use cx_protocol::FrameDecoder;
use figure::{Recorded, Recording, Wire};
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// One line of a recording; `ims_runtime::recording` says what is in it.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    wall_ns: u64,
    node: Box<str>,
    direction: Direction,
    transport: Channel,
    local: SocketAddr,
    remote: SocketAddr,
    text: Option<String>,
    hex: Option<Box<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    In,
    Out,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Channel {
    Udp,
    Tcp,
    Cx,
    Smpp,
    Sms,
}

/// One message at one socket.
#[derive(Debug, Clone)]
pub(crate) struct Crossing {
    at: Duration,
    node: Box<str>,
    direction: Direction,
    remote: IpAddr,
    wire: Wire,
}

/// One way of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Stream {
    local: SocketAddr,
    remote: SocketAddr,
    direction: Direction,
}

/// Reads one node's recording. Connections to the HSS are few, and so are the decoders.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    decoders: HashMap<Stream, FrameDecoder>,
}

impl Reader {
    /// The messages that this line completes; none for a line that is none.
    pub(crate) fn read(&mut self, line: &str) -> Vec<Crossing> {
        let Ok(line) = serde_json::from_str::<Line>(line) else { return Vec::new() };
        let Some(octets) = octets(&line) else { return Vec::new() };
        let wires = match line.transport {
            // Keepalives are no messages.
            Channel::Udp | Channel::Tcp if octets.iter().all(|b| matches!(b, b'\r' | b'\n' | b' ' | 0)) => {
                Vec::new()
            }
            Channel::Udp | Channel::Tcp => vec![Wire::Sip(octets)],
            Channel::Sms => vec![Wire::ShortMessage("SMS text")],
            Channel::Smpp if is_deliver_sm(&octets) => vec![Wire::ShortMessage("SMPP deliver_sm")],
            // No figure draws how a gateway binds, or what it writes to users.
            Channel::Smpp => Vec::new(),
            Channel::Cx => {
                let Line { local, remote, direction, .. } = line;
                self.frames(Stream { local, remote, direction }, &octets)
            }
        };
        let crossing = |wire| Crossing {
            at: Duration::from_nanos(line.wall_ns),
            node: line.node.clone(),
            direction: line.direction,
            remote: line.remote.ip(),
            wire,
        };
        wires.into_iter().map(crossing).collect()
    }

    fn frames(&mut self, stream: Stream, octets: &[u8]) -> Vec<Wire> {
        let decoder = self.decoders.entry(stream).or_default();
        decoder.push(octets);
        let frames = std::iter::from_fn(|| decoder.next_frame().ok().flatten());
        frames.filter_map(|frame| Wire::cx(&frame)).collect()
    }
}

/// One PDU, by its command (SMPP 3.4 section 5.1.2.1).
fn is_deliver_sm(pdu: &[u8]) -> bool {
    pdu.get(4..8) == Some(&[0, 0, 0, 5])
}

fn octets(line: &Line) -> Option<Bytes> {
    match (&line.text, &line.hex) {
        (Some(text), _) => Some(Bytes::copy_from_slice(text.as_bytes())),
        (None, Some(hex)) => unhex(hex),
        (None, None) => None,
    }
}

fn unhex(text: &str) -> Option<Bytes> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair.iter().fold(0, |byte, digit| byte * 16 + digit)).ok())
        .collect()
}

/// Who has which address.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    names: HashMap<IpAddr, Box<str>>,
    recording: HashSet<IpAddr>,
}

impl Names {
    /// A node or UE at this address; `records` says that there is a recording of its own.
    pub(crate) fn add(&mut self, address: IpAddr, name: &str, records: bool) {
        self.names.insert(address, name.into());
        if records {
            self.recording.insert(address);
        }
    }

    fn name(&self, address: IpAddr) -> Box<str> {
        self.names.get(&address).cloned().unwrap_or_else(|| address.to_string().into())
    }
}

/// The messages of all recordings together.
pub(crate) fn recording(crossings: &[Crossing], names: &Names) -> Recording {
    let recorded = crossings.iter().filter_map(|crossing| {
        let Crossing { at, node, direction, remote, wire } = crossing.clone();
        let (from, to) = match direction {
            Direction::Out => (node, names.name(remote)),
            Direction::In if names.recording.contains(&remote) => return None,
            Direction::In => (names.name(remote), node),
        };
        Some(Recorded { at, from, to, wire })
    });
    Recording::new(recorded.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cx_protocol::{Command, Frame, FrameKind};

    fn line(direction: &str, transport: &str, remote: &str, octets: &str) -> String {
        format!(
            "{{\"wall_ns\":5,\"mono_ns\":1,\"node\":\"icscf1.home1.test\",\"direction\":\"{direction}\",\
             \"transport\":\"{transport}\",\"local\":\"127.0.10.13:5060\",\"remote\":\"{remote}\",{octets}}}"
        )
    }

    fn names() -> Names {
        let mut names = Names::default();
        names.add("127.0.10.14".parse().unwrap(), "scscf1a", true);
        names.add("127.0.10.16".parse().unwrap(), "hss1", false);
        names
    }

    fn between(crossings: &[Crossing]) -> Vec<(String, String)> {
        let recording = recording(crossings, &names());
        recording.messages().iter().map(|m| (m.from.to_string(), m.to.to_string())).collect()
    }

    #[test]
    fn a_message_is_its_sender_s_where_the_sender_records() {
        let mut reader = Reader::default();
        let mut crossings = reader.read(&line("out", "UDP", "127.0.10.14:5060", "\"text\":\"OPTIONS\""));
        assert_eq!(between(&crossings), [("icscf1.home1.test".to_owned(), "scscf1a".to_owned())]);
        crossings = reader.read(&line("in", "TCP", "127.0.10.14:33333", "\"text\":\"OPTIONS\""));
        assert!(between(&crossings).is_empty());
        crossings = reader.read(&line("in", "UDP", "127.0.10.99:5060", "\"hex\":\"4f50ff\""));
        assert_eq!(between(&crossings), [("127.0.10.99".to_owned(), "icscf1.home1.test".to_owned())]);
        assert_eq!(crossings[0].wire, Wire::Sip(Bytes::from_static(b"OP\xff")));
    }

    #[test]
    fn frames_of_cx_are_put_together_from_what_was_read() {
        let frame = Frame {
            version: 1,
            kind: FrameKind::Answer,
            command: 302,
            hop_by_hop: 9,
            body: Bytes::from_static(b"\xa1\x00\x01"),
        };
        let hex: String = frame.encode().unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        let (first, second) = hex.split_at(10);
        let mut reader = Reader::default();
        let part = |reader: &mut Reader, hex: &str| {
            reader.read(&line("in", "CX", "127.0.10.16:3868", &format!("\"hex\":\"{hex}\"")))
        };
        assert!(part(&mut reader, first).is_empty());
        let crossings = part(&mut reader, second);
        assert_eq!(between(&crossings), [("hss1".to_owned(), "icscf1.home1.test".to_owned())]);
        let expected = Wire::Cx { command: Command::LocationInfo, is_request: false, hop_by_hop: 9 };
        assert_eq!(crossings[0].wire, expected);
        assert_eq!(part(&mut reader, &format!("{hex}{hex}")).len(), 2);
    }

    #[test]
    fn what_is_no_message_is_passed_over() {
        let mut reader = Reader::default();
        for text in [
            String::new(),
            "{}".to_owned(),
            line("in", "UDP", "127.0.10.99:5060", "\"text\":\"\\r\\n\\r\\n\""),
            line("in", "UDP", "127.0.10.99:5060", "\"hex\":\"4\""),
            line("in", "UDP", "127.0.10.99:5060", "\"hex\":\"zz\""),
        ] {
            assert!(reader.read(&text).is_empty(), "{text}");
        }
    }
}
