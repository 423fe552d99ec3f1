//! DNS as a table.

use crate::event::Event;
use crate::process::ProcessId;
use crate::world::{Availability, World};
use sip_message::Transport;
use sip_resolve::{DnsAnswer, Kind, Naptr, Question, Records, Srv};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// How long an answer may be kept.
const TTL: Duration = Duration::from_secs(300);

/// How long the absence of a name or of records may be kept.
const NEGATIVE_TTL: Duration = Duration::from_secs(30);

/// All zones of a world.
#[derive(Debug, Clone)]
pub struct Zone {
    /// Whether questions are answered at all.
    pub availability: Availability,
    /// Which transport the NAPTR records of [`Zone::sip`] prefer.
    pub preferred: Transport,
    answers: BTreeMap<Question, DnsAnswer>,
}

impl Default for Zone {
    fn default() -> Self {
        Self { availability: Availability::default(), preferred: Transport::Udp, answers: BTreeMap::new() }
    }
}

impl Zone {
    /// Sets the answer to one question.
    pub fn answer(&mut self, question: Question, answer: DnsAnswer) {
        self.answers.insert(question, answer);
    }

    /// Adds an address of a host.
    pub fn host(&mut self, name: &str, address: IpAddr) {
        let kind = if address.is_ipv4() { Kind::A } else { Kind::Aaaa };
        let mut addresses = match self.answers.remove(&Question::new(name, kind)) {
            Some(DnsAnswer::Records(Records::Addresses(known), _)) => known,
            Some(_) | None => Vec::new(),
        };
        addresses.push(address);
        self.answer(Question::new(name, kind), DnsAnswer::Records(Records::Addresses(addresses), TTL));
    }

    /// Says that SIP for `domain` is served, over UDP and TCP, by these hosts and ports, the first one first.
    pub fn sip(&mut self, domain: &str, servers: &[(&str, u16)]) {
        let (udp, tcp) = match self.preferred {
            Transport::Udp => (10, 20),
            Transport::Tcp => (20, 10),
        };
        let services = [("SIP+D2U", "_sip._udp", udp), ("SIP+D2T", "_sip._tcp", tcp)];
        let mut naptr = Vec::new();
        for (service, label, preference) in services {
            let name = format!("{label}.{domain}");
            let srv = (1..).zip(servers).map(|(priority, (target, port))| Srv {
                priority,
                weight: 0,
                port: *port,
                target: (*target).into(),
            });
            let records = Records::Srv(srv.collect());
            self.answer(Question::new(&name, Kind::Srv), DnsAnswer::Records(records, TTL));
            naptr.push(Naptr {
                order: 1,
                preference,
                flags: "s".into(),
                service: service.into(),
                replacement: name.into(),
            });
        }
        let records = Records::Naptr(naptr);
        self.answer(Question::new(domain, Kind::Naptr), DnsAnswer::Records(records, TTL));
    }

    /// What DNS says: a name that has other records exists.
    fn lookup(&self, question: &Question) -> DnsAnswer {
        if let Some(answer) = self.answers.get(question) {
            return answer.clone();
        }
        if self.answers.keys().any(|known| known.name() == question.name()) {
            return DnsAnswer::NoRecords(Some(NEGATIVE_TTL));
        }
        DnsAnswer::NoSuchDomain(Some(NEGATIVE_TTL))
    }
}

impl World {
    pub(crate) fn ask_dns(&mut self, process: ProcessId, question: Question) {
        let answer = match self.zone.availability {
            Availability::Up => self.zone.lookup(&question),
            Availability::Failing => DnsAnswer::Failed,
            Availability::Silent => return,
        };
        self.after(self.conditions.dns_latency, Event::Dns { process, question, answer });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_other_records_exists() {
        let mut zone = Zone::default();
        zone.sip("home1.test", &[("icscf1.home1.test", 5060)]);
        zone.host("icscf1.home1.test", [10, 0, 0, 1].into());
        zone.host("icscf1.home1.test", [10, 0, 0, 2].into());
        let ask = |name: &str, kind| zone.lookup(&Question::new(name, kind));
        let both = Records::Addresses(vec![[10, 0, 0, 1].into(), [10, 0, 0, 2].into()]);
        assert_eq!(ask("icscf1.home1.test", Kind::A), DnsAnswer::Records(both, TTL));
        assert_eq!(ask("icscf1.home1.test", Kind::Aaaa), DnsAnswer::NoRecords(Some(NEGATIVE_TTL)));
        assert_eq!(ask("icscf2.home1.test", Kind::A), DnsAnswer::NoSuchDomain(Some(NEGATIVE_TTL)));
        let DnsAnswer::Records(Records::Srv(srv), _) = ask("_sip._tcp.home1.test", Kind::Srv) else {
            panic!("no SRV records")
        };
        assert_eq!((&*srv[0].target, srv[0].port, srv[0].priority), ("icscf1.home1.test", 5060, 1));
    }
}
