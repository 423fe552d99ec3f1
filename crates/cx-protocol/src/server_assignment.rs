//! SAR: an S-CSCF takes or leaves a user. RTR and PPR: the HSS takes one away, or sends a new profile.

use crate::{Impi, Impu, ResultCode, ScscfName, ServiceProfile};
use minicbor::{Decode, Encode};

/// What happened at the S-CSCF (TS 29.229 §6.3.15; the numbers are 3GPP's).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum SarType {
    /// Nothing: it has lost the profile of a user assigned to it and wants it again.
    #[n(0)]
    NoAssignment,
    /// A registration.
    #[n(1)]
    Registration,
    /// A refresh, or another contact.
    #[n(2)]
    ReRegistration,
    /// A request for a user who is not registered.
    #[n(3)]
    UnregisteredUser,
    /// The last contact expired.
    #[n(4)]
    TimeoutDeregistration,
    /// The user left with its last contact.
    #[n(5)]
    UserDeregistration,
    /// The network ended the registration.
    #[n(8)]
    AdministrativeDeregistration,
    /// The user failed to authenticate.
    #[n(9)]
    AuthenticationFailure,
    /// The user did not answer the challenge in time.
    #[n(10)]
    AuthenticationTimeout,
}

/// Server-Assignment-Request.
///
/// The state of an identity is one for all its contacts and usernames: a de-registration is for the last contact only.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Sar {
    /// The username, where one is known: not for [`SarType::UnregisteredUser`].
    #[n(1)]
    pub impi: Option<Impi>,
    /// The identity; its whole implicit set is meant.
    #[n(2)]
    pub impu: Impu,
    /// The S-CSCF that asks.
    #[n(3)]
    pub server_name: ScscfName,
    /// What happened.
    #[n(5)]
    pub kind: SarType,
}

/// Server-Assignment-Answer: 2001, or 5001, 5002, 5005, 5012.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Saa {
    /// How it ended.
    #[n(0)]
    pub result: ResultCode,
    /// The username that the profile belongs to, where the request named none.
    #[n(1)]
    pub impi: Option<Impi>,
    /// Present if the S-CSCF now serves the user (types 0 to 3).
    #[n(7)]
    pub profile: Option<ServiceProfile>,
}

/// Why the HSS ends a registration (TS 29.229 §6.3.17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum RtrReason {
    /// The subscription ended: do not register again.
    #[n(0)]
    PermanentTermination,
    /// The user registered with another S-CSCF.
    #[n(1)]
    NewServerAssigned,
    /// Another S-CSCF is to serve the user: register again.
    #[n(2)]
    ServerChange,
    /// This S-CSCF is no longer to serve the user.
    #[n(3)]
    RemoveScscf,
}

/// Registration-Termination-Request: drop these identities.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Rtr {
    /// The user.
    #[n(1)]
    pub impi: Impi,
    /// Which of its identities; empty: all.
    #[n(10)]
    #[cbor(default)]
    pub impus: Vec<Impu>,
    /// Why.
    #[n(11)]
    pub reason: RtrReason,
    /// Why, in words for the user.
    #[n(12)]
    pub reason_info: Option<Box<str>>,
}

/// Registration-Termination-Answer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Rta {
    /// How it ended.
    #[n(0)]
    pub result: ResultCode,
}

/// Push-Profile-Request: this profile replaces the one of the same identities.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ppr {
    /// The user.
    #[n(1)]
    pub impi: Impi,
    /// The new profile.
    #[n(7)]
    pub profile: ServiceProfile,
}

/// Push-Profile-Answer: 2001, or 5001 if the S-CSCF does not serve that user.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ppa {
    /// How it ended.
    #[n(0)]
    pub result: ResultCode,
}
