//! Whether the node keeps up with what comes in.

use clock::Mono;
use std::time::Duration;

/// The node is told again when it has fallen behind by so much more.
const STEP: Duration = Duration::from_millis(100);

/// Since when a node has not seen the end of what its sockets have for it.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    datagrams: Option<Mono>,
    streams: Option<Mono>,
    told: Duration,
}

/// Where messages come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Datagrams,
    Streams,
}

/// What a look at one source of messages showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing is left.
    End,
    /// As much as is taken at once was there; there may be more.
    More,
}

impl Backlog {
    /// Whether the end of what is there to read has not been seen.
    pub(super) const fn is_there(&self) -> bool {
        self.datagrams.is_some() || self.streams.is_some()
    }

    /// Takes a look into account; what the node is to be told, if that is something new.
    pub(super) fn after(&mut self, now: Mono, source: Source, look: Look) -> Option<Duration> {
        let since = match source {
            Source::Datagrams => &mut self.datagrams,
            Source::Streams => &mut self.streams,
        };
        *since = match look {
            Look::End => None,
            Look::More => since.or(Some(now)),
        };
        let first = [self.datagrams, self.streams].into_iter().flatten().min();
        let behind = first.map_or(Duration::ZERO, |since| now.saturating_since(since));
        let is_news = behind >= self.told + STEP || behind < self.told;
        is_news.then(|| {
            self.told = behind;
            behind
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_is_told_in_steps_and_when_it_is_over() {
        use Source::{Datagrams, Streams};
        let course = [
            (0, Datagrams, Look::End, None),
            (1, Datagrams, Look::More, None),
            (99, Datagrams, Look::More, None),
            (101, Datagrams, Look::More, Some(100)),
            (150, Datagrams, Look::More, None),
            (700, Datagrams, Look::More, Some(699)),
            (701, Datagrams, Look::End, Some(0)),
            (702, Datagrams, Look::End, None),
            (703, Datagrams, Look::More, None),
            (802, Datagrams, Look::More, None),
            (803, Datagrams, Look::More, Some(100)),
            (804, Streams, Look::More, None),
            (805, Datagrams, Look::End, Some(1)),
            (1004, Streams, Look::More, Some(200)),
            (1005, Streams, Look::End, Some(0)),
        ];
        let mut backlog = Backlog::default();
        for (time, source, look, expected) in course {
            let told = backlog.after(Mono::at(Duration::from_millis(time)), source, look);
            assert_eq!(told, expected.map(Duration::from_millis), "at {time}");
        }
    }
}
