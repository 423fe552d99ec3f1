//! One publication at the compositor, and its journal records.

use clock::Wall;
use minicbor::{Decode, Encode};
use std::fmt;

/// Event state that somebody has published and keeps alive. Encoded as a CBOR array.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Publication {
    /// Stays the same over refreshes and modifications.
    #[n(0)]
    pub(crate) serial: u64,
    #[n(1)]
    pub(crate) tag: Box<str>,
    #[n(2)]
    #[cbor(with = "crate::subscription_record::wall_millis")]
    pub(crate) expires_at: Wall,
    /// When the document came, not when it was last refreshed.
    #[n(3)]
    #[cbor(with = "crate::subscription_record::wall_millis")]
    pub(crate) modified: Wall,
    #[n(4)]
    pub(crate) content_type: Box<str>,
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) document: Box<[u8]>,
    /// Of the PUBLISH that it was last changed or refreshed by, see [`crate::PublishRequest::fingerprint`]. Records of
    /// before it was kept have none.
    #[n(6)]
    #[cbor(default)]
    pub(crate) request_fingerprint: u64,
    /// Of the PUBLISH that made it, see [`crate::PublishRequest::source`].
    #[n(7)]
    #[cbor(default)]
    pub(crate) source: u64,
    /// The serial number of the first publication of its source; its own where that is not another one.
    #[n(8)]
    pub(crate) first: Option<u64>,
}

impl Publication {
    /// What names it within its resource and package for good; the tag changes.
    #[must_use]
    pub const fn serial(&self) -> u64 {
        self.serial
    }

    /// What names its source for good: a phone that has lost its entity-tag publishes anew, and what it had published before
    /// lives until it expires.
    #[must_use]
    pub fn source_number(&self) -> u64 {
        self.first.unwrap_or(self.serial)
    }

    /// The entity-tag that its next PUBLISH must name.
    #[must_use]
    pub const fn tag(&self) -> &str {
        &self.tag
    }

    /// When it ends unless refreshed.
    #[must_use]
    pub const fn expires_at(&self) -> Wall {
        self.expires_at
    }

    /// When the document came; refreshes do not count.
    #[must_use]
    pub const fn modified(&self) -> Wall {
        self.modified
    }

    /// Content-Type of the document.
    #[must_use]
    pub const fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The document as it came.
    #[must_use]
    pub const fn document(&self) -> &[u8] {
        &self.document
    }
}

/// The document stays out of logs: it tells of a person.
impl fmt::Debug for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publication")
            .field("serial", &self.serial)
            .field("tag", &self.tag)
            .field("expires_at", &self.expires_at)
            .field("octets", &self.document.len())
            .finish_non_exhaustive()
    }
}

/// One change for the journal, in the order in which it happened. Each can be replayed more than once.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum PublicationRecord {
    /// It is new, or its document is.
    #[n(0)]
    Stored(#[n(0)] Box<Publication>),
    /// It was refreshed.
    #[n(1)]
    Renewed {
        /// Which.
        #[n(0)]
        serial: u64,
        /// Its new tag.
        #[n(1)]
        tag: Box<str>,
        /// Its new end.
        #[n(2)]
        #[cbor(with = "crate::subscription_record::wall_millis")]
        expires_at: Wall,
        /// The fingerprint of the PUBLISH that did it.
        #[n(3)]
        #[cbor(default)]
        request_fingerprint: u64,
    },
    /// It is gone.
    #[n(2)]
    Removed {
        /// Which.
        #[n(0)]
        serial: u64,
    },
}
