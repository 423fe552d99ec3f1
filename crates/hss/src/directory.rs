//! The S-CSCFs that the HSS can hand out.

use crate::Account;
use cx_protocol::{Capabilities, ScscfName};
use minicbor::{Decode, Encode};

/// One S-CSCF. Stored as CBOR; the keys stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Scscf {
    /// Its name.
    #[n(0)]
    pub name: ScscfName,
    /// What it can do.
    #[n(1)]
    pub capabilities: Vec<u32>,
}

/// All of them. Without any, an account without capabilities can be served by whatever S-CSCF the I-CSCF knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ScscfDirectory {
    /// The S-CSCFs, the preferred first.
    #[n(0)]
    pub scscfs: Vec<Scscf>,
    /// The one that serves users who are not registered.
    #[n(1)]
    pub default: Option<ScscfName>,
}

impl ScscfDirectory {
    /// Whether a user can be given to this one. Where none are listed, any may be there.
    pub(crate) fn may_name(&self, name: &ScscfName) -> bool {
        self.scscfs.is_empty() || self.scscfs.iter().any(|scscf| scscf.name == *name)
    }

    /// What to choose an S-CSCF for a registration by: those that can do all that is mandatory, those first that can
    /// do most of what is optional.
    pub(crate) fn for_registration(&self, account: &Account) -> Capabilities {
        let has = |scscf: &Scscf, wanted: &u32| scscf.capabilities.contains(wanted);
        let mut fitting: Vec<&Scscf> = self
            .scscfs
            .iter()
            .filter(|scscf| account.mandatory.iter().all(|wanted| has(scscf, wanted)))
            .collect();
        let missing = |scscf: &Scscf| account.optional.iter().filter(|wanted| !has(scscf, wanted)).count();
        fitting.sort_by_key(|scscf| missing(scscf));
        Capabilities {
            mandatory: account.mandatory.clone(),
            optional: account.optional.clone(),
            server_names: fitting.into_iter().map(|scscf| scscf.name.clone()).collect(),
        }
    }

    /// The same for an unregistered user: the default S-CSCF first, if it fits.
    pub(crate) fn for_unregistered(&self, account: &Account) -> Capabilities {
        let mut capabilities = self.for_registration(account);
        let names = &mut capabilities.server_names;
        let default = names.iter().position(|name| Some(name) == self.default.as_ref());
        if let Some(first) = default.and_then(|default| names.get_mut(..=default)) {
            first.rotate_right(1);
        }
        capabilities
    }
}
