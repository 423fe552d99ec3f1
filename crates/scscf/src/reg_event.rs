//! The `reg` event package (RFC 3680, TS 24.229 section 5.4.2.1): who is told where a user is registered.
//!
//! The S-CSCF is its own notifier here. A phone, its P-CSCF and the application servers of the user's filter criteria may
//! watch; each NOTIFY holds the whole state, and what has ended since the watcher last confirmed one. Bindings are
//! refreshed without a NOTIFY: that changes nothing for anybody but the registrar.
//!
//! * SUBSCRIBE: `subscribe`.
//! * Bindings changed, or all are gone: `announce`.
//! * What the notifier sees of the registrar: `package`; what stands in a NOTIFY: `document`.
//! * Subscriptions in journals of earlier versions: `earlier`.

mod announce;
mod document;
mod earlier;
mod package;
mod subscribe;

pub(crate) use earlier::Earlier;
pub(crate) use package::{Reg, RegView};

use crate::settings::ScscfSettings;
use crate::{Fx, Own, Scscf};
use clock::Now;
use ims_node::{Outcome, notifier};
use minicbor::{Decode, Encode};
use sip_event::{Limits, Notified, Notifier, NotifierBounds, NotifierSettings, NotifyPolicy, Updates};

/// Subscriptions in all, and users who are watched; above it SUBSCRIBE gets 500.
const MAX_WATCHES: usize = 400_000;

/// Subscriptions to one user: each of its phones, their P-CSCFs, the application servers. Above it an earlier one of the same
/// watcher at the same address gives way; without one SUBSCRIBE gets 500: 480 would say that the user is not registered, and 503 make the P-CSCF avoid us for everybody.
const MAX_PER_USER: usize = 40;

/// How contacts that are bound no more came to their end (RFC 3680 section 4.7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum Ending {
    /// Nobody refreshed them.
    #[n(0)]
    Expired,
    /// The user, or another REGISTER of the same phone, took them back.
    #[n(1)]
    Unregistered,
    /// By the network; the phone is to register again.
    #[n(2)]
    Deactivated,
    /// By the network; the phone is to register again, but later.
    #[n(3)]
    Probation,
    /// By the network; the phone is not to register again.
    #[n(4)]
    Rejected,
}

impl ScscfSettings {
    /// What the notifier is told. NOTIFYs go along the dialog, as every change comes; RFC 3680 section 4.10 asks for no more than one in
    /// 5 seconds, which one NOTIFY at a time and the rarity of changes keep to but for a user who begins anew at once. A
    /// subscription lasts as long as a registration: a watcher asks for more than that, and the end of the registration ends the
    /// subscription.
    pub(crate) const fn notifier(&self) -> NotifierSettings {
        let max_s = self.max_expires_s;
        NotifierSettings {
            policy: NotifyPolicy { timer_n: self.timer_f, ..NotifyPolicy::usual(Updates::Dialog) },
            limits: Limits { default_s: max_s, min_s: self.min_expires_s, max_s },
            bounds: NotifierBounds {
                subscriptions: MAX_WATCHES,
                resources: MAX_WATCHES,
                per_resource: MAX_PER_USER,
                // A P-CSCF watches every user whom it serves.
                per_watcher: MAX_WATCHES,
            },
            // Its NOTIFYs are rare, and a P-CSCF that was started anew watches all its users anew.
            asks_forerunners: true,
        }
    }
}

impl Scscf {
    /// The notifier, and what it sees of everything else.
    fn reg(&mut self) -> (&mut Notifier<Reg>, RegView<'_>) {
        (&mut self.reg, RegView { users: &self.users, settings: &self.settings })
    }

    /// Does what the notifier wants done.
    fn carry_out(&mut self, fx: &mut Fx) {
        notifier::carry_out(&mut self.reg, fx, Own::RegNotify);
    }

    /// A NOTIFY has ended (rule SUB-N-15).
    pub(crate) fn on_reg_notified(&mut self, now: Now, notified: Notified, outcome: &Outcome, fx: &mut Fx) {
        let (reg, mut view) = self.reg();
        reg.on_notified(now, notified, outcome.into(), &mut view);
        self.carry_out(fx);
    }

    pub(crate) fn on_reg_due(&mut self, now: Now, fx: &mut Fx) {
        let (reg, mut view) = self.reg();
        reg.on_deadline(now, &mut view);
        self.carry_out(fx);
    }

    /// The next watchers are told of what has changed.
    pub(crate) fn tell_watchers(&mut self, now: Now, room: usize, fx: &mut Fx) {
        let (reg, mut view) = self.reg();
        reg.work(now, room, &mut view);
        self.carry_out(fx);
    }
}
