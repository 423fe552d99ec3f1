//! Frames on a byte stream.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Octets of a frame behind its length field; a longer one closes the connection.
pub const MAX_FRAME: usize = 64 * 1024;

/// The version this side speaks.
pub(crate) const VERSION: u8 = 1;

/// Version, flags, command, hop-by-hop: what every frame has behind its length.
const HEADER: usize = 8;
const LENGTH: usize = 4;
const REQUEST: u8 = 0x80;
const ERROR: u8 = 0x20;

/// Which way a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// A request.
    Request,
    /// An answer to the request of the same hop-by-hop identifier.
    Answer,
    /// An answer whose body is a result and nothing else.
    Error,
}

impl FrameKind {
    const fn flags(self) -> u8 {
        match self {
            Self::Request => REQUEST,
            Self::Answer => 0,
            Self::Error => ERROR,
        }
    }

    const fn from_flags(flags: u8) -> Self {
        match (flags & REQUEST != 0, flags & ERROR != 0) {
            (true, _) => Self::Request,
            (false, true) => Self::Error,
            (false, false) => Self::Answer,
        }
    }
}

/// One frame, its body not read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The protocol version it is written in.
    pub version: u8,
    /// Request, answer or error.
    pub kind: FrameKind,
    /// The command's code, known or not.
    pub command: u16,
    /// What joins an answer to its request.
    pub hop_by_hop: u32,
    /// The CBOR map.
    pub body: Bytes,
}

/// Why octets are no frames. Nothing behind them can be read either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// The length is above [`MAX_FRAME`].
    TooLong,
    /// The length is below that of an empty frame.
    TooShort,
}

impl Frame {
    /// The frame as octets.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] if the body does not fit.
    pub fn encode(&self) -> Result<Bytes, FrameError> {
        let length = HEADER + self.body.len();
        if length > MAX_FRAME {
            return Err(FrameError::TooLong);
        }
        let on_the_wire = u32::try_from(length).map_err(|_| FrameError::TooLong)?;
        let mut bytes = BytesMut::with_capacity(LENGTH + length);
        bytes.put_u32(on_the_wire);
        bytes.put_u8(self.version);
        bytes.put_u8(self.kind.flags());
        bytes.put_u16(self.command);
        bytes.put_u32(self.hop_by_hop);
        bytes.put_slice(&self.body);
        Ok(bytes.freeze())
    }
}

/// Cuts frames out of a stream, wherever it was cut in transport.
///
/// It holds what was pushed and not taken yet: take all frames after each push, and it holds less than one frame.
#[derive(Debug, Default)]
pub struct FrameDecoder {
    buffer: BytesMut,
}

impl FrameDecoder {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds octets as they came.
    pub fn push(&mut self, octets: &[u8]) {
        self.buffer.put_slice(octets);
    }

    /// Takes the next whole frame; `None` until it is there.
    ///
    /// # Errors
    /// [`FrameError`] if the stream holds no frames; it stays so.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some(&field) = self.buffer.first_chunk::<LENGTH>() else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes(field)).map_err(|_| FrameError::TooLong)?;
        if length > MAX_FRAME {
            return Err(FrameError::TooLong);
        }
        if length < HEADER {
            return Err(FrameError::TooShort);
        }
        if self.buffer.len() < LENGTH + length {
            return Ok(None);
        }
        self.buffer.advance(LENGTH);
        let mut octets = self.buffer.split_to(length).freeze();
        Ok(Some(Frame {
            version: octets.get_u8(),
            kind: FrameKind::from_flags(octets.get_u8()),
            command: octets.get_u16(),
            hop_by_hop: octets.get_u32(),
            body: octets,
        }))
    }
}
