//! A presentity: a user of our domain whose presence is published or watched.

use minicbor::decode::{Decoder, Error as DecodeError};
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Encode, Encoder};
use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A presentity, by its address of record. The tables share its text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Presentity(Arc<str>);

impl Presentity {
    /// The presentity with this address of record.
    pub(crate) fn new(address_of_record: &str) -> Self {
        Self(address_of_record.into())
    }
}

impl Deref for Presentity {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Presentity {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Presentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<C> Encode<C> for Presentity {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Presentity {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        d.str().map(Self::new)
    }
}
