//! The route set of a dialog (RFC 3261 sections 12.1.1 and 12.1.2).

use minicbor::decode::{Decoder, Error as DecodeError};
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Encode, Encoder};
use sip_message::{HeaderName, Message, NameAddr, Uri, list};

/// Most entries of a route set; a dialog with more is refused. The longest way of this network has five.
pub const MAX_ROUTES: usize = 32;

/// The URIs that every request of a dialog visits on its way, kept as one Route value to be small.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteSet(Box<str>);

/// A Record-Route value that is no address, or too many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadRouteSet;

impl RouteSet {
    /// The Record-Route values as they stand: on the side that received the request.
    pub(crate) fn in_order(request: &Message) -> Result<Self, BadRouteSet> {
        Self::collect(request.list(HeaderName::RecordRoute))
    }

    /// The Record-Route values from the last to the first: on the side that received the response.
    pub(crate) fn reversed(response: &Message) -> Result<Self, BadRouteSet> {
        let values: Vec<&str> = response.list(HeaderName::RecordRoute).collect();
        Self::collect(values.into_iter().rev())
    }

    fn collect<'a>(values: impl Iterator<Item = &'a str>) -> Result<Self, BadRouteSet> {
        let mut text = String::new();
        for (count, value) in values.enumerate() {
            let address = NameAddr::parse(value).map_err(|_| BadRouteSet)?;
            let uri = address.uri().map_err(|_| BadRouteSet)?;
            if count == MAX_ROUTES || !uri.is_sip() {
                return Err(BadRouteSet);
            }
            if count > 0 {
                text.push(',');
            }
            text.push('<');
            text.push_str(uri.as_str());
            text.push('>');
        }
        Ok(Self(text.into()))
    }

    /// The value of a Route header; empty when nothing recorded its route.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing recorded its route.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries in the order of travel.
    pub fn iter(&self) -> impl Iterator<Item = Uri> {
        list(&self.0).filter_map(|value| NameAddr::parse(value).ok()).filter_map(|address| address.uri().ok())
    }

    /// The entry that a request visits first.
    #[must_use]
    pub fn first(&self) -> Option<Uri> {
        self.iter().next()
    }

    /// Everything behind the first entry, as the value of a Route header.
    pub(crate) fn rest(&self) -> &str {
        self.0.split_once(',').map_or("", |(_, rest)| rest)
    }
}

impl<C> Encode<C> for RouteSet {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for RouteSet {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        let text = d.str()?;
        if text.is_empty() {
            return Ok(Self::default());
        }
        Self::collect(list(text)).map_err(|BadRouteSet| DecodeError::message("a route set that is none"))
    }
}
