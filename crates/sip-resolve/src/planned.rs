//! What queries came to, for as long as the answers behind it live: most requests go where one has just gone.

use crate::query::Query;
use crate::select::Choice;
use clock::Mono;
use std::collections::HashMap;

/// Queries remembered; with one more all are forgotten, and each costs one walk over the kept answers.
const MAX_PLANNED: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct Planned(HashMap<Query, Kept>);

/// What one query came to.
#[derive(Debug)]
struct Kept {
    choices: Vec<Choice>,
    /// When the first of the answers behind the choices ends.
    until: Mono,
}

impl Planned {
    pub(crate) fn get(&self, now: Mono, query: &Query) -> Option<&[Choice]> {
        self.0.get(query).filter(|kept| now < kept.until).map(|kept| &*kept.choices)
    }

    /// Remembers `choices`; `until` the first of the answers behind them ends.
    pub(crate) fn insert(&mut self, query: &Query, choices: Vec<Choice>, until: Mono) {
        if self.0.len() >= MAX_PLANNED {
            self.0.clear();
        }
        self.0.insert(query.clone(), Kept { choices, until });
    }

    /// There is a new answer, which may change what any query comes to.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
