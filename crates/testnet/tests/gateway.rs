//! Phones without SIP while everything around the gateway fails: what was acknowledged is confirmed, and shown once.
//!
//! `MUSTER_SEEDS` sets how many seeds are run, `MUSTER_SEED` runs that one alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

#[path = "domain/mod.rs"]
mod domain;

use domain::{ALICE, HEIDI, Home, quiet, register, reports, say, secs, shown};
use presence_server::PresenceServer;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use sip_message::Transport;
use sms_gateway::{Ask, Delivery, LegacyUpdate, NumberForm, SmsGateway, Told};
use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use testnet::{Availability, Fate, Gone, Link, World};
use ue_agent::Report;

const SEEDS: u64 = 500;
/// What heidi writes in a course.
const TEXTS: u64 = 6;

/// One seed: heidi writes, alice watches, and nodes die.
struct Course {
    world: World,
    /// Whether the gateway hears nothing of the presence server.
    deaf: Rc<Cell<bool>>,
    dice: ChaCha8Rng,
    /// What heidi was sent.
    received: Vec<String>,
    /// What alice was shown.
    seen: Vec<Report>,
}

impl Course {
    fn new(seed: u64) -> Self {
        let home = Home { rules: domain::book(&[(HEIDI, &[(ALICE, "allow")])]), ..Home::new(Transport::Udp) };
        let mut world = home.world(seed);
        home.add_gateway(&mut world);
        register(&mut world, &["alice"]);
        say(&mut world, "alice", &format!("watch {HEIDI}"));
        quiet(&mut world);
        let deaf = Rc::new(Cell::new(false));
        let is_lost = Rc::clone(&deaf);
        world.set_filter(move |passage| {
            let is_answer = passage.from == "ps1" && passage.to == "gateway1";
            if is_answer && is_lost.get() { Fate::Lost } else { Fate::Chance }
        });
        Self { deaf, world, dice: ChaCha8Rng::seed_from_u64(seed), received: Vec::new(), seen: Vec::new() }
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.dice.next_u64() % limit
    }

    /// Something fails, or is there again.
    fn fail(&mut self) {
        match self.below(8) {
            0 | 1 => self.world.crash("gateway1", Gone::Refusing),
            2 => self.world.crash("ps1", Gone::Refusing),
            3 => self.world.set_hss("hss1", Availability::Failing),
            4 => self.world.set_hss("hss1", Availability::Silent),
            5 => self.world.set_link("gateway1", "ps1", Link::BAD),
            6 => self.world.sever("gateway1", "ps1"),
            // What the presence server has taken, the gateway does not hear of.
            _ => self.deaf.set(true),
        }
    }

    fn mend(&mut self) {
        for node in ["gateway1", "ps1"] {
            if !self.world.lives(node) {
                self.world.restart(node);
            }
        }
        self.deaf.set(false);
        self.world.set_hss("hss1", Availability::Up);
        self.world.heal("gateway1", "ps1");
        self.world.set_link("gateway1", "ps1", Link::GOOD);
    }

    /// The SMS-C delivers a text until it is acknowledged, as one does. What was not acknowledged comes once more.
    fn deliver(&mut self, text: &str) {
        let update = LegacyUpdate {
            from: "+15550107".into(),
            form: NumberForm::International,
            text: text.encode_utf16().collect(),
            part: None,
            validity: None,
        };
        for attempt in 0.. {
            assert!(attempt < 1000, "{text} is never acknowledged");
            let at_once = self.world.ask::<SmsGateway>("gateway1", Ask::Update(update.clone()));
            let pause = self.below(3000);
            self.pass(pause);
            let later = self.world.told::<SmsGateway>("gateway1");
            if at_once.into_iter().chain(later).any(|told| told == Told::Taken) {
                return;
            }
            if self.below(4) == 0 {
                self.mend();
            }
        }
    }

    /// The SMS-C takes what there is for heidi; it takes some of it twice, where the gateway dies before it knows.
    fn take_messages(&mut self) {
        let at_once = self.world.ask::<SmsGateway>("gateway1", Ask::Collect);
        self.pass(50);
        for told in at_once.into_iter().chain(self.world.told::<SmsGateway>("gateway1")) {
            let Told::ToSend(messages) = told else { continue };
            let sent = messages.iter().map(|(number, _)| (*number, Delivery::Accepted)).collect();
            self.received.extend(messages.into_iter().map(|(_, message)| message.text.into_string()));
            self.world.ask::<SmsGateway>("gateway1", Ask::Sent(sent));
        }
    }

    fn pass(&mut self, millis: u64) {
        self.world.run_for(std::time::Duration::from_millis(millis)).unwrap();
        self.seen.extend(reports(&mut self.world, "alice"));
    }

    /// Runs the seed, and returns each promise that was broken.
    fn run(seed: u64) -> Result<(), String> {
        let mut course = Self::new(seed);
        for number in 0..TEXTS {
            course.fail();
            course.deliver(&format!("busy note {number}"));
            let longest = if course.below(4) == 0 { 200_000 } else { 10_000 };
            let (before, after) = (course.below(longest), course.below(5_000));
            course.pass(before);
            if course.below(2) == 0 {
                course.fail();
                course.pass(after);
            }
            course.mend();
            course.take_messages();
        }
        course.mend();
        for _ in 0..20 {
            course.pass(60_000);
            course.take_messages();
        }
        course.check()
    }

    fn check(mut self) -> Result<(), String> {
        for number in 0..TEXTS {
            let confirmation = format!("You are shown as busy (note {number}).");
            if !self.received.contains(&confirmation) {
                return Err(format!("not confirmed: {confirmation}; heidi has {:?}", self.received));
            }
        }
        if let Some(other) = self.received.iter().find(|text| !text.starts_with("You are shown as busy")) {
            return Err(format!("nothing has failed for so long: {other}"));
        }
        let last = format!("note {}", TEXTS - 1);
        let is_last = shown(&self.seen) == Some(("open", &last));
        let publications = self.publications();
        if publications != 1 || !is_last {
            return Err(format!("{publications} publications, alice sees {:?}", shown(&self.seen)));
        }
        // A day later nothing is left of it.
        self.world.run_for(secs(25 * 3600)).unwrap();
        let left = (self.publications(), self.world.records_on_disk("gateway1"));
        if left == (0, 0) { Ok(()) } else { Err(format!("left: {left:?}")) }
    }

    fn publications(&mut self) -> usize {
        let told = self.world.ask::<PresenceServer>("ps1", presence_server::Ask::List);
        let Some(presence_server::Told::Listed { listed, .. }) = told else { panic!("{told:?}") };
        let is_publication =
            |one: &&presence_server::Listed| matches!(one, presence_server::Listed::Publication { .. });
        listed.iter().filter(is_publication).count()
    }
}

fn seeds() -> Range<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    match number("MUSTER_SEED") {
        Some(one) => one..one + 1,
        None => 0..number("MUSTER_SEEDS").unwrap_or(SEEDS),
    }
}

#[test]
fn gw_01_what_a_phone_without_sip_was_acknowledged_is_confirmed_and_shown_once() {
    let (next, end) = (AtomicU64::new(seeds().start), seeds().end);
    let worker = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return;
            }
            if let Err(broken) = Course::run(seed) {
                panic!(
                    "seed {seed}: {broken}\nrepeat with: MUSTER_SEED={seed} cargo test -p testnet --test gateway"
                );
            }
        }
    };
    std::thread::scope(|scope| {
        let workers = std::thread::available_parallelism().map_or(1, |count| count.get().min(4));
        let running: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        running.into_iter().for_each(|worker| worker.join().expect("a promise was broken"));
    });
}
