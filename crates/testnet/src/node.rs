//! What can live in a world.

use clock::{Mono, Now};
use ims_node::{Input, Node, Output, Record, Role, Seq};
use std::any::Any;

/// A process without its surroundings: the shape of `ims_node::Node`, its role hidden.
pub trait VirtualNode: Any {
    /// Goes on from what an earlier life left on disk; called once, first, also when there is nothing.
    fn restore(&mut self, now: Now, records: &[Record], last: Seq);

    /// One thing happened.
    fn handle(&mut self, now: Now, input: Input);

    /// The next thing to do.
    fn poll_output(&mut self) -> Option<Output>;

    /// When to hand in [`Input::Timeout`] if nothing else happens.
    fn poll_timeout(&self) -> Option<Mono>;

    /// Whether it waits for no answer.
    fn is_idle(&self) -> bool;
}

impl<R> VirtualNode for Node<R>
where
    R: Role + 'static,
{
    fn restore(&mut self, now: Now, records: &[Record], last: Seq) {
        Self::restore(self, now, records, last);
    }

    fn handle(&mut self, now: Now, input: Input) {
        Self::handle(self, now, input);
    }

    fn poll_output(&mut self) -> Option<Output> {
        Self::poll_output(self)
    }

    fn poll_timeout(&self) -> Option<Mono> {
        Self::poll_timeout(self)
    }

    fn is_idle(&self) -> bool {
        Self::is_idle(self)
    }
}
