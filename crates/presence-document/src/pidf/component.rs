//! One data component: a service, a person or a device (RFC 4479 §3).

use crate::namespace::{DATA_MODEL, PIDF, RPID};
use crate::time;
use crate::xml::Element;
use clock::Wall;

/// What a component describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A way to reach the presentity: a `tuple`.
    Service,
    /// The human.
    Person,
    /// What services run on.
    Device,
}

/// Whether a service can be used (RFC 3863 §4.1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basic {
    /// Communication will likely succeed.
    Open,
    /// It will not.
    Closed,
}

impl Basic {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// A human-readable comment and its language, if that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note<'a> {
    /// `xml:lang` on the note.
    pub lang: Option<&'a str>,
    /// The comment without white space around it.
    pub text: &'a str,
}

impl<'a> Note<'a> {
    pub(super) fn of(element: &'a Element) -> Self {
        Self { lang: element.lang(), text: element.text() }
    }
}

/// One occurrence of a service, of the person or of a device, with all elements it came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    pub(crate) kind: Kind,
    pub(crate) element: Element,
}

impl Component {
    /// What it describes.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The occurrence id (RFC 4479 §3.5); empty for a person or device that came without.
    #[must_use]
    pub fn id(&self) -> &str {
        self.element.attribute("id").unwrap_or_default()
    }

    /// The basic status of a service; `None` when it has none.
    #[must_use]
    pub fn basic(&self) -> Option<Basic> {
        let text = self.basic_element()?.text();
        [Basic::Open, Basic::Closed].into_iter().find(|b| text.eq_ignore_ascii_case(b.as_str()))
    }

    /// The service URI (RFC 3863 §4.1.5).
    #[must_use]
    pub fn contact(&self) -> Option<&str> {
        self.text_of(PIDF, "contact")
    }

    /// The device this is, or that the service runs on (RFC 4480 §3.4).
    #[must_use]
    pub fn device_id(&self) -> Option<&str> {
        self.text_of(DATA_MODEL, "deviceID")
    }

    /// The presentity's own grouping of its components (RFC 4480 §3.3).
    #[must_use]
    pub fn class(&self) -> Option<&str> {
        self.text_of(RPID, "class")
    }

    /// When this last changed, if it says so in RFC 3339.
    #[must_use]
    pub fn timestamp(&self) -> Option<Wall> {
        let text = self.text_of(PIDF, "timestamp").or_else(|| self.text_of(DATA_MODEL, "timestamp"))?;
        time::parse(text)
    }

    /// The notes on this component.
    pub fn notes(&self) -> impl Iterator<Item = Note<'_>> {
        self.element.elements().filter(|e| is_note(e)).map(Note::of)
    }

    /// What the person is doing: the names of the RPID activities (RFC 4480 §3.2), such as `on-the-phone`.
    pub fn activities(&self) -> impl Iterator<Item = &str> {
        let activities = self.element.elements().filter(|e| e.is(RPID, "activities"));
        activities.flat_map(Element::elements).map(|e| &*e.name.local).filter(|name| *name != "note")
    }

    fn basic_element(&self) -> Option<&Element> {
        self.element.child(PIDF, "status")?.child(PIDF, "basic")
    }

    fn text_of(&self, namespace: &str, local: &str) -> Option<&str> {
        self.element.child(namespace, local).map(Element::text).filter(|t| !t.is_empty())
    }
}

/// Notes belong to PIDF in a tuple and to the data model elsewhere; phones mix them up.
pub(crate) fn is_note(element: &Element) -> bool {
    element.is(PIDF, "note") || element.is(DATA_MODEL, "note")
}
