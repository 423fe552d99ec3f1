//! Cuts a byte stream into messages (RFC 3261 sections 7.5 and 18.3, RFC 5626 section 4.4.1).

use crate::charset::{self, TOKEN};
use crate::checked::decimal;
use crate::header_name::HeaderName;
use crate::lines::{Line, Lines};
use crate::raw::{MAX_HEAD, MAX_MESSAGE};
use bytes::{Buf, Bytes, BytesMut};

/// A keep-alive (RFC 5626 section 3.5.1): its sender asks whether the connection lives.
pub const PING: &[u8] = b"\r\n\r\n";

/// The answer to a keep-alive (RFC 5626 section 4.4.1).
pub const PONG: &[u8] = b"\r\n";

/// What stood next in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// One whole message.
    Message(Bytes),
    /// A double CRLF: the peer asks whether the connection lives and is answered by one CRLF.
    Ping,
    /// A single CRLF between messages: the answer to our ping.
    Pong,
}

/// The stream cannot be followed any further; it is closed after answering the head where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameError {
    /// No Content-Length, or several that differ, or one that is no number. The head is handed over so that a 400 can
    /// be written by its Via.
    Length(Bytes),
    /// A head longer than [`MAX_HEAD`], or a message longer than [`MAX_MESSAGE`].
    TooLarge,
}

/// Collects what a stream brings and gives back whole messages. Holds at most [`MAX_HEAD`] plus [`MAX_MESSAGE`] bytes
/// plus one read.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    /// How far the head has been searched for its end, so that one-byte segments cost no second search.
    searched: usize,
    /// Length of the whole message, once its head is complete.
    wanted: Option<usize>,
    /// Whether only this side asks, so that a CRLF alone is an answer and not half of a question.
    asks: bool,
    /// Whether this side has asked and has no answer yet, which makes a CRLF alone the answer.
    expects_pong: bool,
}

impl Framer {
    /// An empty one, for a new connection that the peer has opened. The peer may ping on it (RFC 5626 section 3.5.1), in
    /// pieces too: a CRLF alone is told once it is clear that it was no half of a ping.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty one, for a new connection that this side has opened and may ping on: a CRLF alone is told at once.
    #[must_use]
    pub fn asking() -> Self {
        Self { asks: true, ..Self::default() }
    }

    /// This side has sent a ping.
    pub const fn expect_pong(&mut self) {
        self.expects_pong = true;
    }

    /// The buffer to read into.
    pub const fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Adds what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether part of a message has come and the rest has not: such a connection is not idle but stuck. A CRLF alone is
    /// whole, whatever may follow it.
    #[must_use]
    pub fn is_mid_message(&self) -> bool {
        !matches!(*self.buffer, [] | [b'\r', b'\n'])
    }

    /// The next whole frame, if it has come.
    ///
    /// # Errors
    /// [`FrameError`] when the stream cannot be followed; nothing more can be read from it.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.wanted.is_none() {
            loop {
                if let Some(keepalive) = self.keepalive() {
                    return Ok(keepalive);
                }
                if !self.skip_fillers() {
                    break;
                }
            }
            let Some(head) = self.head_length()? else { return Ok(None) };
            let body = content_length(self.buffer.get(..head).unwrap_or_default());
            let Some(body) = body else {
                return Err(FrameError::Length(self.buffer.split_to(head).freeze()));
            };
            if head.saturating_add(body) > MAX_MESSAGE {
                return Err(FrameError::TooLarge);
            }
            self.wanted = Some(head + body);
        }
        match self.wanted {
            Some(wanted) if self.buffer.len() >= wanted => {
                self.wanted = None;
                self.searched = 0;
                Ok(Some(Frame::Message(self.buffer.split_to(wanted).freeze())))
            }
            Some(_) | None => Ok(None),
        }
    }

    /// A CRLF before a start line: `Some(None)` when more must come before its meaning is known.
    fn keepalive(&mut self) -> Option<Option<Frame>> {
        match *self.buffer {
            [b'\r', b'\n', b'\r', b'\n', ..] => {
                self.buffer.advance(4);
                Some(Some(Frame::Ping))
            }
            [b'\r'] | [b'\r', b'\n', b'\r'] => Some(None),
            [b'\r', b'\n'] if !self.asks && !self.expects_pong => Some(None),
            [b'\r', b'\n', ..] => {
                self.buffer.advance(2);
                self.expects_pong = false;
                Some(Some(Frame::Pong))
            }
            _ => None,
        }
    }

    /// Leaves out what can begin neither a start line nor a keep-alive: some phones and load balancers keep a connection warm
    /// with fillers of their own (RFC 3261 section 7.5 has it for line ends). Whether there was anything.
    fn skip_fillers(&mut self) -> bool {
        let begins = |at: usize| match (self.buffer.get(at), self.buffer.get(at + 1)) {
            (Some(b'\r'), None | Some(b'\n')) | (None, _) => true,
            (Some(first), _) => charset::is(*first, TOKEN),
        };
        let fillers = (0..).find(|at| begins(*at)).unwrap_or_default();
        self.buffer.advance(fillers);
        fillers > 0
    }

    fn head_length(&mut self) -> Result<Option<usize>, FrameError> {
        let from = self.searched.saturating_sub(3);
        match blank_line(&self.buffer, from) {
            Some(end) if end > MAX_HEAD => Err(FrameError::TooLarge),
            Some(end) => Ok(Some(end)),
            None if self.buffer.len() > MAX_HEAD => Err(FrameError::TooLarge),
            None => {
                self.searched = self.buffer.len();
                Ok(None)
            }
        }
    }
}

/// Where the first blank line ends that ends at `from` or behind it.
fn blank_line(bytes: &[u8], from: usize) -> Option<usize> {
    let ends = memchr::memmem::find_iter(bytes.get(from..)?, b"\r\n").map(|at| from + at);
    let mut blank =
        ends.filter(|at| at.checked_sub(1).and_then(|before| bytes.get(before)).is_some_and(is_line_end));
    blank.next().map(|at| at + 2)
}

const fn is_line_end(byte: &u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// The one Content-Length of a head, read as the message will be; `None` when there is none, several that differ, or no number.
fn content_length(head: &[u8]) -> Option<usize> {
    let start = memchr::memchr(b'\n', head)? + 1;
    let mut lines = Lines::new();
    // What is wrong with other lines is told to whoever sent them, by the parser.
    lines.read(head, start, &mut None);
    let length = |line: &Line| {
        let value = std::str::from_utf8(head.get(line.value().range())?).ok()?;
        decimal(value).and_then(|length| usize::try_from(length).ok())
    };
    let mut lengths = lines.named(HeaderName::ContentLength).map(length);
    let first = lengths.next()??;
    lengths.all(|other| other == Some(first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nl: 4\r\n\r\nbody";

    fn frames(framer: &mut Framer) -> Vec<Frame> {
        std::iter::from_fn(|| framer.next_frame().unwrap()).collect()
    }

    #[test]
    fn sip_11_a_message_comes_whole_however_it_is_cut() {
        for size in 1..ONE.len() * 2 {
            let mut framer = Framer::new();
            let mut seen = Vec::new();
            for piece in [ONE, ONE].concat().chunks(size) {
                framer.push(piece);
                seen.extend(frames(&mut framer));
            }
            assert_eq!(seen, vec![Frame::Message(Bytes::from_static(ONE)); 2], "pieces of {size}");
            assert!(!framer.is_mid_message());
        }
    }

    #[test]
    fn sip_11_without_a_length_the_stream_cannot_be_followed() {
        for head in ["", "Content-Length: -1\r\n", "l: 4\r\nContent-Length: 5\r\n", "Content-Length: x\r\n"] {
            let text = format!("OPTIONS sip:a SIP/2.0\r\n{head}\r\n");
            let mut framer = Framer::new();
            framer.push(text.as_bytes());
            assert_eq!(framer.next_frame(), Err(FrameError::Length(text.into())), "{head}");
        }
    }

    #[test]
    fn sip_11_the_length_is_read_as_the_parser_reads_it() {
        let rows = [
            ("Content-Length:\r\n 4", Some("")),
            ("l :\r\n\t\r\n 4", Some("")),
            ("L: 4\r\n \t", Some("")),
            ("Content-Length: 0000000000004", Some("")),
            ("Subject: x\r\n Content-Length: 9\r\nl: 4", Some("")),
            ("l: 4\r\nl: 4", Some("")),
            ("l: 1\r\n 4", None),
            ("l: 4\r\n Content-Length: 4", None),
            ("Subject: x\r\n l: 4", None),
        ];
        for start in ["MESSAGE sip:a SIP/2.0", "SIP/2.0 200 OK"] {
            for (lines, expected) in rows {
                let text = format!("{start}\r\n{lines}\r\n\r\nbody");
                let mut framer = Framer::new();
                framer.push(text.as_bytes());
                framer.push(ONE);
                match expected {
                    Some(_) => {
                        let whole = Frame::Message(text.clone().into());
                        assert_eq!(
                            frames(&mut framer),
                            [whole, Frame::Message(Bytes::from_static(ONE))],
                            "{text}"
                        );
                    }
                    None => assert!(matches!(framer.next_frame(), Err(FrameError::Length(_))), "{text}"),
                }
            }
        }
    }

    #[test]
    fn sip_11_fillers_before_a_start_line_are_left_out() {
        let fillers: [&[u8]; 12] = [
            b"\t\r\n",
            b"  \r\n",
            b"\r",
            b"\n",
            b"\n\n",
            b"\r\n\r",
            b"\0\0\0\0",
            b"\x07",
            b"\xff\xfe",
            b" ",
            b"\r\r\n",
            b"\r\n \r\n",
        ];
        for filler in fillers {
            for size in 1..20 {
                let mut framer = Framer::new();
                let mut seen = Vec::new();
                for piece in [filler, ONE].concat().chunks(size) {
                    framer.push(piece);
                    seen.extend(frames(&mut framer));
                }
                seen.retain(|frame| *frame != Frame::Pong);
                assert_eq!(seen, [Frame::Message(Bytes::from_static(ONE))], "{filler:?} in pieces of {size}");
                assert!(!framer.is_mid_message());
            }
        }
        let mut framer = Framer::new();
        framer.push(b"\t\r\n\r\n \r\n\r\n");
        assert_eq!(frames(&mut framer), [Frame::Ping, Frame::Ping], "pings behind fillers");
    }

    #[test]
    fn rfc5626_4_4_1_double_crlf_is_a_ping_and_a_single_one_a_pong() {
        let mut framer = Framer::new();
        framer.push(b"\r\n\r\n\r\n");
        framer.push(ONE);
        let message = Frame::Message(Bytes::from_static(ONE));
        assert_eq!(frames(&mut framer), [Frame::Ping, Frame::Pong, message]);
    }

    #[test]
    fn rfc5626_4_4_1_a_ping_may_come_in_pieces() {
        for cut in 1..4 {
            let (first, rest) = b"\r\n\r\n".split_at(cut);
            let mut framer = Framer::new();
            framer.push(first);
            assert_eq!(frames(&mut framer), []);
            assert_eq!(framer.is_mid_message(), cut != 2, "a CRLF alone waits for nothing");
            framer.push(rest);
            assert_eq!(frames(&mut framer), [Frame::Ping], "cut at {cut}");
        }
        let mut framer = Framer::asking();
        framer.push(b"\r\n");
        assert_eq!(frames(&mut framer), [Frame::Pong], "whoever asks hears the answer at once");
        let mut framer = Framer::new();
        framer.expect_pong();
        framer.push(b"\r\n");
        assert_eq!(frames(&mut framer), [Frame::Pong], "and so does the other side when it has asked");
        framer.push(b"\r\n");
        assert_eq!(frames(&mut framer), [], "which it has not now");
        framer.push(b"\r\n");
        assert_eq!(frames(&mut framer), [Frame::Ping]);
    }

    #[test]
    fn a_head_without_end_is_bounded() {
        let mut framer = Framer::new();
        framer.push(&vec![b'x'; MAX_HEAD + 1]);
        assert_eq!(framer.next_frame(), Err(FrameError::TooLarge));
        let mut framer = Framer::new();
        framer.push(b"OPTIONS sip:a SIP/2.0\r\nl: 99999999\r\n\r\n");
        assert_eq!(framer.next_frame(), Err(FrameError::TooLarge));
    }
}
