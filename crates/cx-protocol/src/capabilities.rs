//! What an S-CSCF must be able to do for a user.

use crate::ScscfName;
use minicbor::{Decode, Encode};

/// The help an I-CSCF gets in choosing an S-CSCF (TS 29.229 §6.3.4, Server-Capabilities).
///
/// All empty: any S-CSCF that the I-CSCF has in its configured list will do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Capabilities {
    /// The chosen S-CSCF must have all of these (numbers that the operator gives meaning to).
    #[n(0)]
    #[cbor(default)]
    pub mandatory: Vec<u32>,
    /// It should have as many of these as possible.
    #[n(1)]
    #[cbor(default)]
    pub optional: Vec<u32>,
    /// S-CSCFs that the HSS knows to fit, best first; tried in this order.
    #[n(2)]
    #[cbor(default)]
    pub server_names: Vec<ScscfName>,
}
