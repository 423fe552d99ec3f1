//! The machine: questions out, answers in, hops out.

use crate::cache::Cache;
use crate::penalty::Penalties;
use crate::plan::{Extent, Plan, plan};
use crate::planned::Planned;
use crate::query::{Hop, Query, ResolveError};
use crate::question::{DnsAnswer, Question};
use crate::select;
use clock::{Deadlines, Mono};
use std::cell::{Cell, RefCell};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Answers kept; at it the expired ones go, then the oldest.
pub const MAX_CACHED_ANSWERS: usize = 4096;
/// Lookups that wait for DNS at a time; another one is [`ResolveError::Busy`].
pub const MAX_LOOKUPS: usize = 4096;
/// How long a question may stay unanswered before it counts as failed. The asker has its own, shorter limit; this one
/// keeps lookups from waiting for ever if the asker loses a question.
pub const QUESTION_DEADLINE: Duration = Duration::from_secs(10);
/// How long lookups wait for news of a name whose records are over, before they do with these (RFC 8767 section 5).
pub const STALE_PATIENCE: Duration = Duration::from_millis(1800);

/// A family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4: A records.
    V4,
    /// IPv6: AAAA records.
    V6,
}

/// How a resolver behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolverSettings {
    /// The families to ask for, the preferred one first.
    pub families: Vec<Family>,
    /// The longest that "there is no such thing" is believed (RFC 2308 section 5 lets the client choose a limit).
    pub max_negative_ttl: Duration,
}

impl Default for ResolverSettings {
    /// IPv4 only; what does not exist is asked for again after a minute.
    fn default() -> Self {
        Self { families: vec![Family::V4], max_negative_ttl: Duration::from_secs(60) }
    }
}

/// A lookup that waits for DNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LookupId(u64);

/// What a query leads to.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// Nothing had to be asked: the hops in the order to try them, at least one and at most
    /// [`MAX_HOPS`](crate::MAX_HOPS).
    Done(Result<Vec<Hop>, ResolveError>),
    /// [`Resolver::poll_done`] will tell.
    Waiting(LookupId),
}

#[derive(Debug)]
struct Lookup {
    query: Query,
    seed: u64,
    /// What it was answered, so that an answer that must not be kept (TTL 0) serves the lookup it was asked for.
    heard: Vec<(Question, Arc<DnsAnswer>)>,
}

/// Turns queries into hops. All times are of the monotonic clock.
#[derive(Debug)]
pub struct Resolver {
    settings: ResolverSettings,
    cache: Cache,
    planned: Planned,
    penalties: Penalties,
    lookups: HashMap<LookupId, Lookup>,
    next_id: u64,
    /// Questions asked and not answered, with the lookups that wait for them.
    asked: HashMap<Question, Vec<LookupId>>,
    /// When the wait for an answer is over.
    deadlines: Deadlines<Question>,
    to_ask: VecDeque<Question>,
    done: VecDeque<(LookupId, Result<Vec<Hop>, ResolveError>)>,
}

impl Resolver {
    /// A resolver that knows nothing yet.
    #[must_use]
    pub fn new(settings: ResolverSettings) -> Self {
        let cache = Cache::new(MAX_CACHED_ANSWERS, settings.max_negative_ttl);
        Self {
            settings,
            cache,
            planned: Planned::default(),
            penalties: Penalties::new(),
            lookups: HashMap::new(),
            next_id: 0,
            asked: HashMap::new(),
            deadlines: Deadlines::new(),
            to_ask: VecDeque::new(),
            done: VecDeque::new(),
        }
    }

    /// Starts to resolve `query`. `seed` decides among servers of equal priority (RFC 2782); give every request a
    /// new one. A numeric target and one whose answers are all kept are done at once.
    pub fn resolve(&mut self, now: Mono, query: &Query, seed: u64) -> Resolution {
        if let Some(choices) = self.planned.get(now, query) {
            return Resolution::Done(self.penalties.apply(now, select::hops(choices, seed)));
        }
        let first_end = Cell::new(None);
        let kept = |question: &Question| {
            let (answer, until) = self.cache.get_with_end(now, question)?;
            first_end.set(Some(first_end.get().map_or(until, |first: Mono| first.min(until))));
            Some(answer.as_ref())
        };
        let open = match plan(query, &self.settings.families, seed, &kept) {
            Plan::Numeric(hop) => return Resolution::Done(self.penalties.apply(now, vec![hop])),
            Plan::Servers(choices, extent) => {
                let hops = select::hops(&choices, seed);
                if let Some(until) = first_end.get().filter(|_| extent == Extent::All) {
                    self.planned.insert(query, choices, until);
                }
                return Resolution::Done(self.penalties.apply(now, hops));
            }
            Plan::Failed(error) => return Resolution::Done(Err(error)),
            Plan::Open(_) if self.lookups.len() >= MAX_LOOKUPS => {
                return Resolution::Done(Err(ResolveError::Busy));
            }
            Plan::Open(open) => open,
        };
        let id = LookupId(self.next_id);
        self.next_id += 1;
        self.lookups.insert(id, Lookup { query: query.clone(), seed, heard: Vec::new() });
        let over = self.over(now, query, seed);
        self.ask(now, id, open.into_iter().chain(over));
        Resolution::Waiting(id)
    }

    /// What the walk will come by once more, to the last address if nothing has changed: asked for all at once, so that
    /// a silent DNS makes a lookup wait once.
    fn over(&self, now: Mono, query: &Query, seed: u64) -> Vec<Question> {
        let over = RefCell::new(Vec::new());
        let kept = |question: &Question| {
            let stale = || {
                over.borrow_mut().push(question.clone());
                self.cache.stale(now, question)
            };
            self.cache.get(now, question).or_else(stale).map(AsRef::as_ref)
        };
        let _where_it_led_before = plan(query, &self.settings.families, seed, &kept);
        over.into_inner()
    }

    /// The hops of a query whose answers are all kept, those among them that asked to be left alone: for a request that
    /// nobody else could serve.
    #[must_use]
    pub fn hops_regardless(&self, now: Mono, query: &Query, seed: u64) -> Option<Vec<Hop>> {
        let kept = |question: &Question| self.cache.get(now, question).map(AsRef::as_ref);
        match plan(query, &self.settings.families, seed, &kept) {
            Plan::Numeric(hop) => Some(vec![hop]),
            Plan::Servers(choices, _) => Some(select::hops(&choices, seed)),
            Plan::Open(_) | Plan::Failed(_) => None,
        }
    }

    /// Hands in what DNS says to a question from [`Resolver::poll_question`]. An answer that nobody waits for is
    /// ignored; records of another kind than was asked for count as a failure.
    pub fn answer(&mut self, now: Mono, question: &Question, answer: DnsAnswer) {
        let Some(waiting) = self.asked.remove(question) else { return };
        self.deadlines.cancel(question);
        let answer = if answer.fits(question) { answer } else { DnsAnswer::Failed };
        let answer = self.cache.insert(now, question, answer);
        self.planned.clear();
        self.tell(now, question, &answer, waiting);
    }

    fn tell(&mut self, now: Mono, question: &Question, answer: &Arc<DnsAnswer>, waiting: Vec<LookupId>) {
        for id in waiting {
            if let Some(lookup) = self.lookups.get_mut(&id) {
                lookup.heard.push((question.clone(), Arc::clone(answer)));
                self.advance(now, id);
            }
        }
    }

    /// The next question to ask DNS. Each is given out once and wants one [`Resolver::answer`].
    pub fn poll_question(&mut self) -> Option<Question> {
        self.to_ask.pop_front()
    }

    /// The next lookup that is done.
    pub fn poll_done(&mut self) -> Option<(LookupId, Result<Vec<Hop>, ResolveError>)> {
        self.done.pop_front()
    }

    /// When [`Resolver::handle_timeout`] is to be called if no answer comes before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.deadlines.next()
    }

    /// Gives up the questions that have stayed unanswered for too long; where there are records that may stand in, they
    /// do so before, and the answer may still come.
    pub fn handle_timeout(&mut self, now: Mono) {
        while let Some(question) = self.deadlines.pop_due(now) {
            let may_stand_in = self.cache.stale(now, &question).is_some();
            match self.asked.get_mut(&question).filter(|_| may_stand_in).map(mem::take) {
                Some(waiting) => {
                    let answer = self.cache.insert(now, &question, DnsAnswer::Failed);
                    self.deadlines.set(question.clone(), now + QUESTION_DEADLINE);
                    self.tell(now, &question, &answer, waiting);
                }
                None => self.answer(now, &question, DnsAnswer::Failed),
            }
        }
    }

    /// Leaves `server` out until then: it answered 503 with Retry-After (RFC 3261 section 21.5.4).
    pub fn unavailable(&mut self, now: Mono, server: SocketAddr, until: Mono) {
        self.penalties.unavailable(now, server, until);
    }

    /// Puts `hop` behind the others until then: it failed as RFC 3263 section 4.3 has it.
    pub fn suspect(&mut self, now: Mono, hop: Hop, until: Mono) {
        self.penalties.suspect(now, hop, until);
    }

    /// Puts those under suspicion behind the others, where there are more hops than were resolved.
    pub fn put_suspects_last(&self, now: Mono, hops: &mut [Hop]) {
        self.penalties.put_suspects_last(now, hops);
    }

    /// Takes the suspicion back: `hop` answered.
    pub fn reachable(&mut self, hop: &Hop) {
        self.penalties.reachable(hop);
    }

    fn ask(&mut self, now: Mono, id: LookupId, open: impl IntoIterator<Item = Question>) {
        for question in open {
            let waiting = match self.asked.entry(question) {
                Entry::Occupied(asked) => asked.into_mut(),
                Entry::Vacant(new) => {
                    let may_stand_in = self.cache.stale(now, new.key()).is_some();
                    let patience = if may_stand_in { STALE_PATIENCE } else { QUESTION_DEADLINE };
                    self.deadlines.set(new.key().clone(), now + patience);
                    self.to_ask.push_back(new.key().clone());
                    new.insert(Vec::new())
                }
            };
            if !waiting.contains(&id) {
                waiting.push(id);
            }
        }
    }

    fn advance(&mut self, now: Mono, id: LookupId) {
        let Some(lookup) = self.lookups.get(&id) else { return };
        let known = |question: &Question| {
            let heard = lookup.heard.iter().find(|(asked, _)| asked == question).map(|(_, answer)| answer);
            heard.or_else(|| self.cache.get(now, question)).map(AsRef::as_ref)
        };
        let outcome = match plan(&lookup.query, &self.settings.families, lookup.seed, &known) {
            Plan::Open(open) => return self.ask(now, id, open),
            Plan::Numeric(hop) => self.penalties.apply(now, vec![hop]),
            Plan::Servers(choices, _) => self.penalties.apply(now, select::hops(&choices, lookup.seed)),
            Plan::Failed(error) => Err(error),
        };
        self.lookups.remove(&id);
        self.done.push_back((id, outcome));
    }
}
