//! What a node counts: refusals and drops.

use crate::reason::Reason;
use std::collections::BTreeMap;

/// Refusals and drops, by the name of their reason. Reasons are the program's, so that there are not many.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    refused: BTreeMap<&'static str, u64>,
    dropped: BTreeMap<&'static str, u64>,
}

impl Counters {
    pub(crate) fn refused(&mut self, reason: impl Into<Reason>) {
        *self.refused.entry(reason.into().name).or_default() += 1;
    }

    pub(crate) fn dropped(&mut self, reason: impl Into<Reason>) {
        *self.dropped.entry(reason.into().name).or_default() += 1;
    }

    /// Each count, by `refused_` or `dropped_` and the name of the reason.
    pub(crate) fn by_name(&self) -> impl Iterator<Item = (String, u64)> {
        let of = |prefix: &'static str, counts: &'_ BTreeMap<&'static str, u64>| {
            counts.iter().map(|(name, count)| (format!("{prefix}_{name}"), *count)).collect::<Vec<_>>()
        };
        of("refused", &self.refused).into_iter().chain(of("dropped", &self.dropped))
    }
}
