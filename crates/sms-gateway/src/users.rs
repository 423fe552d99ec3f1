//! The users of whom something is kept: what they have written and the presence server has not confirmed, and what it has of them.

use crate::number::Msisdn;
use crate::publication::Publication;
use crate::update::Accepted;
use clock::{Deadlines, Mono};
use std::collections::{HashMap, VecDeque};

/// Users of whom something is kept; an update of one more is not taken.
pub(crate) const MAX_USERS: usize = 200_000;
/// Updates of one user that wait; a further one is not taken.
pub(crate) const MAX_WAITING: usize = 8;

/// One user. At any time at most one thing is under way for it, so that its updates keep their order.
#[derive(Debug, Default)]
pub(crate) struct User {
    /// Updates with their numbers, the oldest first; that one is worked on.
    pub(crate) waiting: VecDeque<(u64, Accepted)>,
    pub(crate) publication: Option<Publication>,
    pub(crate) stage: Stage,
    /// Attempts in a row that came to nothing.
    pub(crate) failures: u32,
}

impl User {
    /// The gateway has finished the update of this number.
    pub(crate) fn finish(&mut self, update: u64) -> Option<Accepted> {
        let place = self.waiting.iter().position(|(waiting, _)| *waiting == update)?;
        let (_, accepted) = self.waiting.remove(place)?;
        if self.waiting.is_empty() {
            // Nearly all users have nothing waiting nearly always: the room for it would be a third of what is kept of them.
            self.waiting = VecDeque::new();
        }
        Some(accepted)
    }
}

/// What is under way for a user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing.
    #[default]
    Idle,
    /// The HSS is asked.
    Asking,
    /// A PUBLISH.
    Publishing,
    /// It has failed, and is done again later.
    Resting,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Users {
    by_number: HashMap<Msisdn, User>,
    deadlines: Deadlines<Msisdn>,
    updates: u64,
}

impl Users {
    /// Whether one more update of this user can be taken.
    pub(crate) fn has_room_for(&self, number: Msisdn) -> bool {
        match self.by_number.get(&number) {
            Some(user) => user.waiting.len() < MAX_WAITING,
            None => self.by_number.len() < MAX_USERS,
        }
    }

    /// Takes an update; its number.
    pub(crate) fn take(&mut self, update: Accepted) -> u64 {
        let number = self.updates + 1;
        self.restore_update(number, update);
        number
    }

    /// An update that was kept. They come in any order.
    pub(crate) fn restore_update(&mut self, number: u64, update: Accepted) {
        self.updates = self.updates.max(number);
        let waiting = &mut self.by_number.entry(update.from).or_default().waiting;
        let place = waiting.partition_point(|(other, _)| *other < number);
        waiting.insert(place, (number, update));
    }

    /// A publication that was kept.
    pub(crate) fn restore_publication(&mut self, number: Msisdn, publication: Publication) {
        self.by_number.entry(number).or_default().publication = Some(publication);
    }

    pub(crate) fn get_mut(&mut self, number: Msisdn) -> Option<&mut User> {
        self.by_number.get_mut(&number)
    }

    /// When something is to be done for this user; `None` if it is only waited for.
    pub(crate) fn wake(&mut self, number: Msisdn, at: Option<Mono>) {
        match at {
            Some(at) => self.deadlines.set(number, at),
            None => self.deadlines.cancel(&number),
        }
    }

    /// Nothing is kept of this user any more.
    pub(crate) fn remove(&mut self, number: Msisdn) {
        self.by_number.remove(&number);
        self.deadlines.cancel(&number);
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.deadlines.next()
    }

    /// A user for whom something is to be done.
    pub(crate) fn pop_due(&mut self, now: Mono) -> Option<Msisdn> {
        self.deadlines.pop_due(now)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Msisdn, &User)> {
        self.by_number.iter().map(|(number, user)| (*number, user))
    }

    pub(crate) fn len(&self) -> usize {
        self.by_number.len()
    }
}
