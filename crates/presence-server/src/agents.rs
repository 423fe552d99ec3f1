//! Who may publish for others: a gateway for phones without SIP, for one. The HSS says it of each presentity (rules PUB-12, GW-01); what it
//! has said is kept until it says that it is no longer true (PPR), its connection is lost, or [`KEPT`] has passed.

use crate::presentity::Presentity;
use clock::Mono;
use cx_protocol::{Impu, Ppr};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// How long an answer of the HSS counts.
const KEPT: Duration = Duration::from_secs(300);
/// Presentities of whom the answer is kept; with one more the oldest is forgotten, and asked for again.
pub(crate) const MAX_KNOWN: usize = 20_000;

/// What the HSS has said.
#[derive(Debug, Default)]
pub(crate) struct Agents {
    known: HashMap<Presentity, Known>,
    /// In the order in which it was said; what was said again since stands there twice.
    in_order: VecDeque<(Mono, Presentity)>,
}

#[derive(Debug)]
struct Known {
    agents: Vec<Impu>,
    until: Mono,
}

impl Agents {
    /// Who may publish for this presentity beside itself; `None` if the HSS has to be asked.
    pub(crate) fn of(&self, now: Mono, presentity: &str) -> Option<&[Impu]> {
        let known = self.known.get(presentity).filter(|known| now < known.until)?;
        Some(&known.agents)
    }

    /// The HSS has said it: nobody, for one whom it does not know.
    pub(crate) fn note(&mut self, now: Mono, presentity: Presentity, agents: Vec<Impu>) {
        let until = now + KEPT;
        self.in_order.push_back((until, presentity.clone()));
        self.known.insert(presentity, Known { agents, until });
        while let Some((until, presentity)) = self.in_order.front()
            && (*until <= now || self.in_order.len() > MAX_KNOWN)
        {
            if self.known.get(presentity).is_some_and(|known| known.until == *until) {
                self.known.remove(presentity);
            }
            self.in_order.pop_front();
        }
    }

    /// It is no longer true of the users with these identities.
    pub(crate) fn forget(&mut self, ppr: &Ppr) {
        for identity in &ppr.profile.identities.identities {
            self.known.remove(identity.impu.as_str());
        }
    }

    /// The HSS may have said so meanwhile, and nobody has heard it.
    pub(crate) fn forget_all(&mut self) {
        (self.known, self.in_order) = (HashMap::new(), VecDeque::new());
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Mono {
        Mono::at(Duration::from_secs(seconds))
    }

    fn gateway() -> Vec<Impu> {
        vec![Impu::new("sip:gateway1.home1.test").unwrap()]
    }

    #[test]
    fn pub_12_an_answer_counts_for_five_minutes_and_the_newest_counts() {
        let (mut agents, bob) = (Agents::default(), Presentity::new("sip:bob@home1.test"));
        assert_eq!(agents.of(at(0), &bob), None);
        agents.note(at(0), bob.clone(), Vec::new());
        agents.note(at(10), bob.clone(), gateway());
        assert_eq!(agents.of(at(309), &bob), Some(&gateway()[..]));
        agents.note(at(305), Presentity::new("sip:carol@home1.test"), Vec::new());
        assert_eq!(agents.of(at(309), &bob), Some(&gateway()[..]), "the first answer was not the last");
        assert_eq!(agents.of(at(310), &bob), None);
        agents.note(at(311), bob, Vec::new());
        assert_eq!(agents.len(), 2, "what is too old is forgotten");
        agents.forget_all();
        assert_eq!(agents.len(), 0);
    }

    #[test]
    fn no_more_presentities_are_known_than_have_room() {
        let mut agents = Agents::default();
        for number in 0..=MAX_KNOWN {
            agents.note(at(1), Presentity::new(&format!("sip:u{number}@home1.test")), gateway());
        }
        assert_eq!((agents.len(), agents.of(at(1), "sip:u0@home1.test")), (MAX_KNOWN, None));
    }
}
