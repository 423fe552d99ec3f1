//! Registration information: where a user is registered, told by its registrar (RFC 3680), with its GRUUs (RFC 5628).

use crate::info::{InfoError, number, required, text, with_those_there};
use crate::namespace::{GRUUINFO, REGINFO};
use crate::words::{InfoState, words};
use crate::xml::{self, Binding, Element, Limits};

/// Bytes of one registration information document that is read; a longer one is refused.
pub const MAX_REGINFO_BYTES: usize = 64 * 1024;

/// Elements of one registration information document that is read; one with more is refused.
pub const MAX_REGINFO_ELEMENTS: usize = 2048;

/// The parameter of a Contact that names the device (RFC 5626 §4.1).
const INSTANCE: &str = "+sip.instance";

/// A registration information document (`application/reginfo+xml`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegInfo {
    /// Rises with each document of a subscription (RFC 3680 §5.1).
    pub version: u32,
    /// Whether registrations that are not listed are gone or unchanged.
    pub state: InfoState,
    /// One for each address of record.
    pub registrations: Vec<Registration>,
}

/// An address of record and where it is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The address of record.
    pub aor: Box<str>,
    /// Names the registration within the documents of a subscription.
    pub id: Box<str>,
    /// Its state.
    pub state: RegState,
    /// The contacts that are bound to the address of record, or were until recently.
    pub contacts: Vec<RegContact>,
}

/// A contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegContact {
    /// Names the contact within the documents of a subscription.
    pub id: Box<str>,
    /// Its state.
    pub state: ContactState,
    /// What brought it there.
    pub event: ContactEvent,
    /// Seconds until the binding expires.
    pub expires_s: Option<u64>,
    /// Seconds after which to register again; goes with [`ContactEvent::Probation`].
    pub retry_after_s: Option<u64>,
    /// Preference, as in Contact: `0.5`.
    pub q: Option<Box<str>>,
    /// Call-ID of the REGISTER that last changed it.
    pub call_id: Option<Box<str>>,
    /// CSeq number of that REGISTER.
    pub cseq: Option<u32>,
    /// The Contact URI.
    pub uri: Box<str>,
    /// The device: `<urn:uuid:...>`.
    pub instance: Option<Box<str>>,
    /// Its public GRUU (RFC 5628 §5).
    pub pub_gruu: Option<Box<str>>,
}

words!(
    /// The states of a registration (RFC 3680 §4.7.1).
    RegState {
        /// Nothing is bound.
        Init = "init",
        /// Something is bound.
        Active = "active",
        /// The last contact has just gone.
        Terminated = "terminated",
    }
);

words!(
    /// The states of a contact (RFC 3680 §4.7.1).
    ContactState {
        /// Bound.
        Active = "active",
        /// Just gone.
        Terminated = "terminated",
    }
);

words!(
    /// What moves a contact from state to state (RFC 3680 §4.7.1).
    ContactEvent {
        /// A REGISTER bound it.
        Registered = "registered",
        /// Bound without a REGISTER of its own: the address of record came with another one.
        Created = "created",
        /// A REGISTER refreshed it.
        Refreshed = "refreshed",
        /// The registrar has shortened its life.
        Shortened = "shortened",
        /// Nobody refreshed it.
        Expired = "expired",
        /// The registrar has ended it and wants it to be registered again.
        Deactivated = "deactivated",
        /// The registrar has ended it and wants it to be registered again later.
        Probation = "probation",
        /// A REGISTER took it back.
        Unregistered = "unregistered",
        /// The registrar has ended it and will not have it again.
        Rejected = "rejected",
    }
);

impl RegInfo {
    /// Reads a document. What is not in its namespaces is ignored (RFC 3680 §5.1).
    ///
    /// # Errors
    /// [`InfoError`] says what the notifier did wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, InfoError> {
        let limits = Limits { bytes: MAX_REGINFO_BYTES, elements: MAX_REGINFO_ELEMENTS };
        let root = xml::parse(bytes, &limits).map_err(InfoError::Xml)?;
        if !root.is(REGINFO, "reginfo") {
            return Err(InfoError::Root("reginfo"));
        }
        let registrations = root.elements().filter(|e| e.is(REGINFO, "registration"));
        Ok(Self {
            version: required(&root, "version", number)?,
            state: required(&root, "state", InfoState::parse)?,
            registrations: registrations.map(Registration::read).collect::<Result<_, _>>()?,
        })
    }

    /// The document as text.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut root = Element::new(REGINFO, "", "reginfo")
            .with_attribute("version", &self.version.to_string())
            .with_attribute("state", self.state.as_str());
        root.bindings.push(Binding::new("", REGINFO));
        xml::document(&self.registrations.iter().map(Registration::element).fold(root, Element::with_child))
    }

    /// Every contact with its address of record.
    pub fn contacts(&self) -> impl Iterator<Item = (&Registration, &RegContact)> {
        self.registrations
            .iter()
            .flat_map(|registration| registration.contacts.iter().map(move |contact| (registration, contact)))
    }
}

impl Registration {
    fn read(element: &Element) -> Result<Self, InfoError> {
        let contacts = element.elements().filter(|e| e.is(REGINFO, "contact"));
        Ok(Self {
            aor: required(element, "aor", text)?,
            id: required(element, "id", text)?,
            state: required(element, "state", RegState::parse)?,
            contacts: contacts.map(RegContact::read).collect::<Result<_, _>>()?,
        })
    }

    fn element(&self) -> Element {
        let element = Element::new(REGINFO, "", "registration")
            .with_attribute("aor", &self.aor)
            .with_attribute("id", &self.id)
            .with_attribute("state", self.state.as_str());
        self.contacts.iter().map(RegContact::element).fold(element, Element::with_child)
    }
}

impl RegContact {
    fn read(element: &Element) -> Result<Self, InfoError> {
        let uri = element.child(REGINFO, "uri").map(Element::text).and_then(text);
        let optional = |name| element.attribute(name).and_then(text);
        let instance = element
            .elements()
            .find(|e| e.is(REGINFO, "unknown-param") && e.attribute("name").is_some_and(is_instance));
        let gruu = element.child(GRUUINFO, "pub-gruu").and_then(|gruu| gruu.attribute("uri"));
        Ok(Self {
            id: required(element, "id", text)?,
            state: required(element, "state", ContactState::parse)?,
            event: required(element, "event", ContactEvent::parse)?,
            expires_s: element.attribute("expires").and_then(number),
            retry_after_s: element.attribute("retry-after").and_then(number),
            q: optional("q"),
            call_id: optional("callid"),
            cseq: element.attribute("cseq").and_then(number),
            uri: uri.ok_or(InfoError::Element("uri"))?,
            instance: instance.and_then(|instance| text(instance.text().trim_matches('"'))),
            pub_gruu: gruu.and_then(text),
        })
    }

    fn element(&self) -> Element {
        let attributes = [
            ("expires", self.expires_s.map(|seconds| seconds.to_string())),
            ("retry-after", self.retry_after_s.map(|seconds| seconds.to_string())),
            ("q", self.q.as_deref().map(str::to_owned)),
            ("callid", self.call_id.as_deref().map(str::to_owned)),
            ("cseq", self.cseq.map(|number| number.to_string())),
        ];
        let element = Element::new(REGINFO, "", "contact")
            .with_attribute("id", &self.id)
            .with_attribute("state", self.state.as_str())
            .with_attribute("event", self.event.as_str());
        let uri = Element::new(REGINFO, "", "uri").with_text(&self.uri);
        let mut element = with_those_there(element, attributes).with_child(uri);
        if let Some(instance) = &self.instance {
            let param = Element::new(REGINFO, "", "unknown-param").with_attribute("name", INSTANCE);
            element = element.with_child(param.with_text(&format!("\"{instance}\"")));
        }
        if let Some(gruu) = &self.pub_gruu {
            element =
                element.with_child(Element::new(GRUUINFO, "gr", "pub-gruu").with_attribute("uri", gruu));
        }
        element
    }
}

fn is_instance(name: &str) -> bool {
    name.eq_ignore_ascii_case(INSTANCE)
}
