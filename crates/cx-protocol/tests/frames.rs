//! Frames come out of a stream whole, wherever it is cut, and nothing that comes in breaks the reader.
#![allow(clippy::unwrap_used, reason = "a test helper may fail its test")]

mod support;

use bytes::Bytes;
use cx_protocol::{CloseReason, Frame, FrameDecoder, FrameError, FrameKind, Input, MAX_FRAME, Output};
use support::{Pair, at, outputs};

fn sample(kind: FrameKind, hop_by_hop: u32, body: usize) -> Frame {
    let body = (0..body).map(|n| n.to_le_bytes()[0]).collect::<Vec<u8>>();
    Frame { version: 1, kind, command: 302, hop_by_hop, body: body.into() }
}

fn all_frames(decoder: &mut FrameDecoder) -> Vec<Frame> {
    std::iter::from_fn(|| decoder.next_frame().unwrap()).collect()
}

#[test]
fn a_stream_cut_at_any_octet_yields_the_same_frames() {
    let frames = [
        sample(FrameKind::Request, 1, 40),
        sample(FrameKind::Answer, 2, 0),
        sample(FrameKind::Error, u32::MAX, 3),
    ];
    let stream: Vec<u8> = frames.iter().flat_map(|frame| frame.encode().unwrap()).collect();
    for cut in 0..=stream.len() {
        let mut decoder = FrameDecoder::new();
        decoder.push(&stream[..cut]);
        let mut read = all_frames(&mut decoder);
        decoder.push(&stream[cut..]);
        read.extend(all_frames(&mut decoder));
        assert_eq!(read, frames, "cut at {cut}");
    }
}

#[test]
fn the_octets_of_a_frame_are_those_of_the_table() {
    let frame = Frame {
        version: 1,
        kind: FrameKind::Request,
        command: 302,
        hop_by_hop: 0x0102_0304,
        body: Bytes::from_static(&[0xA0]),
    };
    assert_eq!(frame.encode().unwrap(), [0, 0, 0, 9, 1, 0x80, 0x01, 0x2E, 1, 2, 3, 4, 0xA0].as_slice());
}

#[test]
fn the_largest_frame_passes_and_one_octet_more_does_not() {
    let largest = sample(FrameKind::Request, 1, MAX_FRAME - 8);
    let mut decoder = FrameDecoder::new();
    decoder.push(&largest.encode().unwrap());
    assert_eq!(decoder.next_frame(), Ok(Some(largest)));
    assert_eq!(sample(FrameKind::Request, 1, MAX_FRAME - 7).encode(), Err(FrameError::TooLong));
}

#[test]
fn an_impossible_length_is_refused_before_its_octets_come() {
    let too_long = u32::try_from(MAX_FRAME).unwrap() + 1;
    for (length, error) in
        [(too_long, FrameError::TooLong), (u32::MAX, FrameError::TooLong), (7, FrameError::TooShort)]
    {
        let mut decoder = FrameDecoder::new();
        decoder.push(&length.to_be_bytes());
        assert_eq!(decoder.next_frame(), Err(error));
        let mut pair = Pair::established();
        pair.hss.handle(at(0), Input::Received(&length.to_be_bytes()));
        assert_eq!(outputs(&mut pair.hss), [Output::Close(CloseReason::Frame(error))]);
    }
}

/// A small generator of the same octets in every run.
fn garbage(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn garbage_bodies_are_answered_and_harm_nothing() {
    let commands = [257, 280, 300, 301, 302, 303, 304, 305, 306, 999];
    for seed in 0..3000 {
        let body = garbage(seed, usize::try_from(seed % 97).unwrap());
        let command = commands[usize::try_from(seed).unwrap() % commands.len()];
        let mut pair = Pair::established();
        pair.hss.handle(at(1), Input::Received(&support::frame(FrameKind::Request, command, 7, &body)));
        let after = outputs(&mut pair.hss);
        assert_eq!(after.len(), 1, "command {command}, seed {seed}: {after:?}");
    }
}

#[test]
fn a_flipped_octet_anywhere_harms_nothing() {
    let mut pair = Pair::established();
    support::ask(&mut pair.cscf, at(0), 1, support::lir());
    let Some(Output::Write(good)) = pair.cscf.poll_output() else { unreachable!("a request is written") };
    for at_octet in 0..good.len() {
        for flip in [0x01, 0x20, 0x80, 0xFF] {
            let mut bad = good.to_vec();
            bad[at_octet] ^= flip;
            let mut pair = Pair::established();
            pair.hss.handle(at(1), Input::Received(&bad));
            let after = outputs(&mut pair.hss);
            assert!(after.len() <= 2, "octet {at_octet}: {after:?}");
        }
    }
}
