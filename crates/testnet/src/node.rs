//! What can live in a world.

use bytes::Bytes;
use clock::{Mono, Now};
use ims_node::{AskId, Flow, Input, Node, Output, Record, Role, Seq};
use std::any::Any;

/// What a process wants done; the answer to an ask is of the type that its role answers.
pub type NodeOutput = Output<Box<dyn Any>>;

/// A process without its surroundings: the shape of `ims_node::Node`, its role hidden.
pub trait VirtualNode: Any {
    /// Goes on from what an earlier life left on disk; called once, first, also when there is nothing.
    fn restore(&mut self, now: Now, records: &[Record], last: Seq);

    /// Bytes have come: a datagram, or a message cut from a stream.
    fn receive(&mut self, now: Now, flow: Flow, bytes: Bytes);

    /// Something else happened.
    fn handle(&mut self, now: Now, input: Input);

    /// Its role is asked something, of the type that the role is asked; one that is asked nothing takes no notice.
    fn ask(&mut self, _now: Now, _ask: Box<dyn Any>) {}

    /// The next thing to do.
    fn poll_output(&mut self) -> Option<NodeOutput>;

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

    fn receive(&mut self, now: Now, flow: Flow, bytes: Bytes) {
        if self.hears(now, flow, &bytes) {
            Self::handle(self, now, Input::message(flow, bytes));
        }
    }

    fn handle(&mut self, now: Now, input: Input) {
        Self::handle(self, now, input.of_any());
    }

    fn ask(&mut self, now: Now, ask: Box<dyn Any>) {
        if let Ok(ask) = ask.downcast() {
            Self::handle(self, now, Input::Ask { id: AskId(0), ask: *ask });
        }
    }

    fn poll_output(&mut self) -> Option<NodeOutput> {
        Some(Self::poll_output(self)?.map_told(|told| Box::new(told) as Box<dyn Any>))
    }

    fn poll_timeout(&self) -> Option<Mono> {
        Self::poll_timeout(self)
    }

    fn is_idle(&self) -> bool {
        Self::is_idle(self)
    }
}
