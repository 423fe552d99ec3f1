//! What an S-CSCF keeps about a user it serves.

use crate::{Impu, InitialFilterCriterion};
use minicbor::{Decode, Encode};

/// One public identity of a set. Keys: 0 identity, 1 barred, 2 display name.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PublicIdentity {
    /// The identity.
    #[n(0)]
    pub impu: Impu,
    /// It may be registered, but neither call nor be called.
    #[n(1)]
    #[cbor(default)]
    pub barred: bool,
    /// The name to show beside it.
    #[n(2)]
    pub display: Option<Box<str>>,
}

/// The public identities that register together (TS 23.228 §5.2.1a). Key: 0 identities.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ImplicitRegistrationSet {
    /// The default identity first.
    #[n(0)]
    pub identities: Vec<PublicIdentity>,
}

impl ImplicitRegistrationSet {
    /// The identity that stands for the user when none was named: the first that is not barred.
    #[must_use]
    pub fn default_impu(&self) -> Option<&Impu> {
        self.usable().next()
    }

    /// The identities that are not barred, as P-Associated-URI lists them.
    pub fn usable(&self) -> impl Iterator<Item = &Impu> {
        self.identities.iter().filter(|identity| !identity.barred).map(|identity| &identity.impu)
    }

    /// The entry of `impu`, if it is in the set.
    #[must_use]
    pub fn find(&self, impu: &Impu) -> Option<&PublicIdentity> {
        self.identities.iter().find(|identity| identity.impu == *impu)
    }
}

/// The data of one implicit registration set (TS 29.228 annex B). Keys: 0 set, 1 criteria.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ServiceProfile {
    /// Whose profile it is.
    #[n(0)]
    pub identities: ImplicitRegistrationSet,
    /// Which application servers see which requests, lowest priority number first.
    #[n(1)]
    #[cbor(default)]
    pub criteria: Vec<InitialFilterCriterion>,
}
