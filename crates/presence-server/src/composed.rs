//! Composites that were made recently: a presentity with many watchers is composed once, not once for each.

use crate::presentity::Presentity;
use crate::view::Views;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Presentities whose composite is kept; of one more the one unused longest goes.
const MAX_KEPT: usize = 256;
/// Octets of their documents and of what is shown of them, together; as a tree a document takes about ten times as much.
const MAX_OCTETS: usize = 2 * 1024 * 1024;

/// The composites.
#[derive(Debug, Default)]
pub(crate) struct Composed {
    kept: HashMap<Presentity, Kept>,
    /// What is counted of them.
    octets: usize,
    uses: u64,
}

#[derive(Debug)]
struct Kept {
    views: Views,
    last_used: u64,
    /// Octets that are counted of it; it may have grown since.
    counted: usize,
}

impl Composed {
    /// The views of a presentity: those that are kept, if they hold, or new ones.
    pub(crate) fn get(
        &mut self,
        presentity: &Presentity,
        holds: impl FnOnce(&Views) -> bool,
        make: impl FnOnce() -> Views,
    ) -> &mut Views {
        self.make_room();
        self.uses += 1;
        let kept = match self.kept.entry(presentity.clone()) {
            Entry::Occupied(entry) => {
                let kept = entry.into_mut();
                if !holds(&kept.views) {
                    kept.views = make();
                }
                kept
            }
            Entry::Vacant(entry) => entry.insert(Kept { views: make(), last_used: 0, counted: 0 }),
        };
        kept.last_used = self.uses;
        let octets = kept.views.octets();
        self.octets = self.octets - std::mem::replace(&mut kept.counted, octets) + octets;
        &mut kept.views
    }

    /// What is kept of a presentity, whether it holds or not.
    pub(crate) fn peek(&self, presentity: &str) -> Option<&Views> {
        self.kept.get(presentity).map(|kept| &kept.views)
    }

    /// Something has changed about this presentity.
    pub(crate) fn forget(&mut self, presentity: &str) {
        if let Some(gone) = self.kept.remove(presentity) {
            self.octets -= gone.counted;
        }
    }

    fn make_room(&mut self) {
        while self.kept.len() > MAX_KEPT || self.octets > MAX_OCTETS {
            let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.last_used);
            let Some(oldest) = oldest.map(|(name, _)| name.clone()) else { return };
            self.forget(&oldest);
        }
    }
}
