//! RFC 3263 sections 4.1 and 4.2 over what is known so far.
//!
//! There is no state to advance: the walk is made anew whenever an answer arrives, and ends either with the servers or
//! with the questions that are still open.

use crate::query::{Hop, Query, ResolveError, Target};
use crate::question::{DnsAnswer, Kind, Naptr, Question, Records, Srv};
use crate::resolver::Family;
use crate::select::{self, Choice, MAX_HOPS, Server};
use sip_message::{Host, Transport};
use std::net::{IpAddr, SocketAddr};

/// Default port of SIP over UDP and TCP (RFC 3261 section 19.1.2).
const SIP_PORT: u16 = 5060;
/// SRV names followed from one NAPTR answer; the less preferred ones beyond are not asked for.
const MAX_SERVICES: usize = 4;

/// Where a walk ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// With an address that was in the query.
    Numeric(Hop),
    /// With servers, transport after transport.
    Servers(Vec<Choice>, Extent),
    /// For want of these answers.
    Open(Vec<Question>),
    /// Nowhere.
    Failed(ResolveError),
}

/// What the servers were chosen from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// They are all there are.
    All,
    /// There are more than can be tried, and chance has chosen: another request has others.
    Drawn,
}

/// Walks from `query` with the chances of `seed`; `known` gives the answers that there are.
pub(crate) fn plan<'a>(
    query: &Query,
    families: &[Family],
    seed: u64,
    known: &impl Fn(&Question) -> Option<&'a DnsAnswer>,
) -> Plan {
    let mut walk = Walk { families, known, seed, extent: Extent::All, open: Vec::new(), failed: false };
    let ended = match query {
        Query::Sip(Target { secure: true, .. }) => return Plan::Failed(ResolveError::Unsupported),
        // RFC 3263 4.1, 4.2: a number leaves nothing to look up, and goes by UDP unless the URI says otherwise.
        Query::Sip(Target { host: Host::Address(ip), port, transport, .. }) => {
            let address = SocketAddr::new(*ip, port.unwrap_or(SIP_PORT));
            return Plan::Numeric(Hop { address, transport: transport.unwrap_or(Transport::Udp) });
        }
        Query::Sip(Target { host: Host::Name(name), port, transport, .. }) => {
            walk.sip(name, *port, *transport)
        }
        Query::Service { name, transport } => walk.services(&[(name.clone(), *transport)], None),
    };
    match ended {
        _ if !walk.open.is_empty() => Plan::Open(walk.open),
        Ok(choices) => Plan::Servers(choices, walk.extent),
        Err(error) => Plan::Failed(error),
    }
}

struct Walk<'w, F> {
    families: &'w [Family],
    known: &'w F,
    seed: u64,
    extent: Extent,
    /// Questions that the walk could not go past.
    open: Vec<Question>,
    /// Whether a question failed, so that having found nothing does not mean that there is nothing.
    failed: bool,
}

/// What is known about one name and kind.
enum Heard<'a> {
    Records(&'a Records),
    Nothing,
    NoSuchDomain,
    Failed,
    NotYet,
}

type Ended = Result<Vec<Choice>, ResolveError>;

impl<'a, F: Fn(&Question) -> Option<&'a DnsAnswer>> Walk<'_, F> {
    fn ask(&mut self, name: &str, kind: Kind) -> Heard<'a> {
        if is_local(name) {
            return Heard::NoSuchDomain;
        }
        let question = Question::new(name, kind);
        match (self.known)(&question) {
            Some(DnsAnswer::Records(records, _)) => Heard::Records(records),
            Some(DnsAnswer::NoRecords(_)) => Heard::Nothing,
            Some(DnsAnswer::NoSuchDomain(_)) => Heard::NoSuchDomain,
            Some(DnsAnswer::Failed) => {
                self.failed = true;
                Heard::Failed
            }
            None => {
                if !self.open.contains(&question) {
                    self.open.push(question);
                }
                Heard::NotYet
            }
        }
    }

    fn sip(&mut self, name: &str, port: Option<u16>, transport: Option<Transport>) -> Ended {
        match (port, transport) {
            // RFC 3263 4.1: UDP unless the URI says otherwise; 4.2: with a port only addresses are looked up.
            (Some(port), _) => self.host(name, port, transport.unwrap_or(Transport::Udp)),
            (None, Some(transport)) => self.services(&[service(name, transport)], Some(name)),
            (None, None) => self.naptr(name),
        }
    }

    /// RFC 3263 4.1: the domain says which transports it prefers.
    fn naptr(&mut self, name: &str) -> Ended {
        match self.ask(name, Kind::Naptr) {
            Heard::NotYet => Ok(Vec::new()),
            Heard::Failed => Err(ResolveError::DnsFailed),
            // RFC 8020: nothing exists below a name that does not.
            Heard::NoSuchDomain => Err(ResolveError::NoSuchDomain),
            Heard::Records(Records::Naptr(records)) if records.iter().any(is_sip) => {
                let services = preferred(records);
                if services.is_empty() {
                    return Err(ResolveError::Unsupported);
                }
                self.services(&services, Some(name))
            }
            // Without such records every supported transport is tried, the default one first.
            Heard::Records(_) | Heard::Nothing => {
                self.services(&[service(name, Transport::Udp), service(name, Transport::Tcp)], Some(name))
            }
        }
    }

    /// RFC 3263 4.2: SRV records of each service; without any, the addresses of `fallback` on the default port, by
    /// the first service's transport.
    fn services(&mut self, services: &[(Box<str>, Transport)], fallback: Option<&str>) -> Ended {
        let mut choices = Vec::new();
        let mut exists = fallback.is_some();
        let mut offered = None;
        for (name, transport) in services {
            match self.ask(name, Kind::Srv) {
                Heard::Records(Records::Srv(records)) if !records.is_empty() => {
                    exists = true;
                    let servers = self.servers(records);
                    offered = Some(offered.unwrap_or(false) || !servers.is_empty());
                    choices.push(Choice { transport: *transport, servers });
                }
                Heard::Nothing | Heard::Records(_) => exists = true,
                Heard::NoSuchDomain | Heard::Failed | Heard::NotYet => {}
            }
        }
        match (offered, fallback, services.first()) {
            (Some(true), _, _) => Ok(choices),
            _ if self.failed => Err(ResolveError::DnsFailed),
            (None, Some(name), Some((_, transport))) if self.open.is_empty() => {
                self.host(name, SIP_PORT, *transport)
            }
            _ if exists => Err(ResolveError::NoRecords),
            _ => Err(ResolveError::NoSuchDomain),
        }
    }

    /// The servers that have an address. RFC 2782: a target of `.` means that the service is decidedly not available.
    fn servers(&mut self, records: &[Srv]) -> Vec<Server> {
        let mut records: Vec<&Srv> = records.iter().filter(|srv| !matches!(&*srv.target, "." | "")).collect();
        records.sort_by_key(|srv| srv.priority);
        let is_drawn = records.len() > MAX_HOPS;
        if is_drawn {
            self.extent = Extent::Drawn;
            records = select::some(records, self.seed);
        }
        let mut servers = Vec::with_capacity(records.len());
        for (place, srv) in (0..).zip(records) {
            let (addresses, _) = self.addresses(&srv.target);
            if !addresses.is_empty() {
                let Srv { priority, weight, port, .. } = *srv;
                // Those that were drawn keep the place that chance has given them.
                let (priority, weight) = if is_drawn { (place, 0) } else { (priority, weight) };
                servers.push(Server { priority, weight, port, addresses });
            }
        }
        servers
    }

    fn host(&mut self, name: &str, port: u16, transport: Transport) -> Ended {
        let (addresses, exists) = self.addresses(name);
        if !addresses.is_empty() {
            let servers = vec![Server { priority: 0, weight: 0, port, addresses }];
            return Ok(vec![Choice { transport, servers }]);
        }
        Err(match (self.failed, exists) {
            (true, _) => ResolveError::DnsFailed,
            (false, true) => ResolveError::NoRecords,
            (false, false) => ResolveError::NoSuchDomain,
        })
    }

    /// The addresses of `name`, family after family, and whether the name exists.
    fn addresses(&mut self, name: &str) -> (Vec<IpAddr>, bool) {
        let (mut addresses, mut exists) = (Vec::new(), false);
        for family in self.families {
            let kind = match family {
                Family::V4 => Kind::A,
                Family::V6 => Kind::Aaaa,
            };
            match self.ask(name, kind) {
                Heard::Records(Records::Addresses(found)) => {
                    addresses.extend(found.iter().take(MAX_HOPS));
                    exists = true;
                }
                Heard::Records(_) | Heard::Nothing => exists = true,
                Heard::NoSuchDomain | Heard::Failed | Heard::NotYet => {}
            }
        }
        (addresses, exists)
    }
}

/// Names that mean this machine, or that no server of SIP has, whatever anybody answers (RFC 6761 sections 6.1, 6.3 and 6.4). A URI with such a
/// name would have a node send to itself and to its neighbours.
fn is_local(name: &str) -> bool {
    const LOCAL: [&str; 4] = ["localhost", "invalid", "in-addr.arpa", "ip6.arpa"];
    let name = name.trim_end_matches('.');
    let ends_with = |end: &&str| {
        let split = name.len().checked_sub(end.len()).and_then(|at| name.split_at_checked(at));
        split.is_some_and(|(before, last)| {
            last.eq_ignore_ascii_case(end) && (before.is_empty() || before.ends_with('.'))
        })
    };
    LOCAL.iter().any(ends_with)
}

fn service(domain: &str, transport: Transport) -> (Box<str>, Transport) {
    (format!("_sip._{}.{domain}", transport.uri_token()).into(), transport)
}

/// Whether the record speaks of SIP at all, by whatever transport.
fn is_sip(record: &Naptr) -> bool {
    let protocol = record.service.split('+').next().unwrap_or_default();
    protocol.eq_ignore_ascii_case("sip") || protocol.eq_ignore_ascii_case("sips")
}

/// The SRV names to go on with: of the records that are applicable, those of the lowest order, by preference
/// (RFC 3403 section 4.1: once one applies, higher orders are not looked at).
fn preferred(records: &[Naptr]) -> Vec<(Box<str>, Transport)> {
    let transport = |record: &Naptr| {
        let applicable = record.flags.eq_ignore_ascii_case("s");
        let by = |service: &str| applicable && record.service.eq_ignore_ascii_case(service);
        match (by("SIP+D2U"), by("SIP+D2T")) {
            (true, _) => Some(Transport::Udp),
            (_, true) => Some(Transport::Tcp),
            (false, false) => None,
        }
    };
    let mut usable: Vec<_> = records.iter().filter_map(|record| Some((record, transport(record)?))).collect();
    usable.sort_by_key(|(record, _)| (record.order, record.preference));
    let lowest = usable.first().map(|(record, _)| record.order);
    let first = usable.into_iter().take_while(|(record, _)| Some(record.order) == lowest);
    first.take(MAX_SERVICES).map(|(record, transport)| (record.replacement.clone(), transport)).collect()
}
