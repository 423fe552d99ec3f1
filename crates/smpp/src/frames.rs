//! A stream is cut into PDUs (SMPP 3.4 section 3.2).

use bytes::{Buf, BytesMut};
use rusmpp::decode::DecodeWithLength;
use rusmpp::encode::Length;
use rusmpp::encode::owned::Encode;
use rusmpp::{Command, CommandId, CommandStatus, Pdu};

/// The longest PDU that is taken, in octets: a message payload of 64 KiB and what stands around it.
pub const MAX_PDU: usize = 68 * 1024;

const HEADER: usize = 16;
/// Octets of the header that rusmpp does not read: the length.
const LENGTH: usize = 4;

/// One PDU.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// What it is.
    pub id: CommandId,
    /// The command status: in an answer, how the request went.
    pub status: CommandStatus,
    /// The sequence number: an answer has that of its request.
    pub sequence: u32,
    /// The PDU as rusmpp reads it; `None` where there is nothing behind the header.
    pub pdu: Result<Option<Pdu>, Malformed>,
}

/// The body is not that of its command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// No PDU has this length, so that nobody can tell where the next PDU begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadLength(pub u32);

/// What has been read and is not a whole PDU yet.
#[derive(Debug, Default)]
pub struct Frames(BytesMut);

impl Frames {
    /// The buffer into which the owner reads from the connection.
    pub const fn buffer(&mut self) -> &mut BytesMut {
        &mut self.0
    }

    /// The next PDU, if a whole one is there.
    ///
    /// # Errors
    /// [`BadLength`]: nothing more can be read.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, BadLength> {
        let Some(length) = self.0.first_chunk().copied().map(u32::from_be_bytes) else { return Ok(None) };
        let octets = usize::try_from(length).ok().filter(|octets| (HEADER..=MAX_PDU).contains(octets));
        let octets = octets.ok_or(BadLength(length))?;
        if self.0.len() < octets {
            return Ok(None);
        }
        let mut frame = self.0.split_to(octets);
        frame.advance(LENGTH);
        let number = |at: usize| {
            let field = frame.get(at..).and_then(|rest| rest.first_chunk());
            field.copied().map(u32::from_be_bytes).unwrap_or_default()
        };
        let (id, status, sequence) = (CommandId::from(number(0)), CommandStatus::from(number(4)), number(8));
        let pdu = Command::decode(&mut frame, octets - LENGTH);
        let pdu = pdu.map(|(command, _)| command.pdu().cloned()).map_err(|_| Malformed);
        Ok(Some(Frame { id, status, sequence, pdu }))
    }
}

/// Writes a PDU behind what is there.
pub fn write(status: CommandStatus, sequence: u32, pdu: impl Into<Pdu>, to: &mut BytesMut) {
    let command = Command::new(status, sequence, pdu);
    let length = LENGTH + command.length();
    to.reserve(length);
    // No PDU that we make is longer than its parts allow.
    to.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    command.encode(to);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusmpp::pdus::DeliverSm;

    fn written() -> BytesMut {
        let mut bytes = BytesMut::new();
        write(CommandStatus::EsmeRok, 7, Pdu::EnquireLink, &mut bytes);
        write(CommandStatus::EsmeRok, 8, DeliverSm::builder().build(), &mut bytes);
        write(CommandStatus::EsmeRthrottled, 9, Pdu::GenericNack, &mut bytes);
        bytes
    }

    fn read(frames: &mut Frames) -> Vec<(CommandId, u32)> {
        let frames = std::iter::from_fn(|| frames.next_frame().unwrap());
        frames.map(|frame| (frame.id, frame.sequence)).collect()
    }

    #[test]
    fn smpp_3_2_a_stream_cut_anywhere_gives_the_same_pdus() {
        let all = [(CommandId::EnquireLink, 7), (CommandId::DeliverSm, 8), (CommandId::GenericNack, 9)];
        let bytes = written();
        for cut in 0..=bytes.len() {
            let mut frames = Frames::default();
            frames.buffer().extend_from_slice(&bytes[..cut]);
            let mut seen = read(&mut frames);
            frames.buffer().extend_from_slice(&bytes[cut..]);
            seen.extend(read(&mut frames));
            assert_eq!(seen, all, "cut at {cut}");
        }
    }

    #[test]
    fn smpp_3_2_a_body_that_is_cut_off_is_malformed_and_the_next_pdu_is_read() {
        let mut whole = BytesMut::new();
        write(CommandStatus::EsmeRok, 8, DeliverSm::builder().build(), &mut whole);
        for body in 1..whole.len() - HEADER {
            let mut frames = Frames::default();
            let length = u32::try_from(HEADER + body).unwrap();
            frames.buffer().extend_from_slice(&length.to_be_bytes());
            frames.buffer().extend_from_slice(&whole[LENGTH..HEADER + body]);
            frames.buffer().extend_from_slice(&written());
            let frame = frames.next_frame().unwrap().unwrap();
            assert_eq!(
                (frame.id, frame.sequence, frame.pdu),
                (CommandId::DeliverSm, 8, Err(Malformed)),
                "{body}"
            );
            assert_eq!(read(&mut frames).len(), 3);
        }
    }

    #[test]
    fn smpp_3_2_an_impossible_length_is_refused_before_its_octets_come() {
        for length in [0, 15, u32::try_from(MAX_PDU).unwrap() + 1, u32::MAX] {
            let mut frames = Frames::default();
            frames.buffer().extend_from_slice(&length.to_be_bytes());
            assert_eq!(frames.next_frame().unwrap_err(), BadLength(length));
        }
    }
}
