//! Requests inside a dialog (rule RT-SO-07): no filter criteria and no session case, only the way on.

use crate::binding::Binding;
use crate::cause::Cause;
use crate::record_route::{TERMINATING, is_ours};
use crate::users::Users;
use crate::{Scscf, Waiting};
use clock::Now;
use cx_protocol::Impu;
use ims_node::{Decision, ForwardPlan, InboundRequest, Refusal};
use sip_message::{Method, StatusCode, Uri};

impl Scscf {
    /// Whether the dialog ends here: the request is for our own Contact.
    pub(crate) fn is_dialog_end(&self, request: &InboundRequest) -> bool {
        let uri = request.request_uri();
        request.next_route().is_none() && uri.user().is_none() && uri.is_host(&self.settings.name)
    }

    /// Figures 1 and 2, NotifyPresUp: a Route is left, so it is followed; none is left and the target is ours, so the
    /// phone is reached by its Path (figures 6 and 7); none is left and the target is foreign, so by its domain.
    pub(crate) fn on_in_dialog(&self, now: Now, request: &InboundRequest) -> Decision<Waiting> {
        if !request.source().is_trusted() {
            return Refusal::outsider().into();
        }
        let mut plan = ForwardPlan::by_route();
        // RFC 6665 section 4.3: a NOTIFY may be what makes the dialog, so we put ourselves in again.
        let ours = request.own_routes().iter().rev().filter_map(Uri::user).find(|user| is_ours(user));
        plan.record_routes.extend(ours.map(|user| self.entry_back(request, user)));
        let uri = request.request_uri();
        let own_user = uri.is_host(&self.settings.domain) && uri.user().is_some();
        match (request.next_route(), own_user) {
            (Some(_), true) if uri.params().has("gr") => match self.users.contact_of(now, uri) {
                Some(contact) => plan.request_uri = Some(contact),
                // The phone may be another S-CSCF's, and that one lies ahead: on the presentity's side the watcher's, and on the
                // watcher's side that of a phone which is watched itself.
                None if ours == Some(TERMINATING) || *request.method() == Method::Subscribe => {}
                None => return no_binding(),
            },
            (Some(_), _) | (None, false) => {}
            (None, true) if !self.leads_to_user(request) => return leads_elsewhere(),
            (None, true) => match Impu::new(uri.as_str()) {
                Ok(impu) => return self.deliver(now, request, &impu),
                Err(_) => return no_binding(),
            },
        }
        if !self.leads_on(request) {
            return leads_elsewhere();
        }
        plan.then = Some(Waiting::Onward);
        plan.decide()
    }
}

impl Users {
    /// The Contact that a GRUU of ours stands for (RFC 5627 section 5.2).
    pub(crate) fn contact_of(&self, now: Now, gruu: &Uri) -> Option<Uri> {
        let registration = self.registration(&Impu::new(gruu.as_str()).ok()?)?;
        let gr = gruu.params().get("gr")?;
        let live = |binding: &&Binding| is_instance(binding, gr) && binding.expires_at() > now.wall;
        Uri::parse(&registration.bindings.iter().find(live)?.contact).ok()
    }
}

fn leads_elsewhere() -> Decision<Waiting> {
    Refusal::new(StatusCode::NO_SUCH_TRANSACTION, Cause::NotOfThisDialog).into()
}

pub(crate) fn no_binding() -> Decision<Waiting> {
    Refusal::new(StatusCode::TEMPORARILY_UNAVAILABLE, Cause::GruuUnknown).into()
}

/// The public GRUU of an instance (RFC 5627 section 3.1.1): it depends on identity and instance only, so that every
/// S-CSCF of the domain makes and recognises the same one.
pub(crate) fn public_gruu(impu: &Impu, instance: &str) -> Option<String> {
    // A telephone number has none.
    impu.domain()?;
    let gr: String = gr_of(instance);
    Uri::parse(&format!("{impu};gr={gr}")).ok().map(|uri| uri.to_string())
}

/// Whether the binding is of the phone that this `gr` value names.
pub(crate) fn is_instance(binding: &Binding, gr: &str) -> bool {
    binding.instance.as_deref().is_some_and(|instance| gr_of(instance).eq_ignore_ascii_case(gr))
}

/// An instance as a URI parameter: its brackets off, and what a parameter may not hold escaped.
fn gr_of(instance: &str) -> String {
    let text = instance.trim_matches(|c| matches!(c, '<' | '>'));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.!~*'()[]/:&+$".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc5627_3_1_1_a_gruu_depends_on_identity_and_instance_only() {
        let impu = Impu::new("sip:alice@home1.test").unwrap();
        assert_eq!(
            public_gruu(&impu, "<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>").unwrap(),
            "sip:alice@home1.test;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
        );
        assert_eq!(public_gruu(&impu, "<a b;c>").unwrap(), "sip:alice@home1.test;gr=a%20b%3Bc");
    }
}
