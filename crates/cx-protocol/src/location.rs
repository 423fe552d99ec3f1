//! Where is this user served? UAR before a registration, LIR for a request to the user.

use crate::{Capabilities, Impi, Impu, ResultCode, ScscfName};
use minicbor::{Decode, Encode};

/// Why the I-CSCF asks (TS 29.229 §6.3.24).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum UarType {
    /// A registration or a refresh.
    #[n(0)]
    Registration,
    /// A de-registration.
    #[n(1)]
    Deregistration,
    /// A registration for which the assigned S-CSCF did not answer: another one is wanted.
    #[n(2)]
    RegistrationAndCapabilities,
}

/// User-Authorization-Request: may this user register here, and with which S-CSCF?
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Uar {
    /// The username of the REGISTER, or what was derived from its To.
    #[n(1)]
    pub impi: Impi,
    /// The identity to be registered.
    #[n(2)]
    pub impu: Impu,
    /// The network of the P-CSCF (P-Visited-Network-ID); absent is not checked.
    #[n(4)]
    pub visited_network: Option<Box<str>>,
    /// Why the I-CSCF asks.
    #[n(5)]
    pub kind: UarType,
}

/// User-Authorization-Answer: 2001 with capabilities, 2002 with a name, or 5001, 5002, 5003, 5004.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Uaa {
    /// How it ended.
    #[n(0)]
    pub result: ResultCode,
    /// The S-CSCF stored for this user.
    #[n(3)]
    pub server_name: Option<ScscfName>,
    /// What to choose an S-CSCF by.
    #[n(6)]
    pub capabilities: Option<Capabilities>,
}

/// On whose behalf a request travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Leg {
    /// To the user.
    #[n(0)]
    Terminating,
    /// From the user, by an application server in its name (the `orig` parameter).
    #[n(1)]
    Originating,
}

/// What the I-CSCF wants to know (TS 29.228 §6.1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Encode, Decode)]
#[cbor(index_only)]
pub enum LirType {
    /// The S-CSCF.
    #[default]
    #[n(0)]
    Location,
    /// The S-CSCF did not answer: by what to choose another one, if another one may have the user.
    #[n(1)]
    LocationAndCapabilities,
}

/// Location-Info-Request: which S-CSCF serves this user?
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Lir {
    /// The user asked for.
    #[n(2)]
    pub impu: Impu,
    /// To the user, or in its name.
    #[n(5)]
    pub leg: Leg,
    /// What is wanted; absent means the S-CSCF.
    #[n(15)]
    #[cbor(default)]
    pub kind: LirType,
}

/// Location-Info-Answer: 2001 with a name, 2003 with capabilities, or 5001, 5003.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Lia {
    /// How it ended.
    #[n(0)]
    pub result: ResultCode,
    /// The S-CSCF that serves the user.
    #[n(3)]
    pub server_name: Option<ScscfName>,
    /// What to choose an S-CSCF by; the default S-CSCF for the unregistered is the first name in it.
    #[n(6)]
    pub capabilities: Option<Capabilities>,
}
