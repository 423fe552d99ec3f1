//! Nodes that die while people do something.

use crate::course::Course;
use crate::domain::invariants::Death;
use crate::domain::{Kind, Size, Store, nodes_of};
use crate::tally::restarts;
use sip_message::Transport;
use testnet::{Availability, Gone, World};

impl Course {
    pub(crate) fn act_around_a_crash(&mut self, step: u64) {
        let nodes: Vec<(String, Kind, u8)> =
            [1, 2].into_iter().flat_map(|n| nodes_of(n, Size::Whole)).collect();
        let (victim, kind, _) = self.one_of(&nodes);
        self.tally.count(restarts(kind), 1);
        if kind == Kind::Hss {
            return self.act_around_an_hss(step, &victim);
        }
        // A machine that vanishes says nothing on its connections: whoever is at the other end learns it much later.
        let silent = self.chance(50) && (kind != Kind::Pcscf || self.transport == Transport::Udp);
        let amid = self.chance(50);
        if amid {
            self.act(step);
            self.pass(300);
            self.until_it_speaks(&victim);
        } else {
            self.pass(10_000);
        }
        self.world.crash(&victim, if silent { Gone::Silent } else { Gone::Refusing });
        let from = self.now();
        // Until it is known when it comes back, it does not.
        self.deaths.push(Death { node: victim.clone(), from, until: std::time::Duration::MAX });
        if !amid {
            self.pass(5000);
            self.act(step);
        }
        self.pass(20_000);
        self.world.restart(&victim);
        let until = self.now();
        if let Some(death) = self.deaths.last_mut() {
            death.until = until;
        }
    }

    /// An HSS dies and another process takes over its store.
    fn act_around_an_hss(&mut self, step: u64, hss: &str) {
        self.pass(5000);
        let out = if self.chance(50) { Availability::Failing } else { Availability::Silent };
        self.world.set_hss(hss, out);
        self.act(step);
        self.pass(20_000);
        self.world.with_hss(hss, |store: &mut Store, _| store.restart());
        self.world.set_hss(hss, Availability::Up);
    }

    /// Often the worst moment to die: something has been said, and nobody has heard it yet.
    fn until_it_speaks(&mut self, victim: &str) {
        let before = self.world.sent_by(victim);
        // It may well have nothing to say.
        let _ = self.world.run_until(|world: &World| world.sent_by(victim) > before, crate::domain::secs(1));
    }
}
