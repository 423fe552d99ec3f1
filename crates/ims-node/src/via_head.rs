//! The Via of each of our ways out, up to its branch: made once, not for every request.

use crate::input::Flow;
use crate::settings::Listener;
use sip_message::Transport;

/// `SIP/2.0/UDP 192.0.2.1:5060;branch=` and the same with TCP, for each listener.
#[derive(Debug)]
pub(crate) struct ViaHeads(Box<[[Box<str>; 2]]>);

impl ViaHeads {
    pub(crate) fn new(listeners: &[Listener]) -> Self {
        let head = |listener: &Listener, transport: Transport| {
            format!("SIP/2.0/{transport} {};branch=", listener.address).into_boxed_str()
        };
        Self(listeners.iter().map(|own| [Transport::Udp, Transport::Tcp].map(|by| head(own, by))).collect())
    }

    /// For what is sent on this flow; `None` if there is no such listener.
    pub(crate) fn of(&self, flow: Flow) -> Option<&str> {
        let [udp, tcp] = self.0.get(usize::from(flow.listener.0))?;
        Some(match flow.transport {
            Transport::Udp => udp,
            Transport::Tcp => tcp,
        })
    }
}
