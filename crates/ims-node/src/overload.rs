//! What a node leaves out when it has more to do than it can: new requests first, then what belongs to something that is
//! there already, NOTIFY only when there is no room at all. Responses are never left out: they end work.
//!
//! Whoever asks for little is served all the same while the node is only behind and has room ([`crate::shares`]), so that one
//! source of requests does not starve the others.
//!
//! How hard-pressed it is follows from how full its tables are and from how long it has not seen the end of what came in
//! ([`crate::Input::Behind`]). It is let up step by step, so that it does not flap.

use crate::pressure::{Class, Pressure};
use clock::Mono;
use std::time::Duration;

/// Shares of a table's bound, in percent, from which on the pressure is high and extreme.
pub(crate) const FULL: [usize; 2] = [75, 90];

/// Times without an end of what comes in from which on it is high and extreme. From T1 on, clients repeat what has not been
/// read yet.
const BEHIND: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// The pressure goes down only when the fullest table holds so many percent less than what made it rise: a table at the very
/// mark would otherwise change it with every request.
const SLACK: usize = 10;

/// How long the node must have been less hard-pressed before the pressure goes down by one step.
pub(crate) const CALM: Duration = Duration::from_secs(1);

/// How hard-pressed a node is, and what it has shed.
#[derive(Debug, Default)]
pub(crate) struct Overload {
    pressure: Pressure,
    /// When the present pressure was last called for.
    called_for: Mono,
    /// Since when there has been any.
    since: Mono,
    behind: Duration,
    shed: [u64; 3],
}

impl Overload {
    pub(crate) const fn pressure(&self) -> Pressure {
        self.pressure
    }

    pub(crate) const fn tell_behind(&mut self, behind: Duration) {
        self.behind = behind;
    }

    /// Looks at the state of affairs; `Some` when the pressure has changed. `full` is the share of its bound that the
    /// fullest table holds, in percent.
    pub(crate) fn assess(&mut self, now: Mono, full: usize) -> Option<Pressure> {
        let before = self.pressure;
        let risen = step(full, self.behind);
        if risen > before {
            self.pressure = risen;
            if before == Pressure::None {
                self.since = now;
            }
        }
        if risen >= before || step(full + SLACK, self.behind) >= before {
            self.called_for = now;
        } else if now >= self.called_for + CALM {
            self.pressure = if before == Pressure::Extreme { Pressure::High } else { Pressure::None };
            self.called_for = now;
        }
        Some(self.pressure).filter(|pressure| *pressure != before)
    }

    /// How long there has been pressure without a break.
    pub(crate) fn lasted(&self, now: Mono) -> Duration {
        if self.pressure == Pressure::None { Duration::ZERO } else { now.saturating_since(self.since) }
    }

    /// When to look again if nothing happens.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        (self.pressure > Pressure::None).then(|| self.called_for + CALM)
    }

    pub(crate) fn count(&mut self, class: Class) {
        if let Some(count) = self.shed.get_mut(class.index()) {
            *count += 1;
        }
    }

    /// What was shed, by class.
    pub(crate) const fn shed(&self) -> [(&'static str, u64); 3] {
        let [new, known, notify] = self.shed;
        [("shed_new", new), ("shed_known", known), ("shed_notify", notify)]
    }
}

fn step(full: usize, behind: Duration) -> Pressure {
    let [high, extreme] = [0, 1].map(|at| {
        FULL.get(at).is_some_and(|share| full >= *share) || BEHIND.get(at).is_some_and(|time| behind >= *time)
    });
    match (high, extreme) {
        (_, true) => Pressure::Extreme,
        (true, false) => Pressure::High,
        (false, false) => Pressure::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono::at(Duration::from_millis(ms))
    }

    #[test]
    fn the_pressure_rises_at_once_and_falls_step_by_step() {
        let ms = Duration::from_millis;
        // When, how full, how far behind; what it changes to.
        let course: [(u64, usize, u64, Option<Pressure>); 16] = [
            (0, 74, 499, None),
            (1, 75, 0, Some(Pressure::High)),
            (2, 75, 0, None),
            (500, 66, 0, None),  // within the slack
            (1499, 64, 0, None), // below it, but not for long enough
            (1500, 64, 0, Some(Pressure::None)),
            (1501, 64, 0, None),
            (2000, 0, 2000, Some(Pressure::Extreme)),
            (2001, 0, 0, None),
            (2999, 0, 0, None),
            (3000, 0, 0, Some(Pressure::High)),
            (3999, 0, 500, None), // called for again
            (4998, 0, 0, None),
            (4999, 0, 0, Some(Pressure::None)),
            (5000, 90, 0, Some(Pressure::Extreme)),
            (60_000, 0, 0, Some(Pressure::High)), // nothing came for long
        ];
        let mut overload = Overload::default();
        for (time, full, behind, expected) in course {
            overload.tell_behind(ms(behind));
            assert_eq!(overload.assess(at(time), full), expected, "at {time}");
        }
    }

    #[test]
    fn it_looks_again_for_as_long_as_it_sheds() {
        let mut overload = Overload::default();
        assert_eq!(overload.deadline(), None);
        overload.assess(at(0), 100);
        let mut steps = Vec::new();
        while let Some(at) = overload.deadline() {
            steps.extend(overload.assess(at, 0));
        }
        assert_eq!(steps, [Pressure::High, Pressure::None]);
    }
}
