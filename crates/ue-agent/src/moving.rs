//! Moving: another P-CSCF, a new connection, another S-CSCF (figures 6 and 7 after the watcher moved).
//!
//! The instance stays, and with it the public GRUU, so that the S-CSCF replaces the binding and NOTIFYs of old dialogs
//! still come. Subscriptions are then made anew along the new way; until the new dialog is active the old one counts,
//! from then on it is answered 481.

use crate::Fx;
use crate::agent::UeAgent;
use crate::registration::Input;
use crate::settings::Pcscf;
use clock::{Mono, Now};
use ims_node::Random;
use sip_message::Transport;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// Former P-CSCFs from which requests are still taken; of more the oldest is forgotten, and gets 403.
const MAX_FORMER: usize = 4;

/// By which way we are registered, and were before.
#[derive(Debug, Default)]
pub(crate) struct Way {
    /// What is registered next is another flow.
    is_other_flow: bool,
    /// The Service-Route of the latest registration: it names the S-CSCF.
    service_route: Option<Vec<Box<str>>>,
    /// The latest first.
    former: VecDeque<Former>,
    /// When subscriptions are made anew.
    anew_at: Option<Mono>,
}

/// A P-CSCF that we have left.
#[derive(Debug)]
struct Former {
    pcscf: Pcscf,
    /// Our connection to it is closed, if there was one.
    is_closed: bool,
}

/// A P-CSCF to register through from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextPcscf {
    pub(crate) address: SocketAddr,
    /// Without one it is spoken to as the one before.
    pub(crate) transport: Option<Transport>,
}

impl Way {
    pub(crate) const fn deadline(&self) -> Option<Mono> {
        self.anew_at
    }
}

impl UeAgent {
    /// Registers through this P-CSCF from now on.
    pub(crate) fn move_to(&mut self, now: Now, to: NextPcscf, fx: &mut Fx) {
        let NextPcscf { address, transport } = to;
        let next = Pcscf { address, transport: transport.unwrap_or(self.settings.pcscf.transport) };
        let last = std::mem::replace(&mut self.settings.pcscf, next);
        if last != next {
            self.way.former.retain(|former| former.pcscf != next);
            self.way.former.truncate(MAX_FORMER - 1);
            self.way.former.push_front(Former { pcscf: last, is_closed: false });
            self.way.is_other_flow = true;
        }
        self.registration.handle(now, &self.settings, Input::Moved, &mut fx.random);
    }

    /// The connection to our P-CSCF is gone.
    pub(crate) fn on_flow_gone(&mut self, now: Now, fx: &mut Fx) {
        self.way.is_other_flow |= self.registration.binding().is_some();
        self.registration.handle(now, &self.settings, Input::FlowClosed, &mut fx.random);
    }

    /// Whether this is the address of our P-CSCF, or of one that old dialogs lead through.
    pub(crate) fn is_pcscf(&self, address: SocketAddr) -> bool {
        let former = self.way.former.iter().map(|former| &former.pcscf);
        former.chain([&self.settings.pcscf]).any(|pcscf| pcscf.address.ip() == address.ip())
    }

    /// A dialog leads along the way by which it was made. Where that is another one now, subscriptions are made anew: at
    /// once or, so that many who moved together do not come back together, a while later.
    pub(crate) fn follow_the_way(&mut self, now: Now, random: &mut Random) {
        let Some(binding) = self.registration.binding() else { return };
        let last = self.way.service_route.replace(binding.service_route.clone());
        let is_other_scscf = last.is_some_and(|last| last != binding.service_route);
        if !std::mem::take(&mut self.way.is_other_flow) && !is_other_scscf {
            return;
        }
        self.reg.outlive();
        if self.settings.resubscribe_after.is_zero() {
            self.watch_anew(random);
        } else {
            self.way.anew_at = Some(now.mono + self.settings.resubscribe_after);
        }
    }

    pub(crate) fn anew_due(&mut self, now: Now, random: &mut Random) {
        if self.way.anew_at.take_if(|at| *at <= now.mono).is_some() {
            self.watch_anew(random);
        }
    }

    /// Closes the connections to former P-CSCFs once no dialog needs them, so that those forget us.
    pub(crate) fn leave_former_flows(&mut self, fx: &mut Fx) {
        let is_settled = self.registration.binding().is_some() && self.way.anew_at.is_none();
        if !is_settled || self.subscriptions.has_former() {
            return;
        }
        for former in self.way.former.iter_mut().filter(|former| !former.is_closed) {
            former.is_closed = true;
            fx.close(former.pcscf.flow());
        }
    }
}
