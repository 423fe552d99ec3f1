//! What a test does with the nodes of a world, and what it sees of them.

use crate::node::VirtualNode;
use crate::recorder::Counters;
use crate::world::World;
use clock::{Mono, Now};
use figure::{Recorded, Recording};
use ims_node::{Input, Role};
use std::any::Any;

impl World {
    /// Hands an input to a node: a full journal, a drain. A dead node does not notice.
    pub fn input(&mut self, name: &str, input: Input) {
        if let Some(place) = self.place(name) {
            self.handle(place, input);
        }
    }

    /// Asks the role of a node something and returns the answer; `None` from a node that is dead, has another role or did not answer at
    /// once.
    pub fn ask<R: Role>(&mut self, name: &str, ask: R::Ask) -> Option<R::Told> {
        let place = self.place(name)?;
        let now = self.local(place);
        let slot = self.slots.get_mut(place)?;
        slot.told.clear();
        slot.node.as_mut()?.ask(now, Box::new(ask));
        self.pump(place);
        let told = self.slots.get_mut(place)?.told.pop()?;
        told.downcast().ok().map(|told| *told)
    }

    /// What the role of a node has answered by itself since it was asked last: to asks that it did not answer at once.
    pub fn told<R: Role>(&mut self, name: &str) -> Vec<R::Told> {
        let slot = self.place(name).and_then(|place| self.slots.get_mut(place));
        let told = slot.map(|slot| std::mem::take(&mut slot.told)).unwrap_or_default();
        told.into_iter().filter_map(|told| told.downcast().ok().map(|told| *told)).collect()
    }

    /// The process of this name, if it lives and is an `N`.
    #[must_use]
    pub fn node<N: VirtualNode>(&self, name: &str) -> Option<&N> {
        let slot = self.slots.get(self.place(name)?)?;
        let node: &dyn Any = slot.node.as_deref()?;
        node.downcast_ref()
    }

    /// Does something with a process that is no input, and then what the process wants done because of it. The time
    /// handed in is the process's own.
    pub fn with<N: VirtualNode, T>(&mut self, name: &str, f: impl FnOnce(&mut N, Now) -> T) -> Option<T> {
        let place = self.place(name)?;
        let now = self.local(place);
        let node: &mut dyn Any = self.slots.get_mut(place)?.node.as_deref_mut()?;
        let result = f(node.downcast_mut()?, now);
        self.handle(place, Input::Timeout);
        Some(result)
    }

    /// What a node has logged in all its lives, with the world's time.
    #[must_use]
    pub fn log(&self, name: &str) -> &[(Mono, ims_node::Event)] {
        self.place(name).and_then(|place| self.slots.get(place)).map_or(&[], |slot| &slot.log)
    }

    /// Whether a node's process lives.
    #[must_use]
    pub fn lives(&self, name: &str) -> bool {
        self.place(name).is_some_and(|place| self.is_alive(place))
    }

    /// How many live records are on a node's disk.
    #[must_use]
    pub fn records_on_disk(&self, name: &str) -> usize {
        self.place(name).and_then(|place| self.slots.get(place)).map_or(0, |slot| slot.disk.live().len())
    }

    /// Everything that was sent so far.
    #[must_use]
    pub fn recording(&self) -> Recording {
        Recording::new(self.recorder.messages.clone())
    }

    /// The same, to look into while more is sent.
    #[must_use]
    pub fn messages(&self) -> &[Recorded] {
        &self.recorder.messages
    }

    /// How many messages a node has sent in all its lives.
    #[must_use]
    pub fn sent_by(&self, name: &str) -> u64 {
        self.place(name).and_then(|place| self.slots.get(place)).map_or(0, |slot| slot.sent)
    }

    /// Forgets what was recorded; for long runs.
    pub fn clear_recording(&mut self) {
        self.recorder.messages.clear();
    }

    /// How often things happened.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.recorder.counters
    }

    /// A number that two runs share only if the same things happened in them at the same times.
    #[must_use]
    pub fn trace_hash(&self) -> u64 {
        self.recorder.trace_hash()
    }
}
