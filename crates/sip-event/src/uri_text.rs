//! A URI in the journal: its text, read again when the record is.

use minicbor::Encoder;
use minicbor::decode::{Decoder, Error as DecodeError};
use minicbor::encode::{Error as EncodeError, Write};
use sip_message::Uri;

pub(crate) fn encode<C, W: Write>(
    uri: &Uri,
    e: &mut Encoder<W>,
    _: &mut C,
) -> Result<(), EncodeError<W::Error>> {
    e.str(uri.as_str())?.ok()
}

pub(crate) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Uri, DecodeError> {
    Uri::parse(d.str()?).map_err(|_| DecodeError::message("a URI that is none"))
}
