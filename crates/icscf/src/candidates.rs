//! Choosing an S-CSCF by capabilities (TS 29.228 section 6.7, TS 24.229 section 5.3.1.2).

use crate::cause::Cause;
use cx_protocol::{Capabilities, ScscfName};
use ims_node::Refusal;
use sip_message::StatusCode;

/// An S-CSCF of this domain and what it can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scscf {
    /// Its name.
    pub name: ScscfName,
    /// Its capabilities; their meaning is the operator's.
    pub capabilities: Vec<u32>,
}

/// The S-CSCFs that were tried for one request, and those that may still be.
#[derive(Debug, Default)]
pub struct Candidates {
    tried: Vec<ScscfName>,
    left: Vec<ScscfName>,
    /// Whether the HSS was asked for capabilities already.
    pub(crate) asked_for_capabilities: bool,
}

impl Candidates {
    /// The one S-CSCF that the HSS named.
    pub(crate) fn named(mut self, name: ScscfName) -> Self {
        self.left = vec![name];
        self
    }

    /// All known S-CSCFs with every mandatory capability, the one with most optional ones first; those the HSS itself
    /// proposes come before. An HSS without capabilities means any S-CSCF.
    pub(crate) fn selected(mut self, known: &[Scscf], wanted: &Capabilities) -> Self {
        let able = |scscf: &&Scscf| wanted.mandatory.iter().all(|one| scscf.capabilities.contains(one));
        let mut fitting: Vec<&Scscf> = known.iter().filter(able).collect();
        let optional =
            |scscf: &Scscf| wanted.optional.iter().filter(|one| scscf.capabilities.contains(one)).count();
        fitting.sort_by_key(|scscf| std::cmp::Reverse(optional(scscf)));
        let names = wanted.server_names.iter().chain(fitting.into_iter().map(|scscf| &scscf.name));
        self.left.clear();
        for name in names {
            if !self.left.contains(name) && !self.tried.contains(name) {
                self.left.push(name.clone());
            }
        }
        self
    }

    /// Whether nobody is left to try.
    pub(crate) const fn is_exhausted(&self) -> bool {
        self.left.is_empty()
    }

    /// The next one to try.
    pub(crate) fn next(&mut self) -> Option<ScscfName> {
        if self.left.is_empty() {
            return None;
        }
        let name = self.left.remove(0);
        self.tried.push(name.clone());
        Some(name)
    }
}

/// What there is to say when the last one has been tried.
pub(crate) fn no_server_left(candidates: &Candidates) -> Refusal {
    if candidates.asked_for_capabilities {
        no_answer()
    } else {
        Refusal::new(StatusCode::BUSY_EVERYWHERE, Cause::NoCapableScscf)
    }
}

pub(crate) fn no_answer() -> Refusal {
    Refusal::new(StatusCode::SERVER_TIMEOUT, Cause::ScscfSilent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ScscfName {
        ScscfName::new(&format!("sip:{text}.home1.test")).unwrap()
    }

    fn known() -> Vec<Scscf> {
        [("a", vec![1]), ("b", vec![1, 2, 3]), ("c", vec![2, 3])]
            .into_iter()
            .map(|(text, capabilities)| Scscf { name: name(text), capabilities })
            .collect()
    }

    fn order(mut candidates: Candidates) -> Vec<ScscfName> {
        std::iter::from_fn(move || candidates.next()).collect()
    }

    #[test]
    fn reg_i_04_all_mandatory_and_most_optional_capabilities() {
        let wanted = |mandatory: &[u32], optional: &[u32]| Capabilities {
            mandatory: mandatory.to_vec(),
            optional: optional.to_vec(),
            server_names: Vec::new(),
        };
        let rows: [(&[u32], &[u32], &[&str]); 5] = [
            (&[], &[], &["a", "b", "c"]),
            (&[1], &[], &["a", "b"]),
            (&[1], &[2], &["b", "a"]),
            (&[], &[2, 3], &["b", "c", "a"]),
            (&[9], &[], &[]),
        ];
        for (mandatory, optional, expected) in rows {
            let got = order(Candidates::default().selected(&known(), &wanted(mandatory, optional)));
            assert_eq!(
                got,
                expected.iter().map(|text| name(text)).collect::<Vec<_>>(),
                "{mandatory:?} {optional:?}"
            );
        }
    }

    #[test]
    fn reg_i_04_servers_that_the_hss_proposes_come_first() {
        let wanted = Capabilities { server_names: vec![name("c"), name("x")], ..Capabilities::default() };
        let got = order(Candidates::default().selected(&known(), &wanted));
        assert_eq!(got, [name("c"), name("x"), name("a"), name("b")]);
    }

    #[test]
    fn reg_i_07_a_server_is_tried_once() {
        let mut candidates = Candidates::default().named(name("a"));
        assert_eq!(candidates.next(), Some(name("a")));
        let again = candidates.selected(&known(), &Capabilities::default());
        assert_eq!(order(again), [name("b"), name("c")]);
    }
}
