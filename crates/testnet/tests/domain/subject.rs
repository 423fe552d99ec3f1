//! A network node under test, with or without something wrong with it.

use super::fault::{Fault, Spoilt};
use bytes::Bytes;
use clock::{Mono, Now};
use ims_node::{Flow, Input, Node, Record, Role, Seq};
use std::any::Any;
use testnet::{NodeOutput, VirtualNode};

/// A node as it is, or with a fault put in around it: what it is given, says and keeps passes through the fault.
pub(crate) struct Subject<R: Role> {
    node: Node<R>,
    now: Now,
    spoilt: Option<Spoilt>,
}

impl<R: Role> Subject<R> {
    pub(crate) fn new(node: Node<R>, fault: Option<Fault>) -> Self {
        Self { node, now: Now::ZERO, spoilt: fault.map(Spoilt::new) }
    }

    pub(crate) const fn node(&self) -> &Node<R> {
        &self.node
    }
}

impl<R: Role + 'static> VirtualNode for Subject<R> {
    fn restore(&mut self, now: Now, records: &[Record], last: Seq) {
        self.now = now;
        if let Some(spoilt) = &mut self.spoilt {
            spoilt.restored(records);
        }
        self.node.restore(now, records, last);
    }

    fn receive(&mut self, now: Now, flow: Flow, bytes: Bytes) {
        self.now = now;
        self.node.receive(now, flow, bytes);
    }

    fn handle(&mut self, now: Now, input: Input) {
        self.now = now;
        VirtualNode::handle(&mut self.node, now, input);
    }

    fn ask(&mut self, now: Now, ask: Box<dyn Any>) {
        self.now = now;
        VirtualNode::ask(&mut self.node, now, ask);
    }

    fn poll_output(&mut self) -> Option<NodeOutput> {
        let Some(spoilt) = &mut self.spoilt else { return VirtualNode::poll_output(&mut self.node) };
        loop {
            while let Some(input) = spoilt.input() {
                VirtualNode::handle(&mut self.node, self.now, input);
            }
            let output = spoilt.output(VirtualNode::poll_output(&mut self.node)?);
            if output.is_some() {
                return output;
            }
        }
    }

    fn poll_timeout(&self) -> Option<Mono> {
        let at = self.node.poll_timeout();
        match &self.spoilt {
            Some(spoilt) => spoilt.timeout(self.now, at),
            None => at,
        }
    }

    fn is_idle(&self) -> bool {
        self.node.is_idle()
    }
}
