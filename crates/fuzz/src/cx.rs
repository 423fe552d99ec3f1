//! Frames of the HSS interface.

use clock::Mono;
use cx_protocol::{
    Answer, Command, Connection, Frame, FrameDecoder, FrameError, FrameKind, Input, LocalPeer, MAX_FRAME,
    Output, Request, Role, Secret,
};

/// A stream gives the same frames however it is cut; a frame and the command in it are written as what they are read
/// from; a connection that hears it ends or goes on, and writes no more than it was asked.
pub fn cx(bytes: &[u8]) {
    let whole = frames([bytes]);
    let pieces: Vec<&[u8]> = bytes.chunks(1 + bytes.len() % 7).collect();
    assert_eq!(frames(pieces), whole);
    for frame in whole.iter().flatten() {
        let wire = frame.encode().expect("it came in a frame");
        assert_eq!(frames([&wire[..]]), [Ok(frame.clone())]);
        body(frame);
    }
    for role in [Role::Initiator, Role::Acceptor] {
        heard(role, bytes, whole.len());
    }
}

fn frames<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Result<Frame, FrameError>> {
    let mut decoder = FrameDecoder::new();
    let mut seen = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => seen.push(Ok(frame)),
                Ok(None) => break,
                Err(error) => {
                    seen.push(Err(error));
                    return seen;
                }
            }
        }
    }
    seen
}

fn body(frame: &Frame) {
    let Some(command) = Command::from_code(frame.command) else { return };
    match frame.kind {
        FrameKind::Request => {
            if let Ok(request) = Request::decode(command, &frame.body) {
                let again = request.encode().expect("it was read");
                assert!(again.len() <= MAX_FRAME);
                assert_eq!(Request::decode(command, &again), Ok(request));
            }
        }
        FrameKind::Answer | FrameKind::Error => {
            if let Ok(answer) = Answer::decode(command, &frame.body) {
                let again = answer.encode().expect("it was read");
                assert_eq!(Answer::decode(command, &again), Ok(answer));
            }
        }
    }
}

fn heard(role: Role, bytes: &[u8], frames: usize) {
    let secret = Secret::new(b"secret").expect("it has octets");
    let local =
        LocalPeer { role, host: "a.home1.test".into(), realm: "home1.test".into(), secret, nonce: [1; 32] };
    let mut connection = Connection::new(Mono::ZERO, local);
    connection.handle(Mono::ZERO, Input::Received(bytes));
    let said = std::iter::from_fn(|| connection.poll_output());
    let written = said.filter(|output| matches!(output, Output::Write(_))).count();
    assert!(written <= frames + 1, "its hello, and one answer for each frame");
}
