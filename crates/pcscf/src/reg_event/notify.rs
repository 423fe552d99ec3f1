//! NOTIFYs of the `reg` package: contacts that the S-CSCF has ended are believed no more.

use super::LocalTag;
use crate::bindings::Binding;
use crate::leaving::EndedBy;
use crate::{Own, Pcscf, Waiting};
use clock::Now;
use cx_protocol::Impu;
use ims_node::{Decision, Effects, Flow, InboundRequest, Refusal};
use presence_document::{ContactEvent, ContactState, RegContact, RegInfo, RegState};
use sip_event::NotifyVerdict;
use sip_message::{HeaderName, Method, StatusCode, Uri};

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
        fx: &mut Effects<Own>,
    ) -> Decision<Waiting> {
        if !request.source().is_trusted() {
            return Refusal::outsider().into();
        }
        let message = request.message();
        let known =
            message.to_tag().and_then(LocalTag::read).and_then(|tag| self.reg.by_tag.get(&tag)).cloned();
        let Some((user, own)) = known.and_then(|user| Some((user.clone(), self.reg.by_user.get_mut(&user)?)))
        else {
            return refusal(NotifyVerdict::NoSuchSubscription).into();
        };
        let verdict = own.subscriber.notify(now, message);
        if verdict != NotifyVerdict::Accepted {
            return refusal(verdict).into();
        }
        // A document that cannot be read ends nothing, for the registrar is not to be believed less for it.
        match RegInfo::parse(&message.body()) {
            Ok(info) => self.apply(now, &user, &info, fx),
            Err(_) => fx.log("registration information that cannot be read", message.call_id()),
        }
        self.settle_reg(now, &user, fx);
        Decision::Reply(fx.response(request, StatusCode::OK))
    }

    /// Only what the document says has ended: a contact that it does not name may be newer than the document.
    fn apply(&mut self, now: Now, user: &Impu, info: &RegInfo, fx: &mut Effects<Own>) {
        for registration in &info.registrations {
            let Ok(aor) = Impu::new(&registration.aor) else { continue };
            if registration.state == RegState::Terminated && registration.contacts.is_empty() {
                self.release_user(now, (&aor, user), fx);
            }
            let ended = registration.contacts.iter().filter(|own| own.state == ContactState::Terminated);
            for contact in ended {
                let flows: Vec<Flow> = self
                    .bindings
                    .of_user(&aor, user)
                    .filter(|binding| is_ended(binding, contact))
                    .map(|binding| binding.flow)
                    .collect();
                for flow in flows {
                    fx.log("registration ended by the network", contact.event.as_str());
                    self.release(now, (flow, &aor), self.ended_by(now, flow, contact.event), fx);
                }
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

/// Whether it is this binding that has ended, and not one that an earlier REGISTER made: the phone may have come back
/// before the NOTIFY did.
fn is_ended(binding: &Binding, contact: &RegContact) -> bool {
    let uris = (Uri::parse(&binding.contact), Uri::parse(&contact.uri));
    let same = matches!(uris, (Ok(own), Ok(ended)) if own.is_equivalent(&ended));
    let (call_id, cseq) = &binding.register;
    let same_register = match (contact.call_id.as_deref(), contact.cseq) {
        (Some(ended_by), Some(number)) => **call_id == *ended_by && number >= *cseq,
        _ => true,
    };
    // One of several that this flow has is not its end.
    same && same_register && binding.others.is_empty()
}

fn refusal(verdict: NotifyVerdict) -> Refusal {
    let refusal = Refusal::new(verdict.status(), "no such subscription");
    if verdict == NotifyVerdict::BadEvent {
        refusal.with(HeaderName::AllowEvents, super::REG.package)
    } else {
        refusal
    }
}
