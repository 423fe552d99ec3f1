//! Hosts that have read something of a user by UDR and may keep it: a presence server keeps who may publish for whom. They are told
//! when it is no longer true, by a PPR, which is otherwise for S-CSCFs; they ask again when they want to know.

use crate::Account;
use crate::hss::Subscriber;
use cx_protocol::Request;
use std::collections::BTreeSet;

/// Hosts that may read one user at a time; one more takes the place of the first. Whoever is not told keeps what it has read for some
/// minutes.
const MAX_READERS: usize = 16;

/// Those who have read one user since they connected and since they were told last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readers(BTreeSet<Box<str>>);

impl Readers {
    /// This host reads.
    pub(crate) fn note(&mut self, host: &str) {
        if !self.0.contains(host) {
            if self.0.len() >= MAX_READERS {
                self.0.pop_first();
            }
            self.0.insert(host.into());
        }
    }

    /// This host keeps nothing of what it has read.
    pub(crate) fn forget(&mut self, host: &str) {
        self.0.retain(|reader| !reader.eq_ignore_ascii_case(host));
    }
}

impl Subscriber {
    /// What the readers of this user are told when another account takes the place of its own, or none does; nothing where a UDR has the
    /// same answer as before.
    pub(crate) fn no_longer_true(&self, now: Option<&Account>) -> Vec<(Box<str>, Request)> {
        let is_same = now.is_some_and(|now| {
            let sets = now.sets.iter().map(|set| &set.identities);
            now.presence_server == self.account.presence_server
                && now.agents == self.account.agents
                && sets.eq(self.account.sets.iter().map(|set| &set.identities))
        });
        let hosts = self.readers.0.iter().filter(|_| !is_same);
        let pushes = |host: Box<str>| {
            let of_sets = (0..self.account.sets.len()).filter_map(|set| self.profile_push(set));
            of_sets.map(|push| (host.clone(), push)).collect::<Vec<_>>()
        };
        hosts.cloned().flat_map(pushes).collect()
    }
}
