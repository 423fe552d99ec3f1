//! A user agent in a phone that moves from one access to another.

use bytes::Bytes;
use clock::{Mono, Now};
use ims_node::{Flow, Input, Node, Output, Record, Seq, Transmit};
use std::any::Any;
use std::net::SocketAddr;
use testnet::{NodeOutput, VirtualNode};
use ue_agent::{Report, UeAgent};

/// A user agent that knows one P-CSCF by its address, and behind that address the one that serves where it is now.
/// What an earlier P-CSCF still sends does not reach it.
pub(crate) struct Roamer {
    agent: Node<UeAgent>,
    /// The address that the agent was given.
    known: SocketAddr,
    /// The P-CSCF where it is.
    here: SocketAddr,
}

impl Roamer {
    pub(crate) fn new(agent: Node<UeAgent>, pcscf: SocketAddr) -> Self {
        Self { agent, known: pcscf, here: pcscf }
    }

    /// Everything goes through this P-CSCF from now on.
    pub(crate) fn move_to(&mut self, pcscf: SocketAddr) {
        self.here = pcscf;
    }

    pub(crate) fn reports(&mut self) -> Vec<Report> {
        let (role, _) = self.agent.role_mut();
        std::iter::from_fn(|| role.poll_report()).collect()
    }

    fn as_known(&self, flow: Flow) -> Flow {
        Flow { remote: self.known, ..flow }
    }
}

impl VirtualNode for Roamer {
    fn restore(&mut self, now: Now, records: &[Record], last: Seq) {
        self.agent.restore(now, records, last);
    }

    fn receive(&mut self, now: Now, flow: Flow, bytes: Bytes) {
        if flow.remote == self.here {
            let flow = self.as_known(flow);
            self.agent.receive(now, flow, bytes);
        }
    }

    fn handle(&mut self, now: Now, input: Input) {
        let input = match input {
            Input::SendFailed { flow, loss } => Input::SendFailed { flow: self.as_known(flow), loss },
            Input::Closed { flow, loss } => Input::Closed { flow: self.as_known(flow), loss },
            other => other,
        };
        self.agent.handle(now, input.of_any());
    }

    fn ask(&mut self, now: Now, ask: Box<dyn Any>) {
        VirtualNode::ask(&mut self.agent, now, ask);
    }

    fn poll_output(&mut self) -> Option<NodeOutput> {
        Some(match VirtualNode::poll_output(&mut self.agent)? {
            Output::Transmit(transmit) => {
                let flow = Flow { remote: self.here, ..transmit.flow };
                Output::Transmit(Transmit { flow, ..transmit })
            }
            other => other,
        })
    }

    fn poll_timeout(&self) -> Option<Mono> {
        self.agent.poll_timeout()
    }

    fn is_idle(&self) -> bool {
        self.agent.is_idle()
    }
}
