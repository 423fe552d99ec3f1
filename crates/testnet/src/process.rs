//! A node's place in the world, and the process that lives there.

use crate::disk::Disk;
use crate::event::Event;
use crate::node::{NodeOutput, VirtualNode};
use clock::Mono;
use ims_node::{ListenerId, NodeSettings, Side, Silence};
use std::any::Any;
use std::net::SocketAddr;

/// Index of a node's place.
pub(crate) type Place = usize;

/// One life at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessId {
    pub(crate) place: Place,
    pub(crate) life: u64,
}

/// How a dead node looks to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// Its host lives and says that nobody listens: datagrams and connections are refused, open connections closed.
    Refusing,
    /// Its host is gone too: nothing answers.
    Silent,
}

/// A node that is running, stopped or dead; name, addresses and disk stay the same through all its lives.
pub(crate) struct Slot {
    pub(crate) name: Box<str>,
    /// The name in its own URIs, by which its HSS knows it.
    pub(crate) host: Box<str>,
    pub(crate) listeners: Vec<SocketAddr>,
    pub(crate) build: Box<dyn Fn([u8; 32]) -> Box<dyn VirtualNode>>,
    pub(crate) node: Option<Box<dyn VirtualNode>>,
    pub(crate) life: u64,
    pub(crate) started: Mono,
    pub(crate) gone: Gone,
    /// While it is stopped where it is: what comes for it meanwhile.
    pub(crate) frozen: Option<Vec<Event>>,
    /// What it knows of its neighbours, where it is a node.
    pub(crate) settings: Option<NodeSettings>,
    pub(crate) disk: Disk,
    pub(crate) held: Vec<NodeOutput>,
    pub(crate) hss: Option<usize>,
    pub(crate) log: Vec<(Mono, ims_node::Event)>,
    /// Answers to asks that nobody has taken.
    pub(crate) told: Vec<Box<dyn Any>>,
    pub(crate) timeouts_now: u32,
    /// When the node wants [`ims_node::Input::Timeout`], by the world's clock.
    pub(crate) due: Option<Mono>,
    /// Messages it has sent in all its lives.
    pub(crate) sent: u64,
}

impl Slot {
    pub(crate) fn listener(&self, id: ListenerId) -> Option<SocketAddr> {
        self.listeners.get(usize::from(id.0)).copied()
    }

    /// What the runtime has at its end of a connection to this address.
    pub(crate) fn silence(&self, id: ListenerId, remote: SocketAddr) -> Option<Silence> {
        let settings = self.settings.as_ref()?;
        match settings.side(id) {
            Side::Network => {
                Some(Silence::new(settings.acquaintance(remote.ip()), settings.timers.timer_f()))
            }
            Side::Ue => None,
        }
    }

    /// Asks the node once more when it wants [`ims_node::Input::Timeout`].
    pub(crate) fn note_deadline(&mut self) {
        let deadline = self.node.as_ref().and_then(|node| node.poll_timeout());
        self.due = deadline.map(|deadline| self.started + deadline.since_start());
    }

    /// The outputs that a sync has set free, in the order in which they were wanted.
    pub(crate) fn release(&mut self) -> Vec<NodeOutput> {
        let synced = self.disk.synced();
        let (free, held) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|output: &NodeOutput| output.after().is_none_or(|after| after <= synced));
        self.held = held;
        free
    }
}
