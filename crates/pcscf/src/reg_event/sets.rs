//! The sets whose registration is watched, each by one subscription.

use super::REG;
use super::turns::Turns;
use crate::bindings::ServiceRoute;
use clock::{Deadlines, Mono, Now};
use cx_protocol::Impu;
use ims_node::Random;
use sip_event::{
    Answer, Asking, BadNotify, FirstSubscribe, NewDialog, Schedule, SubscriberConfig, SubscriberEnd,
    SubscriberOutput, Subscriptions,
};
use sip_message::{Draft, Message, NameAddr, StatusCode};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::time::Duration;

/// The interval asked for, in seconds: no registration is longer (TS 24.229 section 5.1.1.2).
const EXPIRES_S: u32 = 600_000;

/// Identities by which one set has been registered here that are looked at; the oldest goes.
const MAX_AORS: usize = 8;

/// How many T1 a subscription outlives the last flow of its user: its last NOTIFY is under way, or the phone is about to
/// come back by another connection. A NOTIFY after that gets 481, which ends it at the S-CSCF too.
const UNWANTED_T1: u32 = 64;

/// One set that is watched.
#[derive(Debug)]
pub(crate) struct WatchedSet {
    /// The identities of the set that were registered here.
    aors: SmallVec<[Impu; 1]>,
    /// The way to the S-CSCF.
    route: ServiceRoute,
    begun: Begun,
    /// A SUBSCRIBE has been sent.
    has_asked: bool,
    /// A REGISTER has been accepted since it was begun.
    is_renewed: bool,
}

/// What a subscription was begun for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    /// A REGISTER was accepted: the S-CSCF has the user.
    Registered,
    /// We have restarted: the S-CSCF may have told us something that we did not hear.
    Restarted,
}

/// An identity that is registered here, with what its set is watched by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Registered<'a> {
    /// The default identity of the set.
    pub(crate) user: &'a Impu,
    pub(crate) aor: &'a Impu,
    /// The way to the S-CSCF.
    pub(crate) route: &'a ServiceRoute,
}

impl WatchedSet {
    fn new(begun: Begun) -> Box<Self> {
        Box::new(Self {
            aors: SmallVec::new(),
            route: ServiceRoute::default(),
            begun,
            has_asked: false,
            is_renewed: false,
        })
    }

    pub(crate) fn aors(&self) -> impl Iterator<Item = &Impu> {
        self.aors.iter()
    }

    pub(crate) const fn route(&self) -> &ServiceRoute {
        &self.route
    }

    pub(crate) const fn is_renewed(&self) -> bool {
        self.is_renewed
    }

    /// Whether this end says that the S-CSCF has let the user go while we were down.
    pub(crate) fn is_lost(&self, end: SubscriberEnd) -> bool {
        self.begun == Begun::Restarted && end == SubscriberEnd::Refused(StatusCode::TEMPORARILY_UNAVAILABLE)
    }

    fn note(&mut self, aor: &Impu, route: &ServiceRoute) {
        self.route = route.clone();
        if !self.aors.contains(aor) {
            let crowd = (self.aors.len() + 1).saturating_sub(MAX_AORS);
            self.aors.drain(..crowd);
            self.aors.push(aor.clone());
        }
    }
}

/// The nodes on a way: the user part of an entry may be another for each registration (RFC 3608).
fn nodes(route: &ServiceRoute) -> impl Iterator<Item = Option<(String, Option<u16>)>> {
    route.iter().map(|entry| {
        let uri = NameAddr::parse(entry).ok()?.uri().ok()?;
        Some((uri.host_text().to_ascii_lowercase(), uri.port()))
    })
}

fn config(t1: Duration, random: &mut Random) -> SubscriberConfig {
    let [jitter, ..] = random.bits().to_le_bytes();
    let (first_wait, longest_wait) = (Duration::from_secs(2), Duration::from_secs(600));
    let schedule = Schedule { jitter, first_wait, longest_wait };
    SubscriberConfig { expires: EXPIRES_S, t1, schedule }
}

/// All sets that are watched, by default identity.
#[derive(Debug)]
pub(crate) struct RegSubscriptions {
    /// Between nodes.
    t1: Duration,
    subscriptions: Subscriptions<Impu>,
    /// The set that each subscription is about.
    sets: HashMap<Impu, Box<WatchedSet>>,
    /// When a subscription ends whose user has no flow here any more.
    unwanted: Deadlines<Impu>,
    turns: Turns,
}

impl RegSubscriptions {
    pub(crate) fn new(t1: Duration) -> Self {
        Self {
            t1,
            subscriptions: Subscriptions::default(),
            sets: HashMap::new(),
            unwanted: Deadlines::new(),
            turns: Turns::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.sets.len()
    }

    pub(crate) fn set(&self, user: &Impu) -> Option<&WatchedSet> {
        self.sets.get(user).map(|set| &**set)
    }

    /// Watches the set of an identity that is registered here.
    pub(crate) fn watch(&mut self, begun: Begun, registered: Registered<'_>, random: &mut Random) {
        let Registered { user, aor, route } = registered;
        // The S-CSCF that has lost the user may be dead, and then never says so; otherwise its next NOTIFY gets 481.
        let former = if self.has_asked_elsewhere(user, route) { self.remove(user) } else { None };
        match self.sets.get_mut(user) {
            Some(set) => {
                set.is_renewed |= begun == Begun::Registered;
                set.note(aor, route);
            }
            None => {
                let mut set = WatchedSet::new(begun);
                set.aors.extend(former.into_iter().flat_map(|former| former.aors));
                set.note(aor, route);
                self.sets.insert(user.clone(), set);
                self.subscriptions.begin(user.clone(), config(self.t1, random), REG);
            }
        }
        self.unwanted.cancel(user);
    }

    /// Whether its SUBSCRIBE has gone to other nodes than those of this way.
    fn has_asked_elsewhere(&self, user: &Impu, route: &ServiceRoute) -> bool {
        // A refresh mostly brings the same text, which is then not read.
        let differs = |set: &WatchedSet| set.route != *route && !nodes(&set.route).eq(nodes(route));
        self.set(user).is_some_and(differs) && !self.subscriptions.is_due(user)
    }

    /// Nobody of the set has a flow here any more.
    pub(crate) fn unwatch(&mut self, now: Now, user: &Impu) {
        if self.sets.contains_key(user) && !self.unwanted.contains(user) {
            self.unwanted.set(user.clone(), now.mono + self.t1 * UNWANTED_T1);
        }
    }

    pub(crate) fn remove(&mut self, user: &Impu) -> Option<WatchedSet> {
        self.subscriptions.remove(user);
        self.unwanted.cancel(user);
        self.sets.remove(user).map(|set| *set)
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        let deadlines = [self.subscriptions.poll_timeout(), self.unwanted.next(), self.turns.deadline()];
        deadlines.into_iter().flatten().min()
    }

    pub(crate) fn on_deadline(&mut self, now: Now) {
        while let Some(user) = self.unwanted.pop_due(now.mono) {
            self.remove(&user);
        }
        self.subscriptions.on_deadline(now);
    }

    pub(crate) fn poll_output(&mut self) -> Option<(Impu, SubscriberOutput)> {
        self.subscriptions.poll_output()
    }

    /// Its first SUBSCRIBE is to be sent.
    pub(crate) fn wait_for_turn(&mut self, user: Impu) {
        match self.sets.get(&user) {
            Some(set) if set.begun == Begun::Restarted && !set.has_asked => self.turns.wait_to_resume(user),
            Some(_) => self.turns.wait(user),
            None => {}
        }
    }

    /// Whose first SUBSCRIBE is sent now, if anybody's.
    pub(crate) fn next_turn(&mut self, now: Now) -> Option<Impu> {
        self.turns.next(now.mono)
    }

    /// The first SUBSCRIBE, and its Route.
    pub(crate) fn subscribe(
        &mut self,
        now: Now,
        user: &Impu,
        new: NewDialog,
    ) -> Option<(FirstSubscribe<Impu>, String)> {
        let set = self.sets.get_mut(user)?;
        let first = self.subscriptions.subscribe(now, user, new)?;
        set.has_asked = true;
        self.turns.begun();
        Some((first, set.route.join(", ")))
    }

    pub(crate) fn resubscribe(&mut self, user: &Impu) -> Option<(Draft, Asking<Impu>)> {
        self.subscriptions.resubscribe(user)
    }

    pub(crate) fn on_answer(&mut self, now: Now, asking: &Asking<Impu>, answer: Option<Answer<'_>>) {
        if asking.is_first {
            self.turns.ended();
        }
        self.subscriptions.on_answer(now, asking, answer);
    }

    pub(crate) fn notify(&mut self, now: Now, notify: &Message) -> Result<Impu, BadNotify> {
        self.subscriptions.notify(now, notify)
    }
}
