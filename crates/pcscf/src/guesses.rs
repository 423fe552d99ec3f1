//! Who guesses a password is slowed: for one private identity, on one flow and from one site. The owner of the identity is somewhere
//! else, or on a flow of its own, and is not kept out: only a flow on which guesses have failed has to wait, and a site only when it
//! opens flow after flow to guess on. Whoever is registered on the flow as that identity is never slowed.
//!
//! This is done here because nobody behind the P-CSCF sees where a phone is. The S-CSCF bounds the answers to one challenge.

use crate::Pcscf;
use crate::bindings::{Tag, tag};
use crate::cause::Cause;
use crate::registration::private_identity;
use clock::{Deadlines, Mono, Now};
use cx_protocol::Impu;
use ims_node::{Flow, InboundRequest, Outcome, Refusal, site};
use sip_message::{Challenge, Credentials, HeaderName, StatusCode};
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

/// Wrong answers on a flow that cost nothing.
const FREE: u32 = 6;

/// The longest that a flow has to wait for its next try.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Flows of a site that have given wrong answers, before another one of that site has to wait.
const FREE_AT_SITE: u32 = 20;

/// How long a site then has to wait for each more.
const SITE_WAIT: Duration = Duration::from_secs(10);

/// After this time a wrong answer is forgotten.
const MEMORY: Duration = Duration::from_secs(600);

/// Flows, and sites, that are remembered; at so many the one whose last wrong answer is oldest is forgotten.
const MAX_GUESSING: usize = 10_000;

/// Answers to challenges in one REGISTER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guess {
    /// The private identity they are for, and the address of record: an account may have several of each, with one password.
    pub(crate) whom: [Tag; 2],
    /// How many.
    pub(crate) answers: u32,
}

impl Pcscf {
    /// What a REGISTER guesses, if it answers a challenge; nothing of whoever is registered on its flow as that identity.
    pub(crate) fn check_guess(
        &mut self,
        now: Now,
        request: &InboundRequest,
        aor: &Impu,
        domain: &str,
    ) -> Result<Option<Guess>, Refusal> {
        let (message, flow) = (request.message(), request.flow());
        let answers =
            Credentials::all(message).filter(|credentials| !credentials.response.is_empty()).count();
        let impi = private_identity(message, aor, domain).filter(|_| answers > 0);
        let Some(impi) = impi.map(|impi| tag(impi.as_str())) else { return Ok(None) };
        if self.bindings.is_registered_as(flow, impi) {
            return Ok(None);
        }
        Refusal::check_hops(message)?;
        let whom = [impi, tag(aor.as_str())];
        if let Some(wait) = self.guesses.wait(now.mono, flow, whom) {
            let refusal = Refusal::new(StatusCode::SERVER_ERROR, Cause::TooManyGuesses);
            return Err(refusal.with(HeaderName::RetryAfter, wait.as_millis().div_ceil(1000)));
        }
        let guess = Guess { whom, answers: u32::try_from(answers).unwrap_or(u32::MAX) };
        self.guesses.begins(now.mono, flow, guess);
        Ok(Some(guess))
    }

    /// Whether it was a wrong one. A nonce that is stale says nothing of the password, nor does a failure elsewhere.
    pub(crate) fn on_guess_answered(&mut self, flow: Flow, guess: Option<Guess>, outcome: &Outcome) {
        let Some(guess) = guess else { return };
        let status = outcome.status();
        let is_stale = || match outcome {
            Outcome::Response(response) => response
                .values(HeaderName::WwwAuthenticate)
                .filter_map(Challenge::parse)
                .any(|challenge| challenge.stale),
            Outcome::TimedOut | Outcome::Unreachable | Outcome::Unresolved(_) => false,
        };
        match status {
            Some(StatusCode::FORBIDDEN) => {}
            // Beside one that is stale another one may have been judged.
            Some(StatusCode::UNAUTHORIZED) if guess.answers > 1 || !is_stale() => {}
            Some(status) if status.is_success() => self.guesses.succeeded(flow, guess),
            Some(_) | None => self.guesses.takes_back(flow, guess),
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Guesses {
    /// Wrong answers for each user on each flow.
    flows: Memory<(Tag, Flow)>,
    /// Flows on which there were any, for each user at each site.
    sites: Memory<(Tag, IpAddr)>,
}

impl Guesses {
    /// How long this flow has to wait before its next answer to a challenge for this user is passed on.
    pub(crate) fn wait(&mut self, now: Mono, flow: Flow, whom: [Tag; 2]) -> Option<Duration> {
        whom.into_iter().filter_map(|user| self.wait_for(now, flow, user)).max()
    }

    fn wait_for(&mut self, now: Mono, flow: Flow, user: Tag) -> Option<Duration> {
        let until = match self.flows.get(now, &(user, flow)) {
            Some(of_flow) => of_flow.at + wait_of(of_flow.count),
            None => {
                let place = self.sites.get(now, &(user, site(flow.remote.ip())))?;
                let is_free = place.count < FREE_AT_SITE;
                if is_free { place.at } else { place.at + SITE_WAIT }
            }
        };
        Some(until.saturating_since(now)).filter(|wait| !wait.is_zero())
    }

    /// So many answers are passed on. Each counts as wrong until it is known to be none, for many may be under way at a time. A
    /// site counts its flows, not their answers.
    pub(crate) fn begins(&mut self, now: Mono, flow: Flow, guess: Guess) {
        for user in guess.whom {
            if self.flows.get(now, &(user, flow)).is_none() {
                self.sites.count(now, (user, site(flow.remote.ip())), 1);
            }
            self.flows.count(now, (user, flow), guess.answers);
        }
    }

    /// They were not wrong: nobody has judged them.
    pub(crate) fn takes_back(&mut self, flow: Flow, guess: Guess) {
        for user in guess.whom {
            if self.flows.uncount(&(user, flow), guess.answers) == Some(0) {
                self.sites.uncount(&(user, site(flow.remote.ip())), 1);
            }
        }
    }

    /// One of them was right: this flow is the owner's.
    pub(crate) fn succeeded(&mut self, flow: Flow, guess: Guess) {
        for user in guess.whom {
            if self.flows.uncount(&(user, flow), u32::MAX).is_some() {
                self.sites.uncount(&(user, site(flow.remote.ip())), 1);
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        [self.flows.ends.next(), self.sites.ends.next()].into_iter().flatten().min()
    }

    pub(crate) fn expire(&mut self, now: Mono) {
        self.flows.expire(now);
        self.sites.expire(now);
    }

    /// How many flows and sites are remembered.
    pub(crate) fn len(&self) -> usize {
        self.flows.all.len() + self.sites.all.len()
    }
}

/// Twice as long after each wrong answer beyond the free ones.
fn wait_of(count: u32) -> Duration {
    match count.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(beyond) => Duration::from_secs(1 << beyond.min(16)).min(LONGEST_WAIT),
    }
}

/// Wrong answers that were given recently.
#[derive(Debug)]
struct Memory<K: Clone + Eq + Hash + Ord> {
    all: HashMap<K, Failures>,
    ends: Deadlines<K>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    /// When the last one was given.
    at: Mono,
}

impl<K: Copy + Eq + Hash + Ord> Default for Memory<K> {
    fn default() -> Self {
        Self { all: HashMap::new(), ends: Deadlines::new() }
    }
}

impl<K: Copy + Eq + Hash + Ord> Memory<K> {
    fn get(&mut self, now: Mono, key: &K) -> Option<Failures> {
        self.expire(now);
        self.all.get(key).copied()
    }

    fn count(&mut self, now: Mono, key: K, answers: u32) {
        if self.all.len() >= MAX_GUESSING && !self.all.contains_key(&key) {
            let oldest = self.ends.pop_due(Mono::at(Duration::MAX));
            oldest.map(|oldest| self.all.remove(&oldest));
        }
        let failures = self.all.entry(key).or_insert(Failures { count: 0, at: now });
        *failures = Failures { count: failures.count.saturating_add(answers), at: now };
        self.ends.set(key, now + MEMORY);
    }

    /// Gives how many are left; of none nothing is remembered.
    fn uncount(&mut self, key: &K, answers: u32) -> Option<u32> {
        let failures = self.all.get_mut(key)?;
        failures.count = failures.count.saturating_sub(answers);
        let left = failures.count;
        if left == 0 {
            self.forget(key);
        }
        Some(left)
    }

    fn forget(&mut self, key: &K) {
        self.ends.cancel(key);
        self.all.remove(key);
    }

    fn expire(&mut self, now: Mono) {
        while let Some(key) = self.ends.pop_due(now) {
            self.all.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ims_node::ListenerId;
    use sip_message::Transport;

    const IMPI: Tag = [1; 6];
    const WHOM: [Tag; 2] = [IMPI, [3; 6]];
    const GUESS: Guess = Guess { whom: WHOM, answers: 1 };

    fn flow(host: u8, port: u16) -> Flow {
        let remote = ([198, 51, 100, host], port).into();
        Flow { listener: ListenerId(0), transport: Transport::Udp, remote, connection: None }
    }

    fn at(seconds: u64) -> Mono {
        Mono::at(Duration::from_secs(seconds))
    }

    #[test]
    fn a_flow_waits_twice_as_long_after_each_wrong_answer_and_a_minute_at_most() {
        let (mut guesses, guesser, mut now) = (Guesses::default(), flow(1, 1), 0);
        let mut waits = Vec::new();
        for _ in 0..14 {
            waits.push(guesses.wait(at(now), guesser, WHOM).map_or(0, |wait| wait.as_secs()));
            now += waits.last().unwrap();
            assert_eq!(guesses.wait(at(now), guesser, WHOM), None, "it has waited");
            guesses.begins(at(now), guesser, GUESS);
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(guesses.wait(at(now), guesser, [[2; 6]; 2]), None, "another identity");
        assert_eq!(guesses.wait(at(now), flow(2, 1), WHOM), None, "the owner, somewhere else");
        assert_eq!(guesses.wait(at(now), flow(1, 2), WHOM), None, "the owner, behind the same NAT");
        assert!(
            guesses.wait(at(now), guesser, [IMPI, [9; 6]]).is_some(),
            "another address of record of the account"
        );
        assert!(guesses.wait(at(now), guesser, [[9; 6], WHOM[1]]).is_some(), "another username of it");
        guesses.begins(at(now), guesser, GUESS);
        guesses.succeeded(guesser, GUESS);
        assert_eq!(guesses.wait(at(now), guesser, WHOM), None, "it has remembered its password");
    }

    #[test]
    fn a_site_that_guesses_on_flow_after_flow_waits_too() {
        let mut guesses = Guesses::default();
        let mut tries = 0;
        for (second, port) in (0..6000).zip(1..) {
            if guesses.wait(at(second), flow(1, port), WHOM).is_none() {
                guesses.begins(at(second), flow(1, port), GUESS);
                tries += 1;
            }
        }
        // 20, and one every ten seconds.
        assert!((610..=625).contains(&tries), "{tries}");
        assert_eq!(guesses.wait(at(6000), flow(2, 1), WHOM), None, "the owner, somewhere else");
    }

    #[test]
    fn what_was_right_or_not_judged_does_not_count() {
        let mut guesses = Guesses::default();
        for port in 0..100 {
            guesses.begins(at(0), flow(1, port), GUESS);
            match port % 2 {
                0 => guesses.succeeded(flow(1, port), GUESS),
                _ => guesses.takes_back(flow(1, port), GUESS),
            }
        }
        assert_eq!((guesses.len(), guesses.deadline()), (0, None));
    }

    #[test]
    fn what_is_taken_back_takes_nothing_with_it() {
        let mut guesses = Guesses::default();
        for port in 0..20 {
            guesses.begins(at(0), flow(1, port), GUESS);
        }
        let many = Guess { answers: 60, ..GUESS };
        guesses.begins(at(10), flow(1, 20), GUESS);
        guesses.begins(at(10), flow(1, 20), many);
        guesses.takes_back(flow(1, 20), GUESS);
        guesses.takes_back(flow(1, 20), many);
        assert!(guesses.wait(at(10), flow(1, 21), WHOM).is_some(), "the flows before are counted still");
    }

    #[test]
    fn what_is_long_ago_is_forgotten_and_there_is_a_bound() {
        let mut guesses = Guesses::default();
        for port in 0..20_000 {
            guesses.begins(at(0), flow(1, port), Guess { answers: 9, ..GUESS });
        }
        assert_eq!(guesses.len(), MAX_GUESSING + 2);
        assert_eq!(guesses.deadline(), Some(at(600)));
        guesses.expire(at(600));
        assert_eq!((guesses.len(), guesses.deadline()), (0, None));
    }
}
