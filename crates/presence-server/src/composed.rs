//! Composites that were made lately: a presentity with many watchers is composed once, not once for each.

use crate::view::Views;
use clock::Wall;
use std::collections::HashMap;

/// Presentities whose composite is kept; of one more the one unused longest goes.
const MAX_KEPT: usize = 256;
/// Octets of their documents and of what is shown of them, together; as a tree a document takes about ten times as much.
const MAX_OCTETS: usize = 2 * 1024 * 1024;

/// The composites.
#[derive(Debug, Default)]
pub(crate) struct Composed {
    kept: HashMap<Box<str>, Kept>,
    octets: usize,
    uses: u64,
}

#[derive(Debug)]
struct Kept {
    views: Views,
    last_used: u64,
}

impl Composed {
    /// The views of this stamp, if they were kept and hold.
    pub(crate) fn get(&mut self, presentity: &str, stamp: u64, wall: Wall) -> Option<Views> {
        self.uses += 1;
        let kept = self.kept.get_mut(presentity).filter(|kept| kept.views.hold(stamp, wall))?;
        kept.last_used = self.uses;
        Some(kept.views.clone())
    }

    /// Keeps views, with all that has been made of them so far.
    pub(crate) fn keep(&mut self, presentity: &str, views: &Views) {
        self.uses += 1;
        let last_used = self.uses;
        self.octets += views.octets();
        let before = self.kept.insert(presentity.into(), Kept { views: views.clone(), last_used });
        self.octets -= before.map_or(0, |before| before.views.octets());
        while self.kept.len() > MAX_KEPT || self.octets > MAX_OCTETS {
            let oldest =
                self.kept.iter().min_by_key(|(_, kept)| kept.last_used).map(|(name, _)| name.clone());
            let Some(gone) = oldest.and_then(|oldest| self.kept.remove(&oldest)) else { return };
            self.octets -= gone.views.octets();
        }
    }
}
