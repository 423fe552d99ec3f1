//! What the operator says about a subscription.

use cx_protocol::{
    ConditionForm, DigestAlgorithm, DigestCredentials, Ha1, Impi, Impu, InitialFilterCriterion, ProfilePart,
    ServiceProfile, ServiceTrigger, SessionCase, Spt, TriggerPoint,
};
use minicbor::{Decode, Encode};

/// A subscription. Stored as CBOR; the keys stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Account {
    /// What the operator calls it.
    #[n(0)]
    pub name: Box<str>,
    /// The digest realm.
    #[n(1)]
    pub realm: Box<str>,
    /// Every spelling of its digest username, the usual one first; at least one.
    #[n(2)]
    pub credentials: Vec<Credentials>,
    /// The algorithms to challenge with, preferred first.
    #[n(3)]
    pub algorithms: Vec<DigestAlgorithm>,
    /// Its implicit registration sets, each with its profile.
    #[n(4)]
    pub sets: Vec<ServiceProfile>,
    /// Capabilities that its S-CSCF must have.
    #[n(5)]
    pub mandatory: Vec<u32>,
    /// Capabilities that its S-CSCF should have.
    #[n(6)]
    pub optional: Vec<u32>,
    /// The networks it may register through, in lower case; `None` is any.
    #[n(7)]
    pub visited_networks: Option<Vec<Box<str>>>,
    /// The SIP URI of the presence server that has its state.
    #[n(8)]
    pub presence_server: Option<Box<str>>,
    /// It was removed, or is what an account of that name once was: nobody is found by it. It is kept until the S-CSCFs that have
    /// lost it have confirmed that.
    #[n(9)]
    #[cbor(default)]
    pub removed: bool,
    /// Those who may publish for its users beside themselves.
    #[n(10)]
    #[cbor(default)]
    pub agents: Vec<Impu>,
}

/// One username and its HA1s, one an algorithm; none if it cannot be authenticated by digest.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Credentials {
    /// The username.
    #[n(0)]
    pub impi: Impi,
    /// What it is verified with.
    #[n(1)]
    pub ha1s: Vec<Ha1>,
}

impl Account {
    /// Its usual username.
    pub(crate) fn main_impi(&self) -> Option<&Impi> {
        self.credentials.first().map(|credentials| &credentials.impi)
    }

    pub(crate) fn has_impi(&self, impi: &Impi) -> bool {
        self.credentials.iter().any(|credentials| credentials.impi == *impi)
    }

    /// Every public identity of every set.
    pub(crate) fn impus(&self) -> impl Iterator<Item = &Impu> {
        self.sets.iter().flat_map(|set| &set.identities.identities).map(|identity| &identity.impu)
    }

    /// What `impi` is challenged with and verified by; `None` if it has no HA1 of an algorithm that is challenged.
    pub(crate) fn digest_of(&self, impi: &Impi) -> Option<DigestCredentials> {
        let credentials = self.credentials.iter().find(|credentials| credentials.impi == *impi)?;
        let ha1_of = |algorithm: &DigestAlgorithm| {
            credentials.ha1s.iter().find(|ha1| ha1.algorithm() == *algorithm).cloned()
        };
        let ha1s: Vec<Ha1> = self.algorithms.iter().filter_map(ha1_of).collect();
        (!ha1s.is_empty()).then(|| DigestCredentials { realm: self.realm.clone(), ha1s })
    }

    /// Whether it may register through `network`; a network that is not named is not checked.
    pub(crate) fn may_visit(&self, network: Option<&str>) -> bool {
        let (Some(allowed), Some(network)) = (&self.visited_networks, network) else { return true };
        allowed.iter().any(|known| known.eq_ignore_ascii_case(network))
    }
}

/// Whether some request of this session case, for an unregistered user, goes to an application server.
///
/// A LIR says nothing about the request but its direction, so what looks at the rest may hold.
pub(crate) fn serves_unregistered(profile: &ServiceProfile, case: SessionCase) -> bool {
    let applies = |criterion: &InitialFilterCriterion| match criterion.profile_part {
        ProfilePart::Registered => false,
        ProfilePart::Unregistered | ProfilePart::Both => {
            criterion.trigger.as_ref().is_none_or(|trigger| may_hold(trigger, case))
        }
    };
    profile.criteria.iter().any(applies)
}

fn may_hold(trigger: &TriggerPoint, case: SessionCase) -> bool {
    let mut groups: Vec<u32> = trigger.spts.iter().flat_map(|spt| spt.groups.iter().copied()).collect();
    groups.sort_unstable();
    groups.dedup();
    let of_group = |group: u32| trigger.spts.iter().filter(move |spt| spt.groups.contains(&group));
    match trigger.condition {
        ConditionForm::Dnf => groups.into_iter().any(|g| of_group(g).all(|spt| spt_may_hold(spt, case))),
        ConditionForm::Cnf => groups.into_iter().all(|g| of_group(g).any(|spt| spt_may_hold(spt, case))),
    }
}

fn spt_may_hold(spt: &Spt, case: SessionCase) -> bool {
    match &spt.trigger {
        ServiceTrigger::SessionCase(wanted) => (*wanted == case) != spt.negated,
        // A REGISTER ends at the S-CSCF: no user, registered or not, is sent one.
        ServiceTrigger::Method(method) if &**method == "REGISTER" => spt.negated,
        ServiceTrigger::Method(_)
        | ServiceTrigger::RequestUri(_)
        | ServiceTrigger::Header { .. }
        | ServiceTrigger::SessionDescription { .. } => true,
    }
}
