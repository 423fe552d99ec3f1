//! Streams of SIP messages.

use crate::Mutator;
use sip_message::{Frame, FrameError, Framer, MAX_HEAD, MAX_MESSAGE, Message};

/// A stream gives the same messages however it is cut, keeps no more than it says, and means by Content-Length what the
/// parser means. The first eight octets say how it is cut.
pub fn framer(bytes: &[u8]) {
    let (seed, stream) = bytes.split_at_checked(8).unwrap_or((&[], bytes));
    let seed = seed.iter().fold(0, |seed, byte| seed << 8 | u64::from(*byte));
    let mut cuts = Mutator::new(seed);
    let mut rest = stream;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (piece, more) = rest.split_at_checked(1 + cuts.below(64)).unwrap_or((rest, &[]));
        pieces.push(piece);
        rest = more;
    }
    let whole = frames(Framer::new(), [stream]);
    assert_eq!(frames(Framer::new(), pieces.iter().copied()), whole);
    assert_eq!(frames(Framer::new(), stream.chunks(1)), whole);
    // Who asks hears every CRLF at once, so that what is a ping depends on the pieces.
    let messages = messages(&whole);
    assert_eq!(self::messages(&frames(Framer::asking(), [stream])), messages);
    assert_eq!(self::messages(&frames(Framer::asking(), pieces)), messages);
    assert_eq!(self::messages(&frames(Framer::asking(), stream.chunks(1))), messages);
    for frame in &whole {
        if let Ok(Frame::Message(bytes)) = frame
            && let Ok(message) = Message::parse(bytes.clone())
        {
            // Else the octets behind the body would be a message to one and part of this one to the other.
            assert!(bytes.ends_with(&message.body()) && message.bytes().len() == bytes.len());
            let head = bytes.len() - message.body().len();
            assert!(bytes.get(..head).is_some_and(|head| head.ends_with(b"\r\n\r\n")));
        }
    }
}

/// What a stream that comes in these pieces gives, up to its first error.
fn frames<'a>(
    mut framer: Framer,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<Result<Frame, FrameError>> {
    let mut seen = Vec::new();
    for piece in pieces {
        framer.push(piece);
        loop {
            match framer.next_frame() {
                Ok(Some(frame)) => seen.push(Ok(frame)),
                Ok(None) => break,
                Err(error) => {
                    seen.push(Err(error));
                    return seen;
                }
            }
        }
        assert!(framer.buffer().len() <= MAX_HEAD + MAX_MESSAGE);
    }
    seen
}

/// Without the keep-alives.
fn messages(frames: &[Result<Frame, FrameError>]) -> Vec<&Result<Frame, FrameError>> {
    frames.iter().filter(|frame| !matches!(frame, Ok(Frame::Ping | Frame::Pong))).collect()
}
