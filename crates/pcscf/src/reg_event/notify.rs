//! NOTIFYs of the `reg` package: contacts that the S-CSCF has ended are believed no more.

use crate::bindings::{Binding, RegisterId};
use crate::cause::Cause;
use crate::leaving::EndedBy;
use crate::{Fx, Pcscf, Waiting};
use clock::Now;
use cx_protocol::Impu;
use ims_node::{Decision, Flow, InboundRequest, Refusal};
use presence_document::{ContactEvent, ContactState, RegContact, RegInfo, RegState};
use sip_event::{BadEvent, BadNotify, DialogError};
use sip_message::{Method, StatusCode, Uri};

impl Pcscf {
    /// Whether the dialog ends here: a NOTIFY to our own Contact.
    pub(crate) fn is_for_us(&self, request: &InboundRequest) -> bool {
        let uri = request.request_uri();
        *request.method() == Method::Notify
            && request.next_route().is_none()
            && uri.user().is_none()
            && uri.is_host(&self.settings.name)
            && !request.own_routes().iter().any(|route| Self::token_of(route).is_some())
    }

    pub(crate) fn on_reg_notify(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Fx,
    ) -> Decision<Waiting> {
        if !request.source().is_trusted() {
            return Refusal::outsider().into();
        }
        let message = request.message();
        let user = match self.reg.notify(now, message) {
            Ok(user) => user,
            Err(bad) => return refusal(bad).into(),
        };
        // A document that cannot be read ends nothing, for the registrar is not to be believed less for it.
        match RegInfo::parse(&message.body()) {
            Ok(info) => self.apply(now, &user, &info, fx),
            Err(_) => fx.log("registration information that cannot be read", message.call_id()),
        }
        self.carry_out_reg(now, fx);
        Decision::Reply(fx.response(request, StatusCode::OK))
    }

    /// Only what the document says has ended: a contact that it does not name may be newer than the document.
    fn apply(&mut self, now: Now, user: &Impu, info: &RegInfo, fx: &mut Fx) {
        for registration in &info.registrations {
            let Ok(aor) = Impu::new(&registration.aor) else { continue };
            if registration.state == RegState::Terminated && registration.contacts.is_empty() {
                self.release_user(now, &aor, user, fx);
            }
            let ended: Vec<&RegContact> = registration
                .contacts
                .iter()
                .filter(|contact| contact.state == ContactState::Terminated)
                .collect();
            let known = self.bindings.of_user(&aor, user);
            let over: Vec<(Flow, ContactEvent)> =
                known.filter_map(|binding| Some((binding.flow, end_of(binding, &ended)?))).collect();
            for (flow, event) in over {
                fx.log("registration ended by the network", event.as_str());
                self.release(now, flow, &aor, self.ended_by(now, flow, event), fx);
            }
        }
    }
}

impl Pcscf {
    /// The 200 to a REGISTER by which the phone leaves may come after the NOTIFY.
    fn ended_by(&self, now: Now, flow: Flow, event: ContactEvent) -> EndedBy {
        match event == ContactEvent::Unregistered && self.registering.has(now, flow) {
            true => EndedBy::Ue,
            false => EndedBy::Network,
        }
    }
}

/// How a binding has ended, if each of its contacts has, and not one that an earlier REGISTER made: the phone may have come back
/// before the NOTIFY did.
fn end_of(binding: &Binding, ended: &[&RegContact]) -> Option<ContactEvent> {
    let RegisterId { call_id, cseq } = &binding.register;
    let is_of_it = |contact: &RegContact| match (contact.call_id.as_deref(), contact.cseq) {
        (Some(ended_by), Some(number)) => **call_id != *ended_by || number >= *cseq,
        _ => true,
    };
    let is_same_register = |contact: &RegContact| match (contact.call_id.as_deref(), contact.cseq) {
        (Some(ended_by), Some(_)) => **call_id == *ended_by,
        _ => true,
    };
    let mut event = None;
    for bound in binding.contacts() {
        let bound = Uri::parse(bound).ok()?;
        let is_it =
            |contact: &&&RegContact| Uri::parse(&contact.uri).is_ok_and(|uri| uri.is_equivalent(&bound));
        let end = ended.iter().find(|contact| is_it(contact) && is_of_it(contact))?;
        // Of several contacts each may have been bound by a REGISTER of its own.
        if binding.others.is_empty() && !is_same_register(end) {
            return None;
        }
        event = Some(end.event);
    }
    event
}

fn refusal(bad: BadNotify) -> Refusal {
    match bad {
        BadNotify::NoSuchSubscription => Refusal::no_subscription(),
        BadNotify::BadEvent => Refusal::of_event(BadEvent, super::REG.package),
        BadNotify::Stale => DialogError::StaleCSeq.into(),
        BadNotify::Malformed => Refusal::new(bad.status(), Cause::BadNotify),
    }
}
