//! A DNS server in a table, and a resolver that asks it.

use clock::Mono;
use sip_message::{Host, Transport};
use sip_resolve::*;
use std::collections::BTreeMap;
use std::time::Duration;

/// Milliseconds after the start.
pub(crate) fn at(ms: u64) -> Mono {
    Mono::at(Duration::from_millis(ms))
}

/// Reads `host`, `host:port` and `;transport=`, as in a URI.
pub(crate) fn target(text: &str) -> Query {
    let (place, transport) = match text.split_once(";transport=") {
        Some((place, token)) => (place, Some(Transport::from_token(token).unwrap())),
        None => (text, None),
    };
    let (secure, place) = place.strip_prefix("sips:").map_or((false, place), |place| (true, place));
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().unwrap())),
        _ => (place, None),
    };
    Query::Sip(Target { host: Host::parse(host).unwrap(), port, transport, secure })
}

/// The answers of a DNS server, one a line: `NAME TTL TYPE DATA`, `NAME TTL TYPE -` for none, `NAME TTL NXDOMAIN`,
/// `NAME FAILS TYPE`. A name that is in no line does not exist.
pub(crate) struct Dns(BTreeMap<Question, DnsAnswer>);

impl Dns {
    pub(crate) fn new(zone: &str) -> Self {
        let mut answers = BTreeMap::new();
        for line in zone.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let ttl = words[1].parse().map(Duration::from_secs);
            let kind = match words[2] {
                "NAPTR" => Kind::Naptr,
                "SRV" => Kind::Srv,
                "A" => Kind::A,
                "AAAA" => Kind::Aaaa,
                other => panic!("{other}"),
            };
            let question = Question::new(words[0], kind);
            let Ok(ttl) = ttl else {
                answers.insert(question, DnsAnswer::Failed);
                continue;
            };
            if words[3] == "-" {
                answers.insert(question, DnsAnswer::NoRecords(Some(ttl)));
                continue;
            }
            let empty = match kind {
                Kind::Naptr => Records::Naptr(Vec::new()),
                Kind::Srv => Records::Srv(Vec::new()),
                Kind::A | Kind::Aaaa => Records::Addresses(Vec::new()),
            };
            let answer = answers.entry(question).or_insert(DnsAnswer::Records(empty, ttl));
            if let DnsAnswer::Records(records, _) = answer {
                add(records, &words[3..]);
            }
        }
        Self(answers)
    }

    pub(crate) fn answer(&self, question: &Question) -> DnsAnswer {
        if let Some(answer) = self.0.get(question) {
            return answer.clone();
        }
        let exists = self.0.keys().any(|known| known.name().ends_with(question.name()));
        let ttl = Some(Duration::from_secs(10));
        if exists { DnsAnswer::NoRecords(ttl) } else { DnsAnswer::NoSuchDomain(ttl) }
    }
}

fn add(records: &mut Records, words: &[&str]) {
    let number = |index: usize| words[index].parse().unwrap();
    match records {
        Records::Naptr(list) => list.push(Naptr {
            order: number(0),
            preference: number(1),
            flags: words[2].into(),
            service: words[3].into(),
            replacement: words[4].into(),
        }),
        Records::Srv(list) => list.push(Srv {
            priority: number(0),
            weight: number(1),
            port: number(2),
            target: words[3].into(),
        }),
        Records::Addresses(list) => list.push(words[0].parse().unwrap()),
    }
}

/// Resolves `query` at `now`, answering from `dns`; also the questions that were asked, in their order.
pub(crate) fn run(
    resolver: &mut Resolver,
    dns: &Dns,
    now: Mono,
    query: &Query,
) -> (Result<Vec<Hop>, ResolveError>, Vec<String>) {
    let mut asked = Vec::new();
    let id = match resolver.resolve(now, query, 1) {
        Resolution::Done(outcome) => return (outcome, asked),
        Resolution::Waiting(id) => id,
    };
    while let Some(question) = resolver.poll_question() {
        asked.push(format!("{:?} {}", question.kind(), question.name()));
        resolver.answer(now, &question, dns.answer(&question));
    }
    let (done, outcome) = resolver.poll_done().expect("every question was answered");
    assert_eq!((done, resolver.poll_done(), resolver.poll_timeout()), (id, None, None));
    (outcome, asked)
}

/// The hops in short, such as `192.0.2.1:5060/UDP`.
pub(crate) fn shown(outcome: &Result<Vec<Hop>, ResolveError>) -> String {
    match outcome {
        Ok(hops) => {
            let hops: Vec<String> =
                hops.iter().map(|hop| format!("{}/{}", hop.address, hop.transport)).collect();
            hops.join(" ")
        }
        Err(error) => format!("{error:?}"),
    }
}
