//! One seed: what people do, and what is checked of it.

use crate::domain::invariants::{self, Broken, Death, Invariant, State, whereabouts};
use crate::domain::{Fault, Home, Roamer, Size, Tape, leftovers, reports, secs, try_to_say};
use crate::people::{ALLOWED, KEPT, MOVERS, PRESENTITIES, WATCHERS, rules};
use crate::tally::Tally;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use sip_event::Updates;
use sip_message::Transport;
use std::collections::BTreeMap;
use std::time::Duration;
use testnet::{Link, World};
use ue_agent::Report;

/// What people do in a course.
const STEPS: u64 = 6;

/// How long the last state may take to its watcher: two NOTIFYs without answer, back-off, and a watcher that comes back.
const PATIENCE: Duration = secs(600);

/// Every lifetime that was granted is over after this.
const FOR_GOOD: Duration = secs(3 * 3600);

/// The run of one seed.
pub(crate) struct Course {
    pub(crate) world: World,
    pub(crate) transport: Transport,
    pub(crate) updates: Updates,
    /// Whether no node dies.
    pub(crate) calm: bool,
    pub(crate) tally: Tally,
    pub(crate) deaths: Vec<Death>,
    /// Where everybody is: which P-CSCF, which S-CSCF.
    pub(crate) places: BTreeMap<&'static str, (char, char)>,
    dice: ChaCha8Rng,
    /// What presentities last wanted to be said of them.
    wanted: BTreeMap<&'static str, State>,
    /// What user agents were told.
    told: BTreeMap<&'static str, Vec<Report>>,
    tape: Tape,
}

impl Course {
    /// Runs it and checks everything: what it has seen, or all promises that were broken.
    pub(crate) fn run(
        seed: u64,
        between_nodes: Transport,
        fault: Option<Fault>,
    ) -> Result<Tally, Vec<Broken>> {
        let mut course = Self::new(seed, between_nodes, fault);
        course.live();
        let mut broken: Vec<Broken> = course.settle().err().into_iter().collect();
        if broken.is_empty() {
            course.leave();
            broken.extend(course.check_nothing_is_left().err());
        }
        broken.splice(0..0, course.check_recording());
        if broken.is_empty() {
            return Ok(course.count());
        }
        if crate::seeds::is_tape_wanted() {
            eprintln!("{}", course.tape.show());
        }
        Err(broken)
    }

    fn live(&mut self) {
        self.meet();
        for step in 0..STEPS {
            if !self.calm && self.chance(40) {
                self.act_around_a_crash(step);
            } else {
                self.pass(15_000);
                self.act(step);
            }
        }
    }

    fn new(seed: u64, between_nodes: Transport, fault: Option<Fault>) -> Self {
        let transport = if seed % 4 == 3 { Transport::Tcp } else { Transport::Udp };
        let (updates, record_route) = match seed % 5 {
            3 => (Updates::Dialog, true),
            4 => (Updates::Dialog, false),
            _ => (Updates::Identity, true),
        };
        let mut world = World::new(seed);
        world.zone.preferred = between_nodes;
        for number in [1, 2] {
            let home = Home {
                number,
                size: Size::Whole,
                updates,
                record_route,
                rules: rules(seed),
                registration_s: 3600,
                fault,
                ..Home::new(transport)
            };
            home.build(&mut world);
        }
        world.conditions.link = Link::BAD;
        Self {
            world,
            transport,
            updates,
            calm: seed % 4 == 1,
            tally: Tally::default(),
            deaths: Vec::new(),
            places: MOVERS.iter().map(|(ue, _)| (*ue, ('a', 'a'))).collect(),
            dice: ChaCha8Rng::seed_from_u64(seed),
            wanted: PRESENTITIES.iter().map(|(ue, _)| (*ue, State::away())).collect(),
            told: BTreeMap::new(),
            tape: Tape::default(),
        }
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.dice.next_u64() % 100 < percent
    }

    pub(crate) fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.dice.next_u64() % all.len() as u64).unwrap()].clone()
    }

    /// Lets up to so many milliseconds pass.
    pub(crate) fn pass(&mut self, most: u64) {
        let time = Duration::from_millis(self.dice.next_u64() % most);
        self.world.run_for(time).unwrap();
    }

    pub(crate) fn now(&self) -> Duration {
        self.world.now().mono.since_start()
    }

    /// A command that may come at the wrong time.
    pub(crate) fn try_to(&mut self, ue: &str, line: &str) -> bool {
        try_to_say(&mut self.world, ue, line).is_some_and(|told| told.is_ok())
    }

    /// Waits a while for a user agent to have no request under way.
    pub(crate) fn idle(&mut self, ue: &str) {
        let idle = |world: &World| world.node::<Roamer>(ue).is_some_and(testnet::VirtualNode::is_idle);
        // It may be waiting for somebody who is dead.
        let _ = self.world.run_until(idle, secs(40));
    }

    fn meet(&mut self) {
        self.everybody_watches();
        // Sometimes before they are registered.
        self.pass(20_000);
        for (presentity, _) in PRESENTITIES {
            assert!(self.try_to(presentity, "register"));
        }
    }

    fn everybody_watches(&mut self) {
        for watcher in WATCHERS {
            for (_, uri) in PRESENTITIES {
                self.try_to(watcher, &format!("watch {uri}"));
            }
        }
    }

    /// Somebody does something.
    pub(crate) fn act(&mut self, step: u64) {
        match self.dice.next_u64() % 10 {
            0 => {
                let (presentity, _) = self.one_of(&PRESENTITIES);
                if self.try_to(presentity, "unpublish") {
                    self.wanted.insert(presentity, State::away());
                }
            }
            1 => {
                let (watcher, uri) = self.one_of(&ALLOWED);
                self.try_to(watcher, &format!("unwatch {uri}"));
                self.publish(step);
            }
            2 | 3 => {
                self.move_to_another_pcscf();
                self.publish(step);
            }
            4 => {
                self.move_to_another_scscf();
                self.publish(step);
            }
            _ => self.publish(step),
        }
    }

    fn publish(&mut self, step: u64) {
        let (presentity, uri) = self.one_of(&PRESENTITIES);
        let basic = if self.chance(30) { "closed" } else { "open" };
        let note = if self.chance(80) { format!("{} {step}", whereabouts(uri)) } else { String::new() };
        assert!(self.try_to(presentity, &format!("publish {basic} {note}")));
        self.wanted.insert(presentity, State { basic: basic.into(), note });
    }

    fn listen(&mut self) {
        for ue in WATCHERS.iter().chain(PRESENTITIES.iter().map(|(ue, _)| ue)) {
            self.listen_to(ue);
        }
        self.tape.read(&self.world);
    }

    /// What a user agent has told since the last look.
    pub(crate) fn listen_to(&mut self, ue: &'static str) -> Vec<Report> {
        let new = reports(&mut self.world, ue);
        self.told.entry(ue).or_default().extend(new.iter().cloned());
        new
    }

    /// The latest accepted state reaches its watchers, on the same bad network. Who was told that a subscription is over
    /// subscribes again; who was not, has to be told the state.
    fn settle(&mut self) -> Result<(), Broken> {
        let end = self.now() + PATIENCE;
        self.everybody_watches();
        loop {
            for (watcher, uri) in ALLOWED {
                self.try_to(watcher, &format!("watch {uri}"));
            }
            self.world.run_for(secs(10)).unwrap();
            self.listen();
            let Some(how) = self.what_is_lacking() else { return Ok(()) };
            if self.now() >= end {
                return Err(Broken::new(Invariant::Delivered, how));
            }
        }
    }

    fn what_is_lacking(&mut self) -> Option<String> {
        for (presentity, uri) in PRESENTITIES {
            let accepted = invariants::accepted(&self.tape, uri);
            for (watcher, _) in ALLOWED.iter().filter(|(_, of)| *of == uri) {
                let seen = self.shown(watcher, uri);
                if seen.as_ref() != Some(&accepted) {
                    let deaths = &self.deaths;
                    return Some(format!(
                        "accepted of {presentity} is {accepted:?}, {watcher} sees {seen:?}; deaths {deaths:?}"
                    ));
                }
            }
            let wanted = &self.wanted[presentity];
            if accepted != *wanted {
                match self.last_of_publication(presentity) {
                    // A publication whose tag never reached its publisher cannot be taken back (RFC 3903 section 4.1): it
                    // lives until it expires. What is accepted is what is shown even so.
                    Some(Report::Unpublished { .. }) if *wanted == State::away() => {
                        self.tally.count("orphans", 1)
                    }
                    Some(Report::PublishFailed { .. }) => self.tally.count("refused publications", 1),
                    last => {
                        return Some(format!(
                            "{presentity} wants {wanted:?}, accepted is {accepted:?}; {last:?}"
                        ));
                    }
                }
            }
        }
        None
    }

    fn shown(&self, watcher: &str, uri: &str) -> Option<State> {
        self.told.get(watcher)?.iter().rev().find_map(|report| {
            let Report::Presence { uri: of, basic: Some(basic), note, .. } = report else { return None };
            let note = note.as_deref().unwrap_or_default().into();
            (**of == *uri).then(|| State { basic: (*basic).into(), note })
        })
    }

    fn last_of_publication(&self, presentity: &str) -> Option<&Report> {
        self.told.get(presentity)?.iter().rev().find(|report| {
            matches!(
                report,
                Report::Unpublished { .. } | Report::Published { .. } | Report::PublishFailed { .. }
            )
        })
    }

    fn leave(&mut self) {
        for watcher in WATCHERS {
            for (_, uri) in PRESENTITIES {
                self.try_to(watcher, &format!("unwatch {uri}"));
            }
        }
        for (presentity, _) in PRESENTITIES {
            self.try_to(presentity, "unpublish");
        }
        self.world.run_for(secs(100)).unwrap();
        for ue in WATCHERS.iter().chain(PRESENTITIES.iter().map(|(ue, _)| ue)) {
            assert!(self.try_to(ue, "deregister"));
        }
        self.world.run_for(FOR_GOOD).unwrap();
        self.tape.read(&self.world);
    }

    /// What went wrong on the way; it says more than what became of it.
    fn check_recording(&mut self) -> Vec<Broken> {
        self.tape.read(&self.world);
        let (tape, deaths) = (&self.tape, &self.deaths);
        let checks = [
            invariants::sent_again(tape, deaths, self.now()),
            invariants::one_final_response(tape, deaths),
            if self.calm { invariants::ues_are_answered(tape) } else { Ok(()) },
            invariants::notifies_rise_and_end(tape),
            invariants::one_notify_outstanding(tape, deaths),
            invariants::registered_is_served(tape),
            invariants::nobody_else_learns(tape, &KEPT).map(drop),
        ];
        checks.into_iter().filter_map(Result::err).collect()
    }

    fn check_nothing_is_left(&self) -> Result<(), Broken> {
        let left: Vec<String> =
            [1, 2].iter().flat_map(|number| leftovers(&self.world, *number, Size::Whole)).collect();
        if left.is_empty() { Ok(()) } else { Err(Broken::new(Invariant::NothingLeft, left.join("; "))) }
    }

    fn count(mut self) -> Tally {
        let counters = self.world.counters();
        let denials = invariants::nobody_else_learns(&self.tape, &KEPT).unwrap_or_default();
        let (calm, updates, transport) = (self.calm, self.updates, self.transport);
        let tally = &mut self.tally;
        tally.count("courses", 1);
        tally.count("drops", counters.datagrams_lost);
        tally.count("duplicates", counters.datagrams_duplicated);
        tally.count("reorderings", counters.datagrams_held_up);
        tally.count("accepted changes", invariants::accepted_changes(&self.tape));
        tally.count("NOTIFYs", self.tape.notifies().len() as u64);
        tally.count("denials", denials);
        tally.count("courses without a crash", u64::from(calm));
        let by = if updates == Updates::Dialog { "courses by dialog" } else { "courses by identity" };
        tally.count(by, 1);
        let over = if transport == Transport::Udp { "courses over UDP" } else { "courses over TCP" };
        tally.count(over, 1);
        self.tally
    }
}
