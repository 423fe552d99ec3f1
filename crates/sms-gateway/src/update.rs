//! What comes in, from whatever source.

use crate::number::{Msisdn, NumberForm};
use crate::vocabulary::{Meaning, Reachability};
use clock::Wall;
use minicbor::{Decode, Encode};
use std::time::Duration;

/// A message of a user without SIP, as its source gives it: SMPP, or another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyUpdate {
    /// Whose it is, as it was written.
    pub from: Box<str>,
    /// In which form.
    pub form: NumberForm,
    /// What was written, in units of UTF-16: the parts of a long message may cut a character in two.
    pub text: Vec<u16>,
    /// Which part of a long message it is, if it is one. They come in any order.
    pub part: Option<PartOf>,
    /// How long the source would have kept it, if it says so: so long is it tried.
    pub validity: Option<Duration>,
}

/// Which part of a long message something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartOf {
    /// What all parts of a message of one sender have in common.
    pub reference: u16,
    /// How many parts there are.
    pub total: u8,
    /// Which of them this is, from 1 on.
    pub number: u8,
}

/// What is to be shown of a user.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Shown {
    #[n(0)]
    pub(crate) basic: Reachability,
    #[n(1)]
    pub(crate) activity: Option<Box<str>>,
    #[n(2)]
    pub(crate) note: Option<Box<str>>,
}

impl Shown {
    pub(crate) fn new(meaning: Meaning, note: Option<Box<str>>) -> Self {
        Self { basic: meaning.basic, activity: meaning.activity, note }
    }
}

/// What is to be shown of a user, and how long. Encoded as a CBOR array for the journal.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Status {
    #[n(0)]
    pub(crate) shown: Shown,
    /// Since when it is so, in milliseconds since 1970.
    #[n(1)]
    at: u64,
    #[n(2)]
    until: u64,
}

impl Status {
    pub(crate) const fn at(&self) -> Wall {
        Wall::from_unix_millis(self.at)
    }

    pub(crate) const fn until(&self) -> Wall {
        Wall::from_unix_millis(self.until)
    }
}

/// A status update that the gateway has accepted and the presence server has not confirmed. The journal keeps it as a CBOR array.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Accepted {
    #[n(0)]
    pub(crate) from: Msisdn,
    #[n(1)]
    pub(crate) status: Status,
    /// So long is it tried.
    #[n(2)]
    valid_until: u64,
    /// For how long the user has asked, in seconds.
    #[n(3)]
    pub(crate) asked_s: Option<u64>,
}

impl Accepted {
    pub(crate) fn new(from: Msisdn, shown: Shown, at: Wall, times: Times) -> Self {
        let Times { asked, lasts, valid } = times;
        let until = at + asked.unwrap_or(lasts);
        Self {
            from,
            status: Status { shown, at: at.unix_millis(), until: until.unix_millis() },
            // A status that is over is not worth publishing.
            valid_until: (at + valid).min(until).unix_millis(),
            asked_s: asked.map(|asked| asked.as_secs()),
        }
    }

    pub(crate) const fn until(&self) -> Wall {
        self.status.until()
    }

    pub(crate) const fn valid_until(&self) -> Wall {
        Wall::from_unix_millis(self.valid_until)
    }
}

/// How long a status counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// As the user wants it.
    pub(crate) asked: Option<Duration>,
    /// If the user says nothing of it.
    pub(crate) lasts: Duration,
    /// So long is it tried.
    pub(crate) valid: Duration,
}
