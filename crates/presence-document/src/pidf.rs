//! The presence document (RFC 3863) in its data model of services, persons and devices (RFC 4479).

mod build;
mod component;
mod form;

use crate::namespace::{DATA_MODEL, PIDF};
use crate::xml::{self, Binding, Element, Limits, Name, Writer, XmlError};

pub(crate) use component::is_note;
pub use component::{Basic, Component, Kind, Note};

/// Bytes of one presence document; a longer one is refused.
pub const MAX_DOCUMENT_BYTES: usize = 64 * 1024;

/// Elements of one presence document; one with more is refused.
pub const MAX_DOCUMENT_ELEMENTS: usize = 1024;

/// Why bytes are not a presence document; always the fault of who published them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PidfError {
    /// Not XML that is taken.
    Xml(XmlError),
    /// The root is not `presence` of PIDF (RFC 3863 §4.1.1).
    Root,
    /// The root does not say whose presence it is (RFC 3863 §4.1.1).
    Entity,
    /// A tuple without an id (RFC 3863 §4.1.2).
    TupleId,
    /// Two tuples with one id (RFC 3863 §4.1.2); holds the id.
    RepeatedTupleId(Box<str>),
    /// A basic status that is neither open nor closed (RFC 3863 §4.1.4); holds what it is.
    Basic(Box<str>),
    /// Two elements where the schema has one (RFC 3863 §4.4, RFC 4479 §5.1.2); holds their name.
    Repeated(Box<str>),
    /// An element of PIDF or the data model where it has no place; holds its name.
    Misplaced(Box<str>),
    /// A device that does not say which (RFC 4479 §3.4).
    DeviceId,
}

impl std::fmt::Display for PidfError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Xml(error) => error.fmt(f),
            Self::Root => write!(f, "the root element is not presence of {PIDF}"),
            Self::Entity => f.write_str("presence has no entity"),
            Self::TupleId => f.write_str("a tuple has no id"),
            Self::RepeatedTupleId(id) => write!(f, "two tuples have the id {id:?}"),
            Self::Repeated(name) => write!(f, "{name} stands twice where it may stand once"),
            Self::Misplaced(name) => write!(f, "{name} stands where it has no place"),
            Self::DeviceId => f.write_str("a device has no deviceID"),
            Self::Basic(value) => write!(f, "basic is {value:?}, neither open nor closed"),
        }
    }
}

impl std::error::Error for PidfError {}

impl From<XmlError> for PidfError {
    fn from(error: XmlError) -> Self {
        Self::Xml(error)
    }
}

/// A presence document.
///
/// It is a view for working on; to hold many, keep the text and parse when one is needed.
#[derive(Clone, PartialEq, Eq)]
pub struct Pidf {
    /// The root as written, without what it holds.
    pub(crate) root: Element,
    pub(crate) entity: Box<str>,
    pub(crate) components: Vec<Component>,
    /// Notes beside the components; they speak of every person without a note (RFC 4479 §5).
    pub(crate) notes: Vec<Element>,
    /// Top-level elements this crate does not know.
    pub(crate) others: Vec<Element>,
}

impl Pidf {
    /// A document about `entity` that says nothing yet.
    #[must_use]
    pub fn new(entity: &str) -> Self {
        let mut root = Element::new(PIDF, "", "presence").with_attribute("entity", entity);
        root.bindings.push(Binding::new("", PIDF));
        let (components, notes, others) = (Vec::new(), Vec::new(), Vec::new());
        Self { root, entity: entity.into(), components, notes, others }
    }

    /// Reads a document.
    ///
    /// Taken although the schema forbids it, because phones send it, and brought into the form of the schema: any order of
    /// elements, a tuple without status, text between elements, `open` and `closed` in any letters and with blanks, times and
    /// priorities that say nothing (RFC 4479 §5 asks to extract what can be parsed). [`crate::compose`] gives an
    /// id to a person or device that has none.
    ///
    /// # Errors
    /// [`PidfError`] says what the publisher did wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, PidfError> {
        let limits = Limits { bytes: MAX_DOCUMENT_BYTES, elements: MAX_DOCUMENT_ELEMENTS };
        let mut root = xml::parse(bytes, &limits)?;
        if !root.is(PIDF, "presence") {
            return Err(PidfError::Root);
        }
        let entity = root.attribute("entity").map(str::trim).filter(|e| !e.is_empty());
        let entity: Box<str> = entity.ok_or(PidfError::Entity)?.into();
        let children = std::mem::take(&mut root.children);
        let lang = root.lang().map(str::to_owned);
        root.attributes.retain(|attribute| attribute.name.is("", "entity"));
        let (components, notes, others) = (Vec::new(), Vec::new(), Vec::new());
        let mut pidf = Self { root, entity, components, notes, others };
        for child in children {
            if let xml::Node::Element(element) = child {
                pidf.sort_in(element, lang.as_deref())?;
            }
        }
        pidf.check()?;
        Ok(pidf)
    }

    fn sort_in(&mut self, mut element: Element, lang: Option<&str>) -> Result<(), PidfError> {
        match kind_of(&element.name) {
            Some(kind) => {
                form::component(kind, &mut element, lang)?;
                self.add(Component { kind, element });
            }
            None if element.is(PIDF, "note") => {
                form::note(&mut element, lang);
                self.notes.push(element);
            }
            None if form::is_extension(&mut element, lang)? => self.others.push(element),
            None => {}
        }
        Ok(())
    }

    /// Takes a component in: tuples first, as the schema has it (RFC 3863 §4.4), else in the order given.
    pub(crate) fn add(&mut self, component: Component) {
        let tuples = self.tuples().count();
        let at = if component.kind == Kind::Service { tuples } else { self.components.len() };
        self.components.insert(at, component);
    }

    fn check(&self) -> Result<(), PidfError> {
        let mut ids = std::collections::BTreeSet::new();
        for tuple in self.tuples() {
            match tuple.id() {
                "" => return Err(PidfError::TupleId),
                id if !ids.insert(id) => return Err(PidfError::RepeatedTupleId(excerpt(id))),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whose presence this is: the URI in the document, as written there.
    #[must_use]
    pub fn entity(&self) -> &str {
        &self.entity
    }

    /// The services, each a `tuple` (RFC 4479 §5).
    pub fn tuples(&self) -> impl Iterator<Item = &Component> {
        self.of_kind(Kind::Service)
    }

    /// The occurrences of the person.
    pub fn persons(&self) -> impl Iterator<Item = &Component> {
        self.of_kind(Kind::Person)
    }

    /// The devices.
    pub fn devices(&self) -> impl Iterator<Item = &Component> {
        self.of_kind(Kind::Device)
    }

    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Component> {
        self.components.iter().filter(move |c| c.kind == kind)
    }

    /// The notes that stand beside the components.
    pub fn notes(&self) -> impl Iterator<Item = Note<'_>> {
        self.notes.iter().map(Note::of)
    }

    /// The document as text, in the order of the schema (RFC 3863 §4.4): tuples, notes, all else.
    ///
    /// Equal documents give equal bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::document();
        writer.open(&self.root);
        let tuples = self.tuples().map(|c| &c.element);
        let others = self.components.iter().filter(|c| c.kind != Kind::Service).map(|c| &c.element);
        for element in tuples.chain(&self.notes).chain(others).chain(&self.others) {
            writer.line();
            writer.element(element);
        }
        writer.line();
        writer.close(&self.root);
        writer.line();
        writer.finish()
    }
}

/// How much there is, and nothing of it: a log is not where presence belongs.
impl std::fmt::Debug for Pidf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kinds = self.components.iter().map(|c| c.kind);
        f.debug_struct("Pidf").field("components", &kinds.collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

/// The beginning of a text, for people.
fn excerpt(text: &str) -> Box<str> {
    text.chars().take(40).collect::<String>().into()
}

fn kind_of(name: &Name) -> Option<Kind> {
    match (&*name.namespace, &*name.local) {
        (PIDF, "tuple") => Some(Kind::Service),
        (DATA_MODEL, "person") => Some(Kind::Person),
        (DATA_MODEL, "device") => Some(Kind::Device),
        _ => None,
    }
}
