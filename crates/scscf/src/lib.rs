//! S-CSCF: registrar, and the node that runs the filter criteria of the users it serves (TS 24.229 section 5.4).
//!
//! In the contribution: with the watcher's P-CSCF the Watcher Presence Proxy, with the presentity's I-CSCF the
//! Presentity Presence Proxy. A SUBSCRIBE passes it on the watcher's side (`originating`) and on the presentity's
//! (`terminating`), in one domain perhaps in one process; a NOTIFY follows the dialog (`in_dialog`).
//!
//! It tells where its users are registered to those who may know (`reg_event`).
//!
//! Not here: presence itself (the presence server's), choosing among S-CSCFs (the I-CSCF's).

mod application_server;
mod ask;
mod binding;
mod cause;
mod challenge;
mod contacts;
mod criteria;
mod delivery;
mod expiry;
mod in_dialog;
mod leaving;
mod odi;
mod originating;
mod profile;
mod record_route;
mod reg_event;
mod registrar;
mod role;
mod settings;
mod terminating;
mod third_party;
mod users;

pub use ask::{Ask, RegisteredContact, Told};
pub use cause::Cause;
use cx_protocol::{Impu, SarType, SessionCase};
pub use delivery::Delivery;
pub use settings::{ScscfSettings, StrictDigestUri, TerminatingRecordRoute};
pub use third_party::ThirdPartyRegister;

use challenge::Challenges;
use criteria::Patterns;
use ims_node::SigningKey;
use reg_event::{Earlier, Reg};
use sip_event::{Notified, Notifier};
use third_party::ThirdPartyCalls;
use users::Users;

/// The role.
#[derive(Debug)]
pub struct Scscf {
    settings: ScscfSettings,
    users: Users,
    challenges: Challenges,
    patterns: Patterns,
    /// Who watches where users are registered.
    reg: Notifier<Reg>,
    earlier: Earlier,
    /// Signs what comes back to us: made when the node starts for the first time.
    key: Option<SigningKey>,
    third_party: ThirdPartyCalls,
    /// Bindings that went because their user had too many.
    crowded_out: u64,
}

/// What is remembered while a request is held.
#[derive(Debug)]
pub enum Waiting {
    /// A REGISTER: for the digest credentials.
    Maa(Purpose),
    /// A REGISTER that proved who it is: for the profile.
    RegistrationSaa(SarType),
    /// A request for, or from, a user without registration: for the profile.
    UnregisteredSaa(SessionCase),
    /// For the answer of an application server that the criterion of this index chose.
    ApplicationServer(Visit),
    /// For the answer of one of a user's phones.
    Ue(Box<Delivery>),
    /// For the answer to a request that went on its way.
    Onward,
}

/// What digest credentials are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To challenge.
    Challenge,
    /// To challenge, and say that the nonce, not the password, was at fault.
    StaleChallenge,
    /// To check an answer to an earlier challenge.
    Check,
}

/// One pass through the filter criteria of a served user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// Whose criteria.
    pub impu: Impu,
    /// Which session case.
    pub case: SessionCase,
    /// Index of the criterion last matched.
    pub index: usize,
}

/// What is remembered while a request of our own is under way.
#[derive(Debug)]
pub enum Own {
    /// A third-party REGISTER.
    ThirdParty(ThirdPartyRegister),
    /// A NOTIFY of this `reg` subscription.
    RegNotify(Notified),
    /// A SAR whose answer changes nothing.
    Sar,
}

/// Where the role puts what follows from an input: records, requests, questions to the HSS, answers to operators, events.
pub(crate) type Fx = ims_node::Effects<Own, Told>;
