//! Which contacts are bound through a flow after a REGISTER. The 200 lists every contact of the user (RFC 3261 section 10.2.2), and a
//! phone may register and end contacts of other phones. So the P-CSCF picks out of the 200 the contacts that were registered
//! through the flow of the REGISTER.

use crate::bindings::Binding;
use sip_message::{Message, NameAddr, Uri, delta_seconds};

/// Contacts that one phone may have on its flow; more are not noted, and reached all the same, by the Path.
const MAX_CONTACTS: usize = 10;

/// How the flow stands after a REGISTER.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// As before: the REGISTER asked for nothing.
    Same,
    /// None of its contacts is bound.
    Gone,
    /// Some are.
    Bound {
        /// These.
        contacts: Vec<Box<str>>,
        /// How long the one lasts that lasts longest.
        seconds: u32,
    },
}

/// What the 200 to a REGISTER tells of the user's contacts.
#[derive(Debug)]
pub(crate) struct Granted {
    /// Those that the REGISTER asked to be bound and that are bound.
    pub(crate) asked: Vec<Uri>,
    /// Every contact of the user that the 200 lists.
    pub(crate) listed: Vec<Uri>,
    /// How many bindings had been filed when the REGISTER was forwarded; of one filed later the 200 may know nothing.
    pub(crate) filed: u64,
}

impl Granted {
    pub(crate) fn of(request: &Message, response: &Message, filed: u64) -> Self {
        let listed = contacts(response).filter_map(|contact| contact.uri().ok()).collect();
        Self { asked: granted(request, response), listed, filed }
    }
}

/// How a flow stands on which `known` was registered until now.
pub(crate) fn standing(request: &Message, response: &Message, known: Option<&Binding>) -> Standing {
    let default = request.expires();
    let asked: Vec<NameAddr<'_>> = contacts(request).collect();
    if asked.is_empty() && !is_for_all(request) {
        return Standing::Same;
    }
    let stays = |contact: &&NameAddr<'_>| seconds(contact, default) != Some(0);
    let asked = asked.iter().filter(stays).map(|contact| contact.uri_text());
    let candidates = known.into_iter().flat_map(Binding::contacts).chain(asked);
    let bound = bound(response);
    let (mut here, mut longest): (Vec<(Uri, Box<str>)>, u32) = (Vec::new(), 0);
    for text in candidates {
        let Ok(uri) = Uri::parse(text) else { continue };
        let Some((_, lasts)) = bound.iter().find(|(one, _)| one.is_equivalent(&uri)) else { continue };
        longest = longest.max(*lasts);
        if here.len() < MAX_CONTACTS && !here.iter().any(|(one, _)| one.is_equivalent(&uri)) {
            here.push((uri, text.into()));
        }
    }
    match here.is_empty() {
        true => Standing::Gone,
        false => {
            Standing::Bound { contacts: here.into_iter().map(|(_, text)| text).collect(), seconds: longest }
        }
    }
}

/// The contacts that the answer binds, and for how long.
fn bound(response: &Message) -> Vec<(Uri, u32)> {
    let default = response.expires();
    let lasting = |contact: NameAddr<'_>| Some((contact.uri().ok()?, seconds(&contact, default)?));
    contacts(response).filter_map(lasting).filter(|(_, seconds)| *seconds > 0).collect()
}

/// The contacts that a REGISTER asks to be bound and that its answer binds.
fn granted(request: &Message, response: &Message) -> Vec<Uri> {
    let (default, bound) = (request.expires(), bound(response));
    let asked = contacts(request).filter(|contact| seconds(contact, default) != Some(0));
    let uris = asked.filter_map(|contact| contact.uri().ok());
    uris.filter(|uri| bound.iter().any(|(one, _)| one.is_equivalent(uri))).collect()
}

/// Whether a REGISTER asks for the end of what is registered on its flow.
pub(crate) fn asks_to_leave(request: &Message, known: Option<&Binding>) -> bool {
    let default = request.expires();
    let leaves = |contact: &NameAddr<'_>| seconds(contact, default) == Some(0);
    let is_own = |contact: NameAddr<'_>| {
        contact.uri().is_ok_and(|uri| known.is_some_and(|known| known.has_contact(&uri)))
    };
    is_for_all(request) || contacts(request).filter(leaves).any(is_own)
}

/// `*`, which is for all contacts to go.
fn is_for_all(request: &Message) -> bool {
    request.value(sip_message::HeaderName::Contact) == Some("*")
}

fn seconds(contact: &NameAddr<'_>, default: Option<u32>) -> Option<u32> {
    contact.params().get("expires").and_then(delta_seconds).or(default)
}

fn contacts(message: &Message) -> impl Iterator<Item = NameAddr<'_>> {
    message.list(sip_message::HeaderName::Contact).filter_map(|value| NameAddr::parse(value).ok())
}
