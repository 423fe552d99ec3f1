//! What the journal keeps of a subscription at the notifier.

use crate::reason::Reason;
use clock::Wall;
use minicbor::{Decode, Encode};
use sip_message::{Event, Substate};
use std::borrow::Cow;

/// How a subscription stands (RFC 6665 section 4.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Standing {
    /// Received; nobody has decided yet.
    #[n(0)]
    Pending,
    /// Authorised.
    #[n(1)]
    Active,
    /// Over; the watcher may still have to be told.
    #[n(2)]
    Terminated {
        /// Why.
        #[n(0)]
        reason: Reason,
        /// Seconds after which the watcher may subscribe again.
        #[n(1)]
        retry_after: Option<u32>,
    },
}

impl Standing {
    /// The state as a NOTIFY names it.
    #[must_use]
    pub const fn substate(self) -> Substate {
        match self {
            Self::Pending => Substate::Pending,
            Self::Active => Substate::Active,
            Self::Terminated { .. } => Substate::Terminated,
        }
    }
}

/// The durable part of a [`crate::Subscription`], a CBOR array. Its dialog is journalled beside it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SubscriptionRecord {
    /// The Event value of every NOTIFY: package and, where the SUBSCRIBE had one, `id`.
    #[n(0)]
    #[cbor(with = "event_text")]
    pub(crate) event: Cow<'static, str>,
    #[n(1)]
    pub(crate) standing: Standing,
    /// When it ends unless refreshed; of a terminated one, until when the last NOTIFY is worth sending.
    #[n(2)]
    #[cbor(with = "wall_millis")]
    pub(crate) expires_at: Wall,
    /// The newest version that the watcher has confirmed since its last SUBSCRIBE; `None` means that the NOTIFY which
    /// that SUBSCRIBE is owed has not been confirmed.
    #[n(3)]
    pub(crate) delivered: Option<u64>,
}

impl SubscriptionRecord {
    /// The Event value as every NOTIFY carries it.
    #[must_use]
    pub fn event(&self) -> &str {
        &self.event
    }

    /// How it stands.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// When it ends unless refreshed.
    #[must_use]
    pub const fn expires_at(&self) -> Wall {
        self.expires_at
    }

    /// The newest version that the watcher has confirmed.
    #[must_use]
    pub const fn delivered(&self) -> Option<u64> {
        self.delivered
    }
}

/// Packages whose names are not copied into each subscription.
const WELL_KNOWN: [&str; 3] = ["presence", "presence.winfo", "reg"];

/// The Event value that is kept: package and id, other parameters left out.
pub(crate) fn event_value(event: Event<'_>) -> Cow<'static, str> {
    match event.id {
        Some(id) => format!("{};id={id}", event.package).into(),
        None => shared(event.package),
    }
}

fn shared(value: &str) -> Cow<'static, str> {
    let known = WELL_KNOWN.into_iter().find(|known| *known == value);
    known.map_or_else(|| value.to_owned().into(), Cow::Borrowed)
}

/// An Event value in the journal.
mod event_text {
    use minicbor::decode::{Decoder, Error as DecodeError};
    use minicbor::encode::{Encoder, Error as EncodeError, Write};
    use std::borrow::Cow;

    pub(crate) fn encode<C, W: Write>(
        value: &str,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.str(value)?.ok()
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Cow<'static, str>, DecodeError> {
        d.str().map(super::shared)
    }
}

/// A [`Wall`] in the journal: milliseconds since 1970.
pub(crate) mod wall_millis {
    use clock::Wall;
    use minicbor::decode::{Decoder, Error as DecodeError};
    use minicbor::encode::{Encoder, Error as EncodeError, Write};

    pub(crate) fn encode<C, W: Write>(
        wall: &Wall,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.u64(wall.unix_millis())?.ok()
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Wall, DecodeError> {
        d.u64().map(Wall::from_unix_millis)
    }
}
