//! The package, what it remembers with a subscription, and what its notifier sees of the registrar.

use super::Ending;
use super::document::{fingerprint, reginfo};
use crate::binding::Binding;
use crate::settings::ScscfSettings;
use crate::users::Users;
use clock::Now;
use cx_protocol::Impu;
use ims_node::notifier::check_no_filter;
use minicbor::{Decode, Encode};
use sip_event::{Authorisation, Body, Dialog, Notify, Package, Ruling, Seen, Source, UnknownBody};
use sip_message::{Draft, HeaderName, Message};

/// Its one type of document.
const REGINFO: &str = "application/reginfo+xml";

/// Longest charging identity that is carried on, in octets.
const MAX_ICID: usize = 128;

/// Ended contacts that a watcher has not been told of; above it the oldest is left out, and its absence tells of it.
const MAX_ENDED: usize = 20;

/// The package.
#[derive(Debug)]
pub(crate) struct Reg;

impl Package for Reg {
    /// The default public identity of the set that is watched.
    type Resource = Impu;
    type Extra = Untold;
    type ViewKey = ();

    const PACKAGES: &'static [&'static str] = &["reg"];
    const TYPES: &'static [&'static str] = &[REGINFO];
    const EXTRA_VERSION: u8 = 1;
}

/// What a watcher has still to be told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Untold {
    /// The SUBSCRIBE's charging identity, which its NOTIFYs carry (rule REG-E-04).
    #[n(0)]
    pub(super) icid: Option<Box<str>>,
    /// Contacts that have ended, oldest first, until the watcher has confirmed it.
    #[n(1)]
    pub(super) ended: Box<[EndedContact]>,
    /// The identities of a user who is registered no more: what the last NOTIFY is about, whoever registers meanwhile.
    #[n(2)]
    pub(super) farewell: Option<Box<[Impu]>>,
}

/// A contact that is bound no more.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct EndedContact {
    #[n(0)]
    pub(super) binding: Binding,
    #[n(1)]
    pub(super) ending: Ending,
    /// The number of the state in which it was gone. A later process counts anew, and every state that it shows is behind this one.
    #[cbor(skip)]
    pub(super) version: u64,
}

impl Untold {
    /// These contacts are gone in the state with this number.
    pub(super) fn note(&mut self, gone: &[(Binding, Ending)], version: u64) {
        let mut ended = std::mem::take(&mut self.ended).into_vec();
        let gone = gone.iter().cloned();
        ended.extend(gone.map(|(binding, ending)| EndedContact { binding, ending, version }));
        let crowd = ended.len().saturating_sub(MAX_ENDED);
        ended.drain(..crowd);
        self.ended = ended.into();
    }
}

/// What the notifier sees.
#[derive(Debug)]
pub(crate) struct RegView<'a> {
    pub(crate) users: &'a Users,
    pub(crate) settings: &'a ScscfSettings,
}

impl Source<Reg> for RegView<'_> {
    fn contact(&self) -> String {
        self.settings.contact()
    }

    /// The set may have another default identity by now.
    fn current(&self, user: Impu) -> Impu {
        let registration = self.users.registration(&user);
        registration.and_then(|registration| registration.default_impu()).cloned().unwrap_or(user)
    }

    fn extra(&self, subscribe: &Message) -> Result<Untold, UnknownBody> {
        check_no_filter(subscribe)?;
        Ok(Untold { icid: icid(subscribe), ..Untold::default() })
    }

    /// Who watches has been checked when it subscribed.
    fn ruling(&mut self, _: Now, _: &Impu, _: &str) -> Ruling<()> {
        Ruling { authorisation: Authorisation::Allowed, view: () }
    }

    fn fingerprint(&mut self, _: Now, user: &Impu, (): &()) -> u64 {
        self.users.registration(user).map_or(0, fingerprint)
    }

    /// The version of a document follows the dialog's CSeq, which rises by one with each NOTIFY and upwards over a restart.
    fn body(&mut self, now: Now, seen: Seen<'_, Reg>, notify: &Notify) -> Option<Body> {
        let present = self.users.registration(seen.resource);
        let version = notify.cseq.saturating_sub(1);
        let bytes = reginfo(now.wall, seen.resource, present, seen.extra, version);
        Some(Body { content_type: REGINFO, bytes })
    }

    fn delivered(&self, untold: &mut Untold, version: u64) {
        let mut ended = std::mem::take(&mut untold.ended).into_vec();
        ended.retain(|contact| contact.version > version);
        untold.ended = ended.into();
    }

    fn finish(&self, now: Now, untold: &Untold, dialog: &Dialog, draft: Draft) -> Draft {
        // RFC 5627 section 5.2: a GRUU of ours becomes the Contact here, as in every request that passes.
        let target = dialog.remote_target();
        let is_gruu = *draft.request_uri() == target && target.params().has("gr");
        let contact = is_gruu.then(|| self.users.contact_of(now, &target)).flatten();
        let draft = match contact {
            Some(contact) => draft.with_request_uri(contact),
            None => draft,
        };
        match &untold.icid {
            Some(icid) => draft.header(HeaderName::PChargingVector, format_args!("icid-value={icid}")),
            None => draft,
        }
    }
}

fn icid(message: &Message) -> Option<Box<str>> {
    let value = message.value(HeaderName::PChargingVector)?;
    let icid = value.split(';').find_map(|part| part.trim().strip_prefix("icid-value="))?;
    (icid.len() <= MAX_ICID).then(|| icid.into())
}
