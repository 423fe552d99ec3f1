//! UDR: what an application server or a gateway may read about a user (after Sh, TS 29.328).

use crate::{Impu, ResultCode, ScscfName};
use minicbor::{Decode, Encode};

/// User-Data-Request: which presence server has this user's state, and where is the user served? Changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Udr {
    /// The user asked for.
    #[n(2)]
    pub impu: Impu,
}

/// User-Data-Answer: 2001, or 5001.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Uda {
    /// How it ended.
    #[n(0)]
    pub result: ResultCode,
    /// The S-CSCF stored for the user.
    #[n(3)]
    pub server_name: Option<ScscfName>,
    /// The usable identities of the user's implicit set, the default first.
    #[n(10)]
    #[cbor(default)]
    pub impus: Vec<Impu>,
    /// Present on success.
    #[n(13)]
    pub state: Option<RegistrationState>,
    /// The SIP URI of the presence server that serves the user.
    #[n(14)]
    pub presence_server: Option<Box<str>>,
    /// Those who may publish for the user beside the user itself: gateways for phones without SIP, for one.
    #[n(16)]
    #[cbor(default)]
    pub agents: Vec<Impu>,
}

/// The state of a public identity in the HSS (TS 29.228).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum RegistrationState {
    /// No S-CSCF has it.
    #[default]
    #[n(0)]
    NotRegistered,
    /// An S-CSCF is authenticating it.
    #[n(1)]
    AuthenticationPending,
    /// An S-CSCF has contacts of it.
    #[n(2)]
    Registered,
    /// An S-CSCF has it without contacts, for its services.
    #[n(3)]
    Unregistered,
}
