//! What a 200 to REGISTER gives (TS 24.229 section 5.1.1.2).

use clock::{Mono, Now};
use sip_event::MAX_ROUTES;
use sip_message::{HeaderName, Message, NameAddr, Uri, delta_seconds};
use std::time::Duration;

/// Identities of one set that are kept; the rest is passed over.
const MAX_IDENTITIES: usize = 32;

/// Our own registration as the network has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binding {
    /// The interval granted, in seconds.
    pub(crate) granted: u32,
    pub(crate) expires: Mono,
    /// Service-Route entries, in order.
    pub(crate) service_route: Vec<Box<str>>,
    /// P-Associated-URI, the default identity first.
    pub(crate) identities: Vec<Uri>,
    /// Our public GRUU, where we were given one.
    pub(crate) gruu: Option<Uri>,
}

impl Binding {
    /// Reads the 200; `None` when our contact is not among those bound.
    pub(crate) fn read(now: Now, response: &Message, contact_uri: &Uri, instance: &str) -> Option<Self> {
        let contact = response.list(HeaderName::Contact).filter_map(|value| NameAddr::parse(value).ok());
        let contact = contact.into_iter().find(|contact| is_own(contact, contact_uri, instance))?;
        let expires = contact.params().get("expires").and_then(delta_seconds).or_else(|| response.expires());
        let granted = expires.filter(|seconds| *seconds > 0)?;
        let gruu = contact.params().get("pub-gruu").and_then(|text| Uri::parse(text).ok());
        let routes = response.list(HeaderName::ServiceRoute).filter(|value| NameAddr::parse(value).is_ok());
        let associated = response.list(HeaderName::PAssociatedUri);
        let identities = associated.filter_map(|value| NameAddr::parse(value).ok()?.uri().ok());
        Some(Self {
            granted,
            expires: now.mono + Duration::from_secs(granted.into()),
            service_route: routes.take(MAX_ROUTES).map(Into::into).collect(),
            identities: identities.take(MAX_IDENTITIES).collect(),
            gruu: gruu.filter(Uri::is_sip),
        })
    }

    /// Since when it holds.
    pub(crate) fn since(&self) -> Mono {
        self.expires - Duration::from_secs(self.granted.into())
    }

    /// When to register again (rule REG-U-05): 600 s before the end, or at half time of up to 1200 s.
    pub(crate) fn refresh_at(&self) -> Mono {
        let granted = Duration::from_secs(self.granted.into());
        self.expires - if self.granted > 1200 { Duration::from_secs(600) } else { granted / 2 }
    }

    /// The identity to speak as: the one that was registered, or the default one when that is barred.
    pub(crate) fn identity<'a>(&'a self, registered: &'a Uri) -> &'a Uri {
        let known = self.identities.iter().any(|identity| identity.is_equivalent(registered));
        if known { registered } else { self.identities.first().unwrap_or(registered) }
    }
}

fn is_own(contact: &NameAddr<'_>, uri: &Uri, instance: &str) -> bool {
    let same_instance = contact.params().get("+sip.instance").map(|text| text.trim_matches(['<', '>']));
    let same_uri = contact.uri().is_ok_and(|bound| bound.is_equivalent(uri));
    same_uri && same_instance.is_none_or(|other| other.eq_ignore_ascii_case(instance))
}
