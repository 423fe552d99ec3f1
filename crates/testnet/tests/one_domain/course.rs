//! One seed: alice and erin watch carol, who changes her mind often; erin may not.

use crate::domain::{ALICE, CAROL, ERIN, GRACE, Home1, Tape, assert_empty, book, reports, secs, shown};
use crate::invariants::{self, State};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use sip_event::Updates;
use sip_message::Transport;
use std::time::Duration;
use testnet::{Gone, Link, World};
use ue_agent::Report;

/// What carol does in a course.
const STEPS: u64 = 6;

/// How long the last state may take to its watcher: two NOTIFYs without answer, back-off, and a watcher that comes back.
const PATIENCE: Duration = secs(600);

/// Every lifetime that was granted is over after this.
const FOR_GOOD: Duration = secs(3 * 3600);

/// Whether nodes die in a course.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crashes {
    None,
    Some,
}

/// What courses have seen.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) courses: u64,
    pub(crate) drops: u64,
    pub(crate) duplicates: u64,
    pub(crate) held_up: u64,
    pub(crate) restarts: u64,
    pub(crate) accepted_changes: u64,
    pub(crate) notifies: u64,
    /// Refusals, or NOTIFYs of a presentity that seems away, for the watcher that may know nothing.
    pub(crate) denials: u64,
    /// Requests on one hop that never got a final response.
    pub(crate) unanswered: u64,
    /// Courses that ended with a publication whose tag was lost.
    pub(crate) orphans: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.courses += other.courses;
        self.drops += other.drops;
        self.duplicates += other.duplicates;
        self.held_up += other.held_up;
        self.restarts += other.restarts;
        self.accepted_changes += other.accepted_changes;
        self.notifies += other.notifies;
        self.denials += other.denials;
        self.unanswered += other.unanswered;
        self.orphans += other.orphans;
    }

    /// A sweep in which nothing went wrong, or nothing was done, has shown nothing.
    pub(crate) fn assert_something_happened(&self) {
        for (count, what) in [
            (self.drops, "drops"),
            (self.duplicates, "duplicates"),
            (self.held_up, "reorderings"),
            (self.accepted_changes, "accepted changes"),
            (self.notifies, "NOTIFYs"),
            (self.denials, "denials"),
        ] {
            assert!(count > 0, "the sweep saw no {what}");
        }
    }
}

/// The run of one seed.
pub(crate) struct Course {
    world: World,
    dice: ChaCha8Rng,
    transport: Transport,
    /// What carol last wanted to be said of her.
    wanted: State,
    /// What alice and carol were told.
    alice: Vec<Report>,
    carol: Vec<Report>,
    /// Publications that carol cannot take back.
    orphans: u64,
    /// Who died when.
    deaths: Vec<(&'static str, Duration)>,
}

impl Course {
    /// Runs it and checks everything.
    pub(crate) fn run(seed: u64, crashes: Crashes) -> Tally {
        let mut course = Self::new(seed);
        course.meet();
        for step in 0..STEPS {
            match crashes {
                Crashes::Some if course.chance(40) => course.act_around_a_crash(step),
                Crashes::None | Crashes::Some => {
                    course.pass(15_000);
                    course.act(step);
                }
            }
        }
        course.settle();
        course.leave();
        course.check()
    }

    fn new(seed: u64) -> Self {
        let transport = if seed % 4 == 3 { Transport::Tcp } else { Transport::Udp };
        let erin = if seed.is_multiple_of(2) { "block" } else { "polite-block" };
        let home1 = Home1 {
            updates: if seed % 5 == 4 { Updates::Dialog } else { Updates::Identity },
            rules: book(&[(CAROL, &[(ALICE, "allow"), (ERIN, erin)]), (GRACE, &[])]),
            registration_s: 3600,
            ..Home1::new(transport)
        };
        let mut world = home1.world(seed);
        world.conditions.link = Link::BAD;
        let dice = ChaCha8Rng::seed_from_u64(seed);
        let wanted = State::away();
        Self {
            world,
            dice,
            transport,
            wanted,
            alice: Vec::new(),
            carol: Vec::new(),
            orphans: 0,
            deaths: Vec::new(),
        }
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.dice.next_u64() % 100 < percent
    }

    /// Lets up to so many milliseconds pass.
    fn pass(&mut self, most: u64) {
        let time = Duration::from_millis(self.dice.next_u64() % most);
        self.world.run_for(time).unwrap();
    }

    /// A command that may come at the wrong time.
    fn try_to(&mut self, ue: &str, line: &str) -> bool {
        self.world.command(ue, line).is_some_and(|answer| answer.is_ok())
    }

    fn meet(&mut self) {
        for ue in ["alice", "erin"] {
            assert!(self.try_to(ue, "watch sip:carol@home1.test"));
        }
        // Sometimes before she is registered.
        self.pass(20_000);
        assert!(self.try_to("carol", "register"));
    }

    fn act(&mut self, step: u64) {
        match self.dice.next_u64() % 8 {
            0 => {
                if self.try_to("carol", "unpublish") {
                    self.wanted = State::away();
                }
            }
            1 => {
                self.try_to("alice", "unwatch sip:carol@home1.test");
                self.publish(step);
            }
            _ => self.publish(step),
        }
    }

    fn publish(&mut self, step: u64) {
        let basic = if self.chance(30) { "closed" } else { "open" };
        let note = if self.chance(80) { format!("whereabouts {step}") } else { String::new() };
        assert!(self.try_to("carol", &format!("publish {basic} {note}")));
        self.wanted = State { basic: basic.into(), note };
    }

    fn act_around_a_crash(&mut self, step: u64) {
        let victim = ["pcscf1a", "scscf1a", "ps1"][usize::try_from(self.dice.next_u64() % 3).unwrap()];
        // A machine that vanishes says nothing on its connections: whoever is at the other end learns it much later.
        let silent = self.chance(50) && (victim != "pcscf1a" || self.transport == Transport::Udp);
        let amid = self.chance(50);
        if amid {
            self.act(step);
            self.pass(300);
            self.until_it_speaks(victim);
        } else {
            self.pass(10_000);
        }
        self.world.crash(victim, if silent { Gone::Silent } else { Gone::Refusing });
        self.deaths.push((victim, self.world.now().mono.since_start()));
        if !amid {
            self.pass(5000);
            self.act(step);
        }
        self.pass(20_000);
        self.world.restart(victim);
    }

    /// Often the worst moment to die: something has been said, and nobody has heard it yet.
    fn until_it_speaks(&mut self, victim: &str) {
        let said = |world: &World| {
            let messages = world.recording();
            messages.messages().iter().filter(|message| &*message.from == victim).count()
        };
        let before = said(&self.world);
        // It may well have nothing to say.
        let _ = self.world.run_until(|world| said(world) > before, secs(1));
    }

    /// The latest accepted state reaches its watcher, on the same bad network.
    fn settle(&mut self) {
        let end = self.world.now().mono + PATIENCE;
        loop {
            self.try_to("alice", "watch sip:carol@home1.test");
            self.world.run_for(secs(10)).unwrap();
            self.alice.extend(reports(&mut self.world, "alice"));
            self.carol.extend(reports(&mut self.world, "carol"));
            let accepted = invariants::accepted(&Tape::of(&self.world));
            let seen =
                shown(&self.alice).map(|(basic, note)| State { basic: basic.into(), note: note.into() });
            let told = seen.as_ref() == Some(&accepted);
            if told && accepted == self.wanted {
                return;
            }
            // A publication whose tag never reached her she cannot take back (RFC 3903 section 4.1): it lives until it
            // expires. What is accepted is what is shown even so.
            let taken_back =
                |report: &&Report| matches!(report, Report::Unpublished { .. } | Report::Published { .. });
            let last = self.carol.iter().rev().find(taken_back);
            if told && self.wanted == State::away() && matches!(last, Some(Report::Unpublished { .. })) {
                self.orphans += 1;
                return;
            }
            assert!(
                self.world.now().mono < end,
                "carol wants {:?}, accepted is {accepted:?}, alice sees {seen:?}; deaths {:?}\n{}",
                self.wanted,
                self.deaths,
                Tape::of(&self.world).show(),
            );
        }
    }

    fn leave(&mut self) {
        self.try_to("alice", "unwatch sip:carol@home1.test");
        self.try_to("erin", "unwatch sip:carol@home1.test");
        self.try_to("carol", "unpublish");
        self.world.run_for(secs(100)).unwrap();
        for ue in ["alice", "carol", "erin"] {
            assert!(self.try_to(ue, "deregister"));
        }
        self.world.run_for(FOR_GOOD).unwrap();
        self.world.run_until_quiet(secs(100)).unwrap();
    }

    fn check(&self) -> Tally {
        assert_empty(&self.world);
        let tape = Tape::of(&self.world);
        invariants::notifies_rise_and_end(&tape);
        let unanswered = invariants::one_final_response(&tape, &self.deaths);
        let denials = invariants::erin_learns_nothing(&tape);
        let counters = self.world.counters();
        Tally {
            courses: 1,
            drops: counters.datagrams_lost,
            duplicates: counters.datagrams_duplicated,
            held_up: counters.datagrams_held_up,
            restarts: counters.restarts,
            accepted_changes: invariants::accepted_changes(&tape),
            notifies: tape.notifies().len().try_into().unwrap(),
            denials,
            unanswered,
            orphans: self.orphans,
        }
    }
}
