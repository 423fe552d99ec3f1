//! One document out of all that is published about a presentity (RFC 3856 §6.11, RFC 4479).
//!
//! The outcome depends only on the publications and not on the order in which they are given, so that the caller can
//! compare two composites byte by byte to learn whether watchers have to be told.

use crate::constant::closed_document;
use crate::namespace::RPID;
use crate::pidf::{Component, Kind, Pidf};
use crate::time;
use crate::uri::canonical_uri;
use crate::xml::{self, Binding, Element};
use clock::Wall;
use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};

/// Namespace declarations on the root of a composite; a prefix beyond them is declared where it is used.
const MAX_ROOT_BINDINGS: usize = 24;

/// One source's valid publication, hard state or registration hint.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Names the source among those of its presentity for as long as it is there, also after a restart. The lower one has been
    /// there for longer.
    pub number: u64,
    /// What it published.
    pub document: &'a Pidf,
    /// When the document itself came; a refresh without a body does not move it.
    pub published: Wall,
}

/// Composes what the sources say about `entity`; [`closed_document`] when there is no source.
///
/// All services, persons, devices, notes and unknown elements are brought together. What several sources say about
/// the same thing is decided for the newest, whole, never by mixing: a rule may grant one occurrence and not another,
/// and a mixture would show both (RFC 5025 §3.3.1). The same thing is: a device with the same device id, a person of the
/// same class.
///
/// A tuple is one source's own: two phones may use the same id, some always the same one. Of these the source that has been
/// there for longest keeps it, and those of the others get their source's number behind it.
///
/// The composite is as large as its sources together, which may be more than [`Pidf::parse`] takes; the caller bounds
/// how many there are.
#[must_use]
pub fn compose<'a>(entity: &str, publications: impl IntoIterator<Item = Source<'a>>) -> Pidf {
    let mut composer = Composer::default();
    for source in publications {
        composer.add(source);
    }
    if composer.sources == 0 {
        return closed_document(entity); // PRS-11
    }
    composer.finish(entity)
}

/// RFC 5025 §3.1.2: the sphere of the presentity, if those documents that name one name the same.
///
/// A sphere counts from its `from` until its `until` (RFC 4480 §3.1).
#[must_use]
pub fn sphere<'a>(documents: impl IntoIterator<Item = &'a Pidf>, wall: Wall) -> Option<&'a str> {
    let persons = documents.into_iter().flat_map(Pidf::persons);
    let spheres = persons.flat_map(|p| p.element.elements()).filter(|e| e.is(RPID, "sphere"));
    let mut values = spheres.filter(|e| in_force(e, wall)).map(sphere_value);
    let first = values.next()?;
    (!first.is_empty() && values.all(|v| v.eq_ignore_ascii_case(first))).then_some(first)
}

/// `<sphere><work/></sphere>` by the schema, `<sphere>bowling league</sphere>` by the example (RFC 4480 §3.11, §4).
fn sphere_value(element: &Element) -> &str {
    element.elements().next().map_or_else(|| element.text(), |child| &*child.name.local)
}

fn in_force(element: &Element, wall: Wall) -> bool {
    let bound = |name| element.attribute(name).and_then(time::parse);
    bound("from").is_none_or(|from| from <= wall) && bound("until").is_none_or(|until| wall < until)
}

/// What counts as the same thing; also the order of the composite.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Tuple { id: &'a str, source: u64 },
    Person { class: &'a str },
    Device(String),
}

impl<'a> Key<'a> {
    fn of(component: &'a Component, source: u64) -> Self {
        match component.kind() {
            Kind::Service => Self::Tuple { id: component.id(), source },
            Kind::Person => Self::Person { class: component.class().unwrap_or_default() },
            Kind::Device => {
                Self::Device(component.device_id().map_or_else(|| component.id().to_owned(), canonical_uri))
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Candidate<'a> {
    changed: Wall,
    source: Source<'a>,
    component: &'a Component,
}

impl<'a> Candidate<'a> {
    fn of(component: &'a Component, source: Source<'a>) -> Self {
        // What is published cannot have changed later: a phone whose clock runs ahead does not win for ever.
        let changed = component.timestamp().map_or(source.published, |t| t.min(source.published));
        Self { changed, source, component }
    }

    fn is_newer_than(&self, other: &Self) -> bool {
        let times = (self.changed, self.source.published).cmp(&(other.changed, other.source.published));
        // Equal times: any choice does, as long as it is the same choice the next time.
        times.then_with(|| self.text().cmp(&other.text())).is_gt()
    }

    /// All that the composite would take from here.
    fn text(&self) -> [Vec<u8>; 2] {
        [xml::document(&self.component.element), xml::document(&self.source.document.root)]
    }
}

#[derive(Default)]
struct Composer<'a> {
    sources: usize,
    newest: BTreeMap<Key<'a>, Candidate<'a>>,
    notes: Option<Source<'a>>,
    others: BTreeMap<Vec<u8>, (&'a Element, &'a Pidf)>,
}

impl<'a> Composer<'a> {
    fn add(&mut self, source: Source<'a>) {
        self.sources += 1;
        for component in &source.document.components {
            let candidate = Candidate::of(component, source);
            match self.newest.entry(Key::of(component, source.number)) {
                Entry::Vacant(free) => {
                    free.insert(candidate);
                }
                Entry::Occupied(mut known) if candidate.is_newer_than(known.get()) => {
                    known.insert(candidate);
                }
                Entry::Occupied(_) => {}
            }
        }
        // Notes of the document speak of the person (RFC 4479 §5) and go by the newest like it.
        if !source.document.notes.is_empty() && self.notes.is_none_or(|known| is_newer(source, known)) {
            self.notes = Some(source);
        }
        for element in &source.document.others {
            let known = self.others.entry(xml::document(element)).or_insert((element, source.document));
            if xml::document(&source.document.root) < xml::document(&known.1.root) {
                *known = (element, source.document);
            }
        }
    }

    fn finish(self, entity: &str) -> Pidf {
        let mut composite = Pidf::new(entity);
        let documents = self.newest.values().map(|c| c.source.document);
        let documents = documents.chain(self.notes.map(|s| s.document));
        declare_all(&mut composite.root, documents.chain(self.others.values().map(|(_, d)| *d)));
        let root = composite.root.clone();
        let published = self.newest.values().map(|candidate| candidate.component.id().to_owned()).collect();
        let mut ids = BTreeSet::new();
        for Candidate { source, component, .. } in self.newest.into_values() {
            let mut component = component.clone();
            moved(&mut component.element, source.document, &root);
            make_unique(&mut component, source.number, (&published, &mut ids));
            composite.components.push(component);
        }
        if let Some(Source { document, .. }) = self.notes {
            composite.notes.extend(document.notes.iter().map(|note| adopted(note, document, &root)));
        }
        for (element, document) in self.others.into_values() {
            composite.others.push(adopted(element, document, &root));
        }
        composite
    }
}

fn is_newer(source: Source<'_>, known: Source<'_>) -> bool {
    let text = |s: Source<'_>| s.document.to_bytes();
    source.published.cmp(&known.published).then_with(|| text(source).cmp(&text(known))).is_gt()
}

/// Declares on the composite's root what the documents declared on theirs; the first use of a prefix stands.
fn declare_all<'a>(root: &mut Element, documents: impl Iterator<Item = &'a Pidf>) {
    for document in documents {
        for binding in &document.root.bindings {
            let taken = root.bindings.iter().any(|b| b.prefix == binding.prefix);
            if !taken && root.bindings.len() < MAX_ROOT_BINDINGS {
                root.bindings.push(binding.clone());
            }
        }
    }
}

fn adopted(element: &Element, document: &Pidf, root: &Element) -> Element {
    let mut element = element.clone();
    moved(&mut element, document, root);
    element
}

/// Gives an element that leaves its document what it had from the document's root.
fn moved(element: &mut Element, document: &Pidf, root: &Element) {
    for binding in &document.root.bindings {
        let holds = root.bindings.contains(binding);
        let own = element.bindings.iter().any(|b| b.prefix == binding.prefix);
        if !holds && !own {
            // A prefix may stand in a value too, so it keeps its meaning even if no name uses it.
            element.bindings.push(Binding::clone(binding));
        }
    }
}

/// RFC 4479 §3.5: an occurrence id is unique among all components of a presentity; by the schemas it is an XML name.
fn make_unique(
    component: &mut Component,
    source: u64,
    (published, ids): (&BTreeSet<String>, &mut BTreeSet<String>),
) {
    let is_valid = xml::is_ncname(component.id());
    if is_valid && ids.insert(component.id().to_owned()) {
        return;
    }
    let stem = match (component.id(), component.kind()) {
        ("", Kind::Service) => "tuple".to_owned(),
        ("", Kind::Person) => "person".to_owned(),
        ("", Kind::Device) => "device".to_owned(),
        (id, _) => xml::ncname_of(id),
    };
    let bare = (!is_valid && !component.id().is_empty()).then(|| stem.clone());
    // By its source, so that no change and no restart gives it another one. One of the first n + 1 is free among n ids.
    let most = published.len() + ids.len() + 1;
    let free = bare
        .into_iter()
        .chain([format!("{stem}-{source}")])
        .chain((1..=most).map(|n| format!("{stem}-{source}-{n}")))
        .find(|id| !ids.contains(id) && !published.contains(id));
    if let Some(id) = free {
        component.element.set_attribute("", "", "id", &id);
        ids.insert(id);
    }
}
