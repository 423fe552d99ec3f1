//! The world: its clock, its places, and what its nodes want done.

use crate::connection::Tcp;
use crate::cx::Cx;
use crate::dice::{Dice, Purpose};
use crate::disk::Disk;
use crate::dns::Zone;
use crate::event::Event;
use crate::link::{Fate, Link, Passage};
use crate::node::VirtualNode;
use crate::process::{Gone, Place, ProcessId, Slot};
use crate::recorder::Recorder;
use clock::{Mono, Now, Wall};
use ims_node::{ListenerId, NodeSettings};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// What the wall clock shows when a world begins: 2026-01-01T00:00:00Z.
const BEGINNING: Wall = Wall::from_unix_millis(1_767_225_600_000);

/// Whether a service answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Availability {
    /// It does.
    #[default]
    Up,
    /// It says at once that it cannot.
    Failing,
    /// It says nothing; whoever asks waits as long as it waits.
    Silent,
}

/// What holds everywhere unless said otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Conditions {
    /// Between two nodes that have no link of their own.
    pub link: Link,
    /// From a question to its answer.
    pub dns_latency: Duration,
    /// One way to the HSS.
    pub cx_latency: Duration,
    /// The quickest sync.
    pub sync: Duration,
    /// Up to so much is added to a sync, evenly.
    pub sync_jitter: Duration,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            link: Link::GOOD,
            dns_latency: Duration::from_millis(2),
            cx_latency: Duration::from_millis(1),
            sync: Duration::from_millis(1),
            sync_jitter: Duration::from_millis(4),
        }
    }
}

type Filter = Box<dyn FnMut(Passage<'_>) -> Fate>;

/// A network of nodes in virtual time. When a test fails while it exists, its seed is printed.
pub struct World {
    /// What holds everywhere.
    pub conditions: Conditions,
    /// DNS.
    pub zone: Zone,
    seed: u64,
    pub(crate) now: Mono,
    pub(crate) queue: BTreeMap<(Mono, u64), Event>,
    next_event: u64,
    pub(crate) slots: Vec<Slot>,
    pub(crate) addresses: BTreeMap<SocketAddr, (Place, ListenerId)>,
    links: BTreeMap<(Place, Place), Link>,
    severed: Vec<(Place, Place)>,
    pub(crate) filter: Option<Filter>,
    pub(crate) tcp: Tcp,
    pub(crate) cx: Cx,
    pub(crate) network: Dice,
    pub(crate) disks: Dice,
    seeds: Dice,
    pub(crate) recorder: Recorder,
}

impl World {
    /// An empty world; everything that chance decides in it follows from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            conditions: Conditions::default(),
            zone: Zone::default(),
            seed,
            now: Mono::ZERO,
            queue: BTreeMap::new(),
            next_event: 0,
            slots: Vec::new(),
            addresses: BTreeMap::new(),
            links: BTreeMap::new(),
            severed: Vec::new(),
            filter: None,
            tcp: Tcp::default(),
            cx: Cx::default(),
            network: Dice::new(seed, Purpose::Network),
            disks: Dice::new(seed, Purpose::Disk),
            seeds: Dice::new(seed, Purpose::Seeds),
            recorder: Recorder::new(),
        }
    }

    /// The seed.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// Both clocks. Monotonic time is that of the world; each process has its own, which begins with it.
    #[must_use]
    pub fn now(&self) -> Now {
        Now { mono: self.now, wall: BEGINNING + self.now.since_start() }
    }

    /// Adds a node and starts it; `build` makes it anew for each life. It is known by the name in its settings and by
    /// the first label of that name.
    pub fn add_node<N, F>(&mut self, settings: &NodeSettings, build: F)
    where
        N: VirtualNode,
        F: Fn([u8; 32]) -> N + 'static,
    {
        let listeners = settings.listeners.iter().map(|listener| listener.address).collect();
        let place = self.slots.len();
        self.place_at(&settings.name, listeners, Some(settings.clone()), build);
        self.start(place);
    }

    /// Adds anything that behaves like a node, with the addresses it listens on, and starts it.
    pub fn add<N, F>(&mut self, host: &str, listeners: Vec<SocketAddr>, build: F)
    where
        N: VirtualNode,
        F: Fn([u8; 32]) -> N + 'static,
    {
        let place = self.slots.len();
        self.place_at(host, listeners, None, build);
        self.start(place);
    }

    fn place_at<N, F>(
        &mut self,
        host: &str,
        listeners: Vec<SocketAddr>,
        settings: Option<NodeSettings>,
        build: F,
    ) where
        N: VirtualNode,
        F: Fn([u8; 32]) -> N + 'static,
    {
        let place = self.slots.len();
        for (address, id) in listeners.iter().zip(0_u8..) {
            self.addresses.insert(*address, (place, ListenerId(id)));
        }
        self.slots.push(Slot {
            name: host.split('.').next().unwrap_or(host).into(),
            host: host.into(),
            listeners,
            build: Box::new(move |seed| Box::new(build(seed))),
            node: None,
            life: 0,
            started: Mono::ZERO,
            gone: Gone::Silent,
            frozen: None,
            settings,
            disk: Disk::default(),
            held: Vec::new(),
            hss: None,
            log: Vec::new(),
            told: Vec::new(),
            timeouts_now: 0,
            due: None,
            sent: 0,
        });
    }

    fn start(&mut self, place: Place) {
        let (now, seed) = (self.now, self.seeds.seed());
        let Some(slot) = self.slots.get_mut(place) else { return };
        let mut node = (slot.build)(seed);
        slot.life += 1;
        slot.started = now;
        let (records, last) = (slot.disk.live(), slot.disk.synced());
        slot.node = None;
        self.recorder.trace(now, "start", (place, records.len()));
        node.restore(self.local(place), &records, last);
        if let Some(slot) = self.slots.get_mut(place) {
            slot.node = Some(node);
        }
        self.pump(place);
    }

    /// Ends a node's process at once: its memory, its connections and what it had not synced are lost. A node that is
    /// dead already only changes how it looks.
    pub fn crash(&mut self, name: &str, gone: Gone) {
        let Some(place) = self.place(name) else { return };
        let Some(slot) = self.slots.get_mut(place) else { return };
        (slot.gone, slot.frozen) = (gone, None);
        if slot.node.take().is_none() {
            return;
        }
        slot.due = None;
        slot.held.clear();
        let lost = slot.disk.lose_unsynced();
        self.recorder.counters.crashes += 1;
        self.recorder.counters.records_lost += u64::try_from(lost).unwrap_or(u64::MAX);
        self.recorder.trace(self.now, "crash", (place, lost));
        self.lose_hss_requests(place);
        self.end_connections(place, gone);
    }

    /// Starts a new process where one has died, from what is on its disk; nothing happens to one that lives.
    pub fn restart(&mut self, name: &str) {
        let Some(place) = self.place(name).filter(|place| !self.is_alive(*place)) else { return };
        self.recorder.counters.restarts += 1;
        self.start(place);
    }

    /// Stops a node's process where it is, as SIGSTOP does: it says nothing and forgets nothing, and its system goes on taking
    /// connections and what comes on them.
    pub fn freeze(&mut self, name: &str) {
        let place = self.place(name).filter(|place| self.is_alive(*place));
        if let Some(slot) = place.and_then(|place| self.slots.get_mut(place)) {
            slot.frozen.get_or_insert_default();
        }
    }

    /// Lets it go on: what came meanwhile comes now.
    pub fn thaw(&mut self, name: &str) {
        let slot = self.place(name).and_then(|place| self.slots.get_mut(place));
        let held = slot.and_then(|slot| slot.frozen.take()).unwrap_or_default();
        for event in held {
            self.after(Duration::ZERO, event);
        }
    }

    pub(crate) fn is_frozen(&self, place: Place) -> bool {
        self.slots.get(place).is_some_and(|slot| slot.frozen.is_some())
    }

    /// Sets the link between two nodes, both ways.
    pub fn set_link(&mut self, one: &str, other: &str, link: Link) {
        if let (Some(one), Some(other)) = (self.place(one), self.place(other)) {
            self.links.insert((one, other), link);
            self.links.insert((other, one), link);
        }
    }

    /// Lets nothing pass between two nodes. Connections between them hang until a write has waited too long.
    pub fn sever(&mut self, one: &str, other: &str) {
        if let (Some(one), Some(other)) = (self.place(one), self.place(other)) {
            self.severed.push((one, other));
        }
    }

    /// Lets everything pass again.
    pub fn heal(&mut self, one: &str, other: &str) {
        if let (Some(one), Some(other)) = (self.place(one), self.place(other)) {
            self.severed.retain(|pair| *pair != (one, other) && *pair != (other, one));
        }
    }

    /// Lets a test decide about each message that is sent.
    pub fn set_filter(&mut self, filter: impl FnMut(Passage<'_>) -> Fate + 'static) {
        self.filter = Some(Box::new(filter));
    }

    pub(crate) fn place(&self, name: &str) -> Option<Place> {
        self.slots.iter().position(|slot| *slot.name == *name || *slot.host == *name)
    }

    pub(crate) fn host(&self, place: Place) -> &str {
        self.slots.get(place).map_or("", |slot| &slot.host)
    }

    pub(crate) fn name(&self, place: Place) -> &str {
        self.slots.get(place).map_or("", |slot| &slot.name)
    }

    pub(crate) fn is_alive(&self, place: Place) -> bool {
        self.slots.get(place).is_some_and(|slot| slot.node.is_some())
    }

    pub(crate) fn process(&self, place: Place) -> ProcessId {
        ProcessId { place, life: self.slots.get(place).map_or(0, |slot| slot.life) }
    }

    pub(crate) fn still_lives(&self, process: ProcessId) -> bool {
        self.is_alive(process.place) && self.process(process.place) == process
    }

    pub(crate) fn link(&self, from: Place, to: Place) -> Link {
        self.links.get(&(from, to)).copied().unwrap_or(self.conditions.link)
    }

    pub(crate) fn is_severed(&self, one: Place, other: Place) -> bool {
        self.severed.iter().any(|pair| *pair == (one, other) || *pair == (other, one))
    }

    pub(crate) fn at(&mut self, when: Mono, event: Event) {
        self.next_event += 1;
        self.queue.insert((when, self.next_event), event);
    }

    pub(crate) fn after(&mut self, delay: Duration, event: Event) {
        self.at(self.now + delay, event);
    }

    /// Both clocks as a process reads them.
    pub(crate) fn local(&self, place: Place) -> Now {
        let started = self.slots.get(place).map_or(Mono::ZERO, |slot| slot.started);
        Now { mono: Mono::at(self.now.saturating_since(started)), ..self.now() }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("testnet: seed {}, at {:?}", self.seed, self.now.since_start());
        }
    }
}
