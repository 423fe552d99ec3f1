//! Initial filter criteria (TS 29.228 annex B.2, C): data only; the S-CSCF evaluates them.

use minicbor::{Decode, Encode};

/// One rule: requests that meet the trigger go to the application server.
/// Keys: 0 priority, 1 trigger, 2 server, 3 profile part.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct InitialFilterCriterion {
    /// Criteria are tried in rising order of this number; no two of a profile have the same.
    #[n(0)]
    pub priority: u32,
    /// When it applies; absent: always.
    #[n(1)]
    pub trigger: Option<TriggerPoint>,
    /// Where the request goes.
    #[n(2)]
    pub application_server: ApplicationServer,
    /// For which state of the user it applies.
    #[n(3)]
    pub profile_part: ProfilePart,
}

/// Where a request goes, and what if it cannot. Keys: 0 URI, 1 default handling, 2 and 3 what a third-party REGISTER carries.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct ApplicationServer {
    /// A SIP URI, put as Route: `sip:ps1.home1.test;lr`.
    #[n(0)]
    pub uri: Box<str>,
    /// If it cannot be reached.
    #[n(1)]
    pub default_handling: DefaultHandling,
    /// The third-party REGISTER carries the user's REGISTER.
    #[n(2)]
    #[cbor(default)]
    pub include_register_request: bool,
    /// The third-party REGISTER carries the 200 to the user's REGISTER.
    #[n(3)]
    #[cbor(default)]
    pub include_register_response: bool,
}

/// What becomes of a session whose application server cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum DefaultHandling {
    /// It goes on without the server.
    #[n(0)]
    Continued,
    /// It ends with an error.
    #[n(1)]
    Terminated,
}

/// The state of the user for which a criterion applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum ProfilePart {
    /// Registered only.
    #[n(0)]
    Registered,
    /// Unregistered only.
    #[n(1)]
    Unregistered,
    /// Either.
    #[n(2)]
    Both,
}

/// A condition in normal form. Keys: 0 form, 1 triggers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct TriggerPoint {
    /// How the groups combine.
    #[n(0)]
    pub condition: ConditionForm,
    /// Its parts, each in one group or more.
    #[n(1)]
    #[cbor(default)]
    pub spts: Vec<Spt>,
}

/// How service point triggers combine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum ConditionForm {
    /// Conjunctive: in every group one must hold.
    #[n(0)]
    Cnf,
    /// Disjunctive: in one group all must hold.
    #[n(1)]
    Dnf,
}

/// A service point trigger. Keys: 0 groups, 1 negated, 2 trigger.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Spt {
    /// The groups it belongs to.
    #[n(0)]
    pub groups: Vec<u32>,
    /// It holds where its trigger does not.
    #[n(1)]
    #[cbor(default)]
    pub negated: bool,
    /// What it looks at.
    #[n(2)]
    pub trigger: ServiceTrigger,
}

/// What a service point trigger looks at; on the wire an array of the variant's number and a map of its fields.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub enum ServiceTrigger {
    /// The method is this one, case and all.
    #[n(0)]
    Method(#[n(0)] Box<str>),
    /// The Request-URI matches this regular expression.
    #[n(1)]
    RequestUri(#[n(0)] Box<str>),
    /// There is such a header.
    #[n(2)]
    Header {
        /// The header's name, in full and in any case.
        #[n(0)]
        name: Box<str>,
        /// A regular expression that one of its values must match; absent: its presence is enough.
        #[n(1)]
        content: Option<Box<str>>,
    },
    /// The request travels in this session case.
    #[n(3)]
    SessionCase(#[n(0)] SessionCase),
    /// The body has such an SDP line.
    #[n(4)]
    SessionDescription {
        /// The line's letter.
        #[n(0)]
        line: Box<str>,
        /// A regular expression that the line's content must match; absent: its presence is enough.
        #[n(1)]
        content: Option<Box<str>>,
    },
}

/// Which way a request goes past the served user's S-CSCF, and in which state of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum SessionCase {
    /// From a registered user.
    #[n(0)]
    Originating,
    /// To a registered user.
    #[n(1)]
    TerminatingRegistered,
    /// To an unregistered user.
    #[n(2)]
    TerminatingUnregistered,
    /// From an unregistered user, by an application server in its name.
    #[n(3)]
    OriginatingUnregistered,
    /// From a user who diverted a request that was for it.
    #[n(4)]
    Cdiv,
}
