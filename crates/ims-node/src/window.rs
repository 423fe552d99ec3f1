//! How many requests of [`crate::Role::work`] are under way: requests that no input has asked for, such as the NOTIFYs of a change.
//!
//! A change that ten thousand watchers are told of would fill the sockets and connections of everybody on the way, and what is
//! lost there is sent again. So only [`WINDOW`] requests of such work, and about [`MAX_BYTES`] of them, are unanswered at a time, and
//! each answer makes room for one more. A request without an answer counts for T1: a crowd of watchers who are gone, or
//! a peer who does not read, delays the others by no more.

use clock::Mono;
use std::collections::VecDeque;
use std::time::Duration;

/// Unanswered requests of work; with so many under way the work waits.
pub(crate) const WINDOW: usize = 512;

/// Bytes of unanswered requests; with so many under way the work waits.
const MAX_BYTES: usize = 1024 * 1024;

/// Requests that a role may begin in one slice of work. Between two slices the node looks at what has come in.
pub(crate) const SLICE: usize = 64;

/// Number of a slice of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SliceId(u64);

/// The slices that count, oldest first.
#[derive(Debug)]
pub(crate) struct Window {
    /// After it a request that went by UDP is sent again (RFC 3261 section 17.1.2.2).
    t1: Duration,
    slices: VecDeque<Slice>,
    /// The number of the first slice in the list.
    first: u64,
    unanswered: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Slice {
    begun: Mono,
    unanswered: usize,
    /// Bytes of the unanswered requests, as if all requests of the slice had the same length.
    bytes: usize,
}

impl Window {
    pub(crate) const fn new(t1: Duration) -> Self {
        Self { t1, slices: VecDeque::new(), first: 0, unanswered: 0, bytes: 0 }
    }

    /// How many requests the next slice may begin.
    pub(crate) fn room(&mut self, now: Mono) -> usize {
        while let Some(slice) = self.slices.front()
            && (slice.unanswered == 0 || slice.begun + self.t1 <= now)
        {
            self.unanswered -= slice.unanswered;
            self.bytes -= slice.bytes;
            self.slices.pop_front();
            self.first += 1;
        }
        if self.is_full() { 0 } else { WINDOW.saturating_sub(self.unanswered).min(SLICE) }
    }

    /// Whether no more may begin.
    pub(crate) const fn is_full(&self) -> bool {
        self.unanswered >= WINDOW || self.bytes >= MAX_BYTES
    }

    /// When there is room, if no answer comes before.
    pub(crate) fn opens_at(&self) -> Mono {
        match self.slices.front() {
            Some(slice) if self.is_full() => slice.begun + self.t1,
            Some(_) | None => Mono::ZERO,
        }
    }

    /// A slice begins.
    pub(crate) fn begin(&mut self, now: Mono) -> SliceId {
        self.slices.push_back(Slice { begun: now, unanswered: 0, bytes: 0 });
        SliceId(self.first + self.slices.len() as u64 - 1)
    }

    /// A request of this slice, of so many bytes, is on its way.
    pub(crate) fn sent(&mut self, id: SliceId, bytes: usize) {
        if let Some(slice) = self.slice(id) {
            slice.unanswered += 1;
            slice.bytes += bytes;
            self.unanswered += 1;
            self.bytes += bytes;
        }
    }

    /// A request of this slice has ended.
    pub(crate) fn ended(&mut self, id: SliceId) {
        if let Some(slice) = self.slice(id)
            && let Some(bytes) = slice.bytes.checked_div(slice.unanswered)
        {
            slice.unanswered -= 1;
            slice.bytes -= bytes;
            self.unanswered -= 1;
            self.bytes -= bytes;
        }
    }

    /// The slice with this number; `None` if the slice no longer counts.
    fn slice(&mut self, SliceId(number): SliceId) -> Option<&mut Slice> {
        let at = number.checked_sub(self.first)?;
        self.slices.get_mut(usize::try_from(at).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Mono {
        Mono::at(Duration::from_millis(millis))
    }

    #[test]
    fn answers_make_room_and_so_does_time() {
        let mut window = Window::new(Duration::from_millis(500));
        let mut slices = Vec::new();
        for begun in 0..8 {
            assert_eq!((window.room(at(begun)), window.opens_at()), (SLICE, Mono::ZERO));
            let id = window.begin(at(begun));
            (0..SLICE).for_each(|_| window.sent(id, 1000));
            slices.push(id);
        }
        assert_eq!((window.room(at(8)), window.opens_at()), (0, at(500)));
        (0..10).for_each(|_| window.ended(slices[1]));
        assert_eq!((window.room(at(8)), window.opens_at()), (10, Mono::ZERO));
        assert_eq!(window.room(at(500)), SLICE, "the first slice counts no longer");
        window.ended(slices[0]);
        assert_eq!(window.unanswered, WINDOW - SLICE - 10, "its answers change nothing");
        assert_eq!((window.room(at(507)), window.unanswered), (SLICE, 0));
    }

    #[test]
    fn large_requests_fill_it_sooner() {
        let mut window = Window::new(Duration::from_millis(500));
        let id = window.begin(at(0));
        (0..32).for_each(|_| window.sent(id, MAX_BYTES / 32));
        assert_eq!((window.room(at(1)), window.opens_at()), (0, at(500)));
        window.ended(id);
        assert_eq!(window.room(at(1)), SLICE);
        assert_eq!((window.room(at(500)), window.bytes), (SLICE, 0));
    }

    #[test]
    fn a_slice_whose_requests_have_all_ended_takes_no_place() {
        let mut window = Window::new(Duration::from_millis(500));
        for _ in 0..1000 {
            let id = window.begin(at(1));
            window.sent(id, 1000);
            window.ended(id);
            assert_eq!(window.room(at(1)), SLICE);
        }
        assert!(window.slices.is_empty());
    }
}
