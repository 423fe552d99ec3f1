//! Cx over TCP: what an I-CSCF or S-CSCF asks the HSS, and what the HSS tells an S-CSCF.
//!
//! The commands, their data and their results are those of 3GPP TS 29.228 and TS 29.229 (UDR: TS 29.328), cut down to
//! what presence needs; the carriage is our own and small. [`Connection`] is one side of one TCP connection: it takes
//! bytes, requests, answers and deadlines in and gives bytes and events out. It opens no socket, reads no clock and
//! draws no random number; its caller hands in the hello nonce. It does not encrypt (trusted network only), and it does
//! not evaluate filter criteria (the S-CSCF does).
//!
//! # Frame
//!
//! All integers big endian. `length` counts what follows it, at most [`MAX_FRAME`].
//!
//! | octets | field |
//! |---|---|
//! | 4 | length |
//! | 1 | version, 1; another is answered 5011 and the connection closed |
//! | 1 | flags: 0x80 request, 0x20 error (the answer's body is a result and nothing else); other bits are ignored |
//! | 2 | command: 257 hello, 280 watchdog, 300 UAR, 301 SAR, 302 LIR, 303 MAR, 304 RTR, 305 PPR, 306 UDR; another is answered 3001 |
//! | 4 | hop-by-hop identifier, repeated in the answer |
//! | rest | body: one CBOR map with integer keys; unknown keys are ignored, absent optional ones left out |
//!
//! # Keys
//!
//! One table for all commands, as Diameter has one for its AVPs; maps inside a value have keys of their own, written at
//! their type.
//!
//! | key | value | in |
//! |---|---|---|
//! | 0 | result, unsigned ([`ResultCode`]) | every answer |
//! | 1 | private identity, text | UAR SAR SAA MAR RTR PPR |
//! | 2 | public identity, text | UAR SAR LIR MAR UDR |
//! | 3 | S-CSCF name, text (a SIP URI) | UAA SAR LIA MAR UDA |
//! | 4 | visited network, text | UAR |
//! | 5 | type, unsigned (each command has its own enum) | UAR SAR LIR |
//! | 6 | capabilities, map ([`Capabilities`]) | UAA LIA |
//! | 7 | service profile, map ([`ServiceProfile`]) | SAA PPR |
//! | 8 | digest credentials, map ([`DigestCredentials`]) | MAA |
//! | 9 | authentication scheme, unsigned ([`AuthScheme`]) | MAR |
//! | 10 | public identities, array of text | RTR UDA |
//! | 11 | reason, unsigned ([`RtrReason`]) | RTR |
//! | 12 | reason in words, text | RTR |
//! | 13 | registration state, unsigned ([`RegistrationState`]) | UDA |
//! | 14 | presence server, text (a SIP URI) | UDA |
//! | 15 | what is wanted, unsigned ([`LirType`]) | LIR |
//! | 16 | who may publish for the user, array of text (SIP URIs) | UDA |
//! | 20 | host, text | hello |
//! | 21 | realm, text | hello |
//! | 22 | protocol version, unsigned | hello |
//! | 23 | nonce, 32 bytes | hello |
//! | 24 | proof, 32 bytes | hello answer |
//!
//! # Hello
//!
//! Both sides send a hello request (20-23) as their first frame, and answer the other's with a proof:
//! HMAC-SHA-256(secret, role ‖ initiator's nonce ‖ acceptor's nonce ‖ own host), role being the octet `I` for who opened
//! the connection and `A` for who accepted it. A wrong proof, or none within [`HELLO_DEADLINE`], closes.

mod backoff;
mod capabilities;
mod command;
mod connection;
mod digest;
mod failure;
mod filter;
mod frame;
mod hello;
mod identity;
mod io;
mod location;
mod outstanding;
mod profile;
mod result_code;
mod server_assignment;
mod user_data;

pub use backoff::Backoff;
pub use capabilities::Capabilities;
pub use command::{Answer, Command, Request};
pub use connection::{Connection, HELLO_DEADLINE, WATCHDOG_ANSWER, WATCHDOG_IDLE};
pub use digest::{AuthScheme, DigestAlgorithm, DigestCredentials, Ha1, Maa, Mar};
pub use failure::{CloseReason, CxFailure, ProtocolError};
pub use filter::{
    ApplicationServer, ConditionForm, DefaultHandling, InitialFilterCriterion, ProfilePart, ServiceTrigger,
    SessionCase, Spt, TriggerPoint,
};
pub use frame::{Frame, FrameDecoder, FrameError, FrameKind, MAX_FRAME};
pub use hello::{LocalPeer, NONCE_LEN, Role, Secret};
pub use identity::{BadIdentity, Impi, Impu, MAX_IDENTITY, ScscfName};
pub use io::{Input, Output};
pub use location::{Leg, Lia, Lir, LirType, Uaa, Uar, UarType};
pub use outstanding::{MAX_OUTSTANDING, REQUEST_DEADLINE, Token};
pub use profile::{ImplicitRegistrationSet, PublicIdentity, ServiceProfile};
pub use result_code::ResultCode;
pub use server_assignment::{Ppa, Ppr, Rta, Rtr, RtrReason, Saa, Sar, SarType};
pub use user_data::{RegistrationState, Uda, Udr};
