//! Questions of `sip-resolve` put to DNS servers, by hickory.

use crate::config::{AddressFamily, DnsConfig};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ServerOrderingStrategy,
};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::rdata::{NAPTR, SRV};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use sip_resolve::{
    DnsAnswer, Family, Hop, Kind, Naptr, Query, Question, Records, Resolution, ResolveError, Resolver,
    ResolverSettings, Srv,
};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// Questions under way at a time; another one counts as failed at once.
pub const MAX_UNDER_WAY: usize = 256;
/// The longest that a question may take over all servers and tries; below
/// [`sip_resolve::QUESTION_DEADLINE`], which would count it as failed too.
pub const LONGEST_LOOKUP: Duration = Duration::from_secs(8);

/// Aliases that lead from one to the next.
const MAX_ALIASES: usize = 8;

/// A client of the configured DNS servers. It keeps nothing: `sip-resolve` does.
pub struct Dns {
    resolver: TokioResolver,
    under_way: JoinSet<(Question, DnsAnswer)>,
    refused: VecDeque<Question>,
    refused_count: u64,
}

impl Dns {
    /// A client of the servers in `config`.
    ///
    /// # Errors
    /// What hickory finds wrong with them.
    pub fn new(config: &DnsConfig) -> Result<Self, NetError> {
        let servers = config.servers.iter().map(name_server).collect();
        let servers = ResolverConfig::from_parts(None, Vec::new(), servers);
        let mut builder = TokioResolver::builder_with_config(servers, TokioRuntimeProvider::default());
        let options = builder.options_mut();
        options.ndots = 0;
        options.timeout = config.timeout_ms.duration();
        options.attempts = usize::from(config.attempts).saturating_sub(1); // hickory counts the tries after the first.
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
        options.num_concurrent_reqs = 1;
        options.max_active_requests = MAX_UNDER_WAY;
        options.preserve_intermediates = true; // The TTL of a CNAME on the way counts too.
        Ok(Self {
            resolver: builder.build()?,
            under_way: JoinSet::new(),
            refused: VecDeque::new(),
            refused_count: 0,
        })
    }

    /// How many questions found [`MAX_UNDER_WAY`] others under way.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused_count
    }

    /// Starts to ask `question`; [`Dns::next`] gives the answer. Needs a tokio runtime.
    pub fn ask(&mut self, question: Question) {
        if self.under_way.len() >= MAX_UNDER_WAY {
            self.refused_count += 1;
            self.refused.push_back(question);
            return;
        }
        let resolver = self.resolver.clone();
        self.under_way.spawn(async move {
            let answer = timeout(LONGEST_LOOKUP, look_up(&resolver, &question)).await;
            (question, answer.unwrap_or(DnsAnswer::Failed))
        });
    }

    /// Waits for the next answer, for ever if nothing is under way; dropping the future loses none.
    pub async fn next(&mut self) -> (Question, DnsAnswer) {
        if let Some(question) = self.refused.pop_front() {
            return (question, DnsAnswer::Failed);
        }
        loop {
            match self.under_way.join_next().await {
                Some(Ok(answered)) => return answered,
                // It panicked, and hickory has said so; the question fails at its deadline.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }
}

/// A resolver with its own DNS client, for those who have no node to ask through.
pub struct Locator {
    resolver: Resolver,
    dns: Dns,
    start: Instant,
}

impl Locator {
    /// A locator that asks the servers in `config`.
    ///
    /// # Errors
    /// As [`Dns::new`].
    pub fn new(config: &DnsConfig) -> Result<Self, NetError> {
        let resolver = Resolver::new(settings(config));
        Ok(Self { resolver, dns: Dns::new(config)?, start: Instant::now() })
    }

    /// The hops of `query` in the order to try them; `seed` as for [`Resolver::resolve`].
    ///
    /// # Errors
    /// Why there are none.
    pub async fn locate(&mut self, query: &Query, seed: u64) -> Result<Vec<Hop>, ResolveError> {
        let id = match self.resolver.resolve(self.now(), query, seed) {
            Resolution::Done(outcome) => return outcome,
            Resolution::Waiting(id) => id,
        };
        loop {
            while let Some(question) = self.resolver.poll_question() {
                self.dns.ask(question);
            }
            let answered = match self.resolver.poll_timeout() {
                Some(at) => timeout(at.saturating_since(self.now()), self.dns.next()).await.ok(),
                None => Some(self.dns.next().await),
            };
            let now = self.now();
            if let Some((question, answer)) = answered {
                self.resolver.answer(now, &question, answer);
            }
            self.resolver.handle_timeout(now);
            // Others are of earlier calls that were dropped.
            while let Some((done, outcome)) = self.resolver.poll_done() {
                if done == id {
                    return outcome;
                }
            }
        }
    }

    fn now(&self) -> clock::Mono {
        clock::Mono::at(self.start.elapsed())
    }
}

/// The settings of a resolver that `config` asks for.
#[must_use]
pub fn settings(config: &DnsConfig) -> ResolverSettings {
    let family = |family: &AddressFamily| match family {
        AddressFamily::Ipv4 => Family::V4,
        AddressFamily::Ipv6 => Family::V6,
    };
    ResolverSettings { families: config.families.iter().map(family).collect(), ..ResolverSettings::default() }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

async fn look_up(resolver: &TokioResolver, question: &Question) -> DnsAnswer {
    let Ok(mut name) = Name::from_ascii(question.name()) else {
        return DnsAnswer::NoSuchDomain(None); // No name that DNS could hold.
    };
    name.set_fqdn(true);
    let kind = match question.kind() {
        Kind::Naptr => RecordType::NAPTR,
        Kind::Srv => RecordType::SRV,
        Kind::A => RecordType::A,
        Kind::Aaaa => RecordType::AAAA,
    };
    let mut shortest = Duration::MAX;
    for _ in 0..=MAX_ALIASES {
        let answer = answer_of(resolver.lookup(name.clone(), kind).await, question);
        let is_alias = matches!((question.kind(), &answer), (Kind::Srv, DnsAnswer::NoRecords(_)));
        let alias = if is_alias { alias_of(resolver, &name).await } else { None };
        match (alias, answer) {
            (Some((target, ttl)), _) => {
                name = target;
                shortest = shortest.min(ttl);
            }
            (None, DnsAnswer::Records(records, ttl)) => {
                return DnsAnswer::Records(records, ttl.min(shortest));
            }
            (None, other) => return other,
        }
    }
    DnsAnswer::Failed // The aliases lead round in a circle, or there are too many of them.
}

fn answer_of(lookup: Result<Lookup, NetError>, question: &Question) -> DnsAnswer {
    match lookup {
        Ok(lookup) => found(question.kind(), &lookup),
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) => {
            let ttl = none.negative_ttl.map(|seconds| Duration::from_secs(seconds.into()));
            if none.response_code == ResponseCode::NXDomain {
                DnsAnswer::NoSuchDomain(ttl)
            } else {
                DnsAnswer::NoRecords(ttl)
            }
        }
        Err(error) => {
            tracing::warn!(name = question.name(), kind = ?question.kind(), %error, "DNS question failed");
            DnsAnswer::Failed
        }
    }
}

/// The name that this one is an alias of, and for how long. An alias at the name asked for is followed whatever the type (RFC
/// 1034 section 3.6.2); hickory does it for all but SRV.
async fn alias_of(resolver: &TokioResolver, name: &Name) -> Option<(Name, Duration)> {
    let lookup = resolver.lookup(name.clone(), RecordType::CNAME).await.ok()?;
    let alias = lookup.answers().iter().find(|record| record.name == *name)?;
    let RData::CNAME(target) = &alias.data else { return None };
    Some((target.0.clone(), Duration::from_secs(alias.ttl.into())))
}

fn found(kind: Kind, lookup: &Lookup) -> DnsAnswer {
    let data = || lookup.answers().iter().map(|record| &record.data);
    let records = match kind {
        Kind::Naptr => Records::Naptr(data().filter_map(naptr).collect()),
        Kind::Srv => Records::Srv(data().filter_map(srv).collect()),
        Kind::A | Kind::Aaaa => Records::Addresses(data().filter_map(address).collect()),
    };
    let ttl = lookup.answers().iter().map(|record| record.ttl).min().unwrap_or_default();
    DnsAnswer::Records(records, Duration::from_secs(ttl.into()))
}

fn naptr(data: &RData) -> Option<Naptr> {
    let RData::NAPTR(NAPTR { order, preference, flags, services, replacement, .. }) = data else {
        return None;
    };
    Some(Naptr {
        order: *order,
        preference: *preference,
        flags: String::from_utf8_lossy(flags).into(),
        service: String::from_utf8_lossy(services).into(),
        replacement: replacement.to_ascii().into(),
    })
}

fn srv(data: &RData) -> Option<Srv> {
    let RData::SRV(SRV { priority, weight, port, target, .. }) = data else { return None };
    Some(Srv { priority: *priority, weight: *weight, port: *port, target: target.to_ascii().into() })
}

fn address(data: &RData) -> Option<IpAddr> {
    if let RData::A(v4) = data {
        return Some(IpAddr::V4(v4.0));
    }
    if let RData::AAAA(v6) = data { Some(IpAddr::V6(v6.0)) } else { None }
}
