//! What a watcher is shown of a user's registration (rule REG-E-03).

use super::Ending;
use super::package::{EndedContact, Untold};
use crate::binding::{Binding, Registration};
use crate::in_dialog::public_gruu;
use bytes::Bytes;
use clock::Wall;
use cx_protocol::Impu;
use presence_document::{ContactEvent, ContactState, InfoState, RegContact, RegInfo, RegState};
use sha2::{Digest as _, Sha256};
use sip_event::short_hash;

/// Octets of a body that still fits into a SIP message with its headers. Where the whole does not, only the default
/// identity is told of, and where its contacts do not either, only whether it is registered.
const MAX_BODY: usize = 48 * 1024;

/// After how many seconds a phone on probation registers again.
const PROBATION_S: u64 = 60;

/// The body of a NOTIFY with this version, about a user and its registration.
pub(super) fn reginfo(
    now: Wall,
    user: &Impu,
    present: Option<&Registration>,
    untold: &Untold,
    version: u32,
) -> Bytes {
    let present = present.filter(|_| untold.farewell.is_none());
    let identities: Vec<&Impu> = match (&untold.farewell, present) {
        (Some(identities), _) => identities.iter().collect(),
        (None, Some(registration)) => registration.profile.identities.usable().collect(),
        (None, None) => vec![user],
    };
    let bindings = present.map_or(&[][..], |registration| &registration.bindings);
    let contacts: usize =
        bindings.iter().chain(untold.ended.iter().map(|gone| &gone.binding)).map(octets).sum();
    for count in [identities.len(), 1] {
        // Nothing gets shorter by being written: a phone cannot have us write much that is thrown away.
        if contacts.saturating_mul(count) > MAX_BODY {
            continue;
        }
        let of = |impu: &&Impu| registration(now, impu, bindings, &untold.ended);
        let registrations = identities.iter().take(count).map(of).collect();
        let body = RegInfo { version, state: InfoState::Full, registrations }.to_bytes();
        if body.len() <= MAX_BODY {
            return body.into();
        }
    }
    // RFC 3680 section 5.2: of what a partial document leaves out a watcher believes what it did before. A P-CSCF takes
    // the end of the whole registration from its state, and lets a contact whose end it is not told expire.
    let registrations = identities.iter().take(1).map(|impu| without_contacts(impu, bindings)).collect();
    RegInfo { version, state: InfoState::Partial, registrations }.to_bytes().into()
}

/// A fingerprint of a state: equal for states that tell a watcher the same but for the time left.
pub(super) fn fingerprint(registration: &Registration) -> u64 {
    let mut text = Vec::new();
    for impu in registration.profile.identities.usable() {
        text.extend_from_slice(impu.as_str().as_bytes());
        text.push(0);
    }
    for binding in &registration.bindings {
        text.extend_from_slice(&[1, u8::from(binding.gruu)]);
        text.extend_from_slice(binding.contact.as_bytes());
        text.push(0);
        text.extend_from_slice(binding.instance.as_deref().unwrap_or_default().as_bytes());
    }
    short_hash(&[&text])
}

fn registration(
    now: Wall,
    impu: &Impu,
    bindings: &[Binding],
    ended: &[EndedContact],
) -> presence_document::Registration {
    let active = bindings.iter().filter(|binding| binding.expires_at() > now).map(|binding| {
        let by_itself = binding.aor.as_ref().is_none_or(|aor| aor == impu);
        let event = if by_itself { ContactEvent::Registered } else { ContactEvent::Created };
        let expires_s = Some(binding.seconds_left(now));
        RegContact { expires_s, ..contact(impu, binding, ContactState::Active, event) }
    });
    // One that has been bound again since is not told of twice.
    let is_back =
        |gone: &EndedContact| bindings.iter().any(|binding| binding.contact == gone.binding.contact);
    let terminated = ended.iter().filter(|gone| !is_back(gone)).map(|gone| {
        let retry_after_s = (gone.ending == Ending::Probation).then_some(PROBATION_S);
        let event = event(gone.ending);
        RegContact { retry_after_s, ..contact(impu, &gone.binding, ContactState::Terminated, event) }
    });
    let contacts = active.chain(terminated).collect();
    presence_document::Registration { contacts, ..without_contacts(impu, bindings) }
}

fn without_contacts(impu: &Impu, bindings: &[Binding]) -> presence_document::Registration {
    presence_document::Registration {
        aor: impu.as_str().into(),
        id: id(&[impu.as_str()]),
        state: if bindings.is_empty() { RegState::Terminated } else { RegState::Active },
        contacts: Vec::new(),
    }
}

/// Octets that a contact is told in at least.
fn octets(binding: &Binding) -> usize {
    binding.contact.len() + binding.call_id.len() + binding.instance.as_ref().map_or(0, |text| text.len())
}

fn contact(impu: &Impu, binding: &Binding, state: ContactState, event: ContactEvent) -> RegContact {
    let gruu = binding.instance.as_deref().filter(|_| binding.gruu);
    RegContact {
        id: id(&[impu.as_str(), &binding.contact]),
        state,
        event,
        expires_s: None,
        retry_after_s: None,
        q: (binding.q < 1000).then(|| format!("0.{:03}", binding.q).into()),
        call_id: Some(binding.call_id.clone()),
        cseq: Some(binding.cseq),
        uri: binding.contact.clone(),
        instance: binding.instance.clone(),
        pub_gruu: gruu.and_then(|instance| public_gruu(impu, instance)).map(Into::into),
    }
}

const fn event(ending: Ending) -> ContactEvent {
    match ending {
        Ending::Expired => ContactEvent::Expired,
        Ending::Unregistered => ContactEvent::Unregistered,
        Ending::Deactivated => ContactEvent::Deactivated,
        Ending::Probation => ContactEvent::Probation,
        Ending::Rejected => ContactEvent::Rejected,
    }
}

/// The same for the same thing in every document, and different for different things.
fn id(parts: &[&str]) -> Box<str> {
    let text = parts.join(" ");
    ims_node::digest::hex(Sha256::digest(text).get(..8).unwrap_or_default()).into()
}
