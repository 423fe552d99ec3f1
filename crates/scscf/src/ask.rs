//! What an operator may ask an S-CSCF.

use crate::Scscf;
use clock::Now;
use ims_node::{AskAnswer, write_lines};
use serde::Serialize;
use std::fmt;

/// A question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Who is registered, with contacts.
    List,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Told {
    /// Everybody who is registered, by identity.
    Registered(Vec<RegisteredContact>),
}

/// A contact of a registered user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RegisteredContact {
    /// The first identity of the set that is registered.
    pub impu: Box<str>,
    /// Where the phone is.
    pub contact: Box<str>,
    /// Seconds until the registration of the contact runs out.
    pub seconds_left: u64,
}

impl fmt::Display for RegisteredContact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}s", self.impu, self.contact, self.seconds_left)
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registered(contacts) => write_lines(f, contacts),
        }
    }
}

impl AskAnswer for Told {}

impl Scscf {
    pub(crate) fn contacts(&self, now: Now) -> Vec<RegisteredContact> {
        let users = self.users.registrations();
        let bindings = users.flat_map(|(impu, registration)| {
            registration.bindings.iter().map(move |binding| (impu, binding))
        });
        let mut contacts: Vec<RegisteredContact> = bindings
            .map(|(impu, binding)| RegisteredContact {
                impu: impu.as_str().into(),
                contact: binding.contact.to_string().into(),
                seconds_left: binding.seconds_left(now.wall),
            })
            .collect();
        contacts.sort_unstable();
        contacts
    }
}
