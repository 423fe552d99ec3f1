//! Equal values kept once.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

/// Values that many users of a node have in common, as a route or the filter criteria: each is kept once, for as long as
/// somebody has it.
#[derive(Debug)]
pub struct Pool<T: ?Sized> {
    held: HashSet<Arc<T>>,
    /// At so many values those that nobody has any more are dropped, which keeps the pool as small as what is in use.
    sweep_at: usize,
}

/// Fewer values are not worth sweeping.
const FEW: usize = 16;

impl<T: ?Sized> Default for Pool<T> {
    fn default() -> Self {
        Self { held: HashSet::new(), sweep_at: FEW }
    }
}

impl<T: Eq + Hash + ?Sized> Pool<T> {
    /// The one that is kept of those equal to this.
    pub fn share(&mut self, value: Arc<T>) -> Arc<T> {
        if let Some(held) = self.held.get(&value) {
            return held.clone();
        }
        if self.held.len() >= self.sweep_at {
            self.held.retain(|held| Arc::strong_count(held) > 1);
            self.held.shrink_to_fit();
            self.sweep_at = FEW.max(2 * self.held.len());
        }
        self.held.insert(value.clone());
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one() {
        let mut pool: Pool<str> = Pool::default();
        let first = pool.share("a".into());
        assert!(Arc::ptr_eq(&first, &pool.share("a".into())));
        assert!(!Arc::ptr_eq(&first, &pool.share("b".into())));
    }

    #[test]
    fn what_nobody_has_is_dropped() {
        let mut pool: Pool<str> = Pool::default();
        let kept: Vec<Arc<str>> = (0..10).map(|number| pool.share(format!("kept {number}").into())).collect();
        for number in 0..1000 {
            let _ = pool.share(format!("{number}").into());
            assert!(pool.held.len() <= 2 * FEW.max(kept.len()));
        }
        let again: Vec<Arc<str>> =
            (0..10).map(|number| pool.share(format!("kept {number}").into())).collect();
        assert!(kept.iter().zip(&again).all(|(kept, again)| Arc::ptr_eq(kept, again)));
    }
}
