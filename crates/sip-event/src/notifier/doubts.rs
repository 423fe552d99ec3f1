//! Resources whose watchers have been told something that the journal does not know of.
//!
//! The journal learns a second late what a watcher has been told and has confirmed (`hints`). Suppose that the process dies within that
//! second, and that the change is taken back while no process runs. The next process then finds the very state that the journal calls
//! confirmed, and would send nothing, although the watcher has seen the change. So the journal holds the name of a resource from the first
//! NOTIFY of a change until the hints of all its watchers are written. After a restart every watcher of such a resource is sent a
//! NOTIFY, whatever the journal says that the watcher has confirmed.

use std::collections::HashMap;
use std::hash::Hash;

/// The resources, each with the number of its subscriptions of which the journal knows too little.
#[derive(Debug)]
pub(crate) struct Doubts<R> {
    counts: HashMap<R, usize>,
}

impl<R: Clone + Eq + Hash> Doubts<R> {
    pub(crate) fn new() -> Self {
        Self { counts: HashMap::new() }
    }

    /// Counts a subscription of the resource, and says whether it is the first.
    pub(crate) fn add(&mut self, resource: &R) -> bool {
        if let Some(count) = self.counts.get_mut(resource) {
            *count += 1;
            return false;
        }
        self.counts.insert(resource.clone(), 1);
        true
    }

    pub(crate) fn has(&self, resource: &R) -> bool {
        self.counts.contains_key(resource)
    }

    /// The journal knows all about a subscription of the resource that was counted. Says whether it was the last.
    pub(crate) fn remove(&mut self, resource: &R) -> bool {
        let Some(count) = self.counts.get_mut(resource) else { return false };
        *count -= 1;
        let is_last = *count == 0;
        if is_last {
            self.counts.remove(resource);
        }
        is_last
    }

    /// A resource has another name now. `None` if the resource is not in doubt; otherwise whether the new name was in doubt already.
    pub(crate) fn rename(&mut self, from: &R, to: &R) -> Option<bool> {
        let count = self.counts.remove(from)?;
        let total = self.counts.entry(to.clone()).or_default();
        let was_there = *total > 0;
        *total += count;
        Some(was_there)
    }
}
