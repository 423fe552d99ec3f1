//! Users who come to another P-CSCF or another S-CSCF.

use crate::course::Course;
use crate::domain::{Roamer, Store, address, secs};
use crate::people::{MOVERS, PRESENTITIES, WATCHERS};
use sip_event::Updates;
use sip_message::Transport;
use ue_agent::Report;

const fn other(which: char) -> char {
    if which == 'a' { 'b' } else { 'a' }
}

impl Course {
    /// A phone comes to where another P-CSCF serves it. Over TCP its user agent notices, because the connection ends; over
    /// UDP its user registers again.
    pub(crate) fn move_to_another_pcscf(&mut self) {
        let (ue, number) = self.one_of(&MOVERS);
        self.idle(ue);
        let was_quiet = self.world.is_quiet();
        let (pcscf, scscf) = self.places[ue];
        let next = other(pcscf);
        if self.transport == Transport::Tcp {
            self.world.cut(ue, &format!("pcscf{number}{pcscf}"));
        }
        let octet = 10 * number + if next == 'a' { 1 } else { 2 };
        self.world.with(ue, |roamer: &mut Roamer, _| roamer.move_to(address(octet, 5060)));
        self.places.insert(ue, (next, scscf));
        self.tally.count("moves to another P-CSCF", 1);
        if self.transport == Transport::Udp {
            self.register_again(ue);
            // Updates by identity find it (figures 6 and 7); those by dialog do not, nor does the NOTIFY that a SUBSCRIBE is
            // owed, so it subscribes anew.
            if self.updates == Updates::Dialog || !was_quiet || self.chance(50) {
                self.unwatch_everybody(ue);
            }
        }
    }

    /// The operator gives a user to the other S-CSCF, and the user registers again.
    pub(crate) fn move_to_another_scscf(&mut self) {
        let (ue, number) = self.one_of(&MOVERS);
        self.idle(ue);
        let was_quiet = self.world.is_quiet();
        let (pcscf, scscf) = self.places[ue];
        let next = other(scscf);
        let name = crate::domain::scscf_name(number, &format!("scscf{number}{next}"));
        self.world.with_hss(&format!("hss{number}"), |store: &mut Store, now| store.reassign(now, ue, name));
        self.places.insert(ue, (pcscf, next));
        self.tally.count("moves to another S-CSCF", 1);
        self.pass(2000);
        self.register_again(ue);
        // Until then the network had nobody of this name: a NOTIFY in between has ended its subscription without a word.
        if self.updates == Updates::Dialog || !(self.calm && was_quiet) || self.chance(50) {
            self.unwatch_everybody(ue);
        }
    }

    fn register_again(&mut self, ue: &'static str) {
        self.listen_to(ue);
        self.try_to(ue, "register");
        for _ in 0..40 {
            self.world.run_for(secs(1)).unwrap();
            let new = self.listen_to(ue);
            if new.iter().any(|report| matches!(report, Report::Registered { .. })) {
                return;
            }
        }
    }

    fn unwatch_everybody(&mut self, ue: &str) {
        if WATCHERS.contains(&ue) {
            for (_, uri) in PRESENTITIES {
                self.try_to(ue, &format!("unwatch {uri}"));
            }
        }
    }
}
