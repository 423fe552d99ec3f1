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
use std::cell::OnceCell;
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
    if composer.contributors.is_empty() {
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

/// When that may be another one, though the documents are the same: the next `from` or `until` of a sphere.
#[must_use]
pub fn sphere_change<'a>(documents: impl IntoIterator<Item = &'a Pidf>, wall: Wall) -> Option<Wall> {
    let persons = documents.into_iter().flat_map(Pidf::persons);
    let spheres = persons.flat_map(|p| p.element.elements()).filter(|e| e.is(RPID, "sphere"));
    let bounds = spheres.flat_map(|e| ["from", "until"].map(|name| e.attribute(name).and_then(time::parse)));
    bounds.flatten().filter(|bound| *bound > wall).min()
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

/// One of the sources, and what decides for it where times are equal: written at most once, however often that happens.
struct Contributor<'a> {
    source: Source<'a>,
    text: OnceCell<Vec<u8>>,
}

impl Contributor<'_> {
    fn text(&self) -> &[u8] {
        self.text.get_or_init(|| self.source.document.to_bytes())
    }

    fn is_newer_than(&self, other: &Self) -> bool {
        let published = self.source.published.cmp(&other.source.published);
        published.then_with(|| self.text().cmp(other.text())).is_gt()
    }
}

/// A component, and which contributor has it.
struct Candidate<'a> {
    changed: Wall,
    contributor: usize,
    component: &'a Component,
    /// As [`Contributor::text`], for components of one document.
    text: OnceCell<Vec<u8>>,
}

impl<'a> Candidate<'a> {
    fn of(component: &'a Component, source: Source<'a>, contributor: usize) -> Self {
        // What is published cannot have changed later: a phone whose clock runs ahead does not win for ever.
        let changed = component.timestamp().map_or(source.published, |t| t.min(source.published));
        Self { changed, contributor, component, text: OnceCell::new() }
    }

    fn text(&self) -> &[u8] {
        self.text.get_or_init(|| xml::document(&self.component.element))
    }

    fn is_newer_than(&self, other: &Self, contributors: &[Contributor<'a>]) -> bool {
        if self.changed != other.changed {
            return self.changed > other.changed;
        }
        // Equal times: any choice does, as long as it is the same choice the next time.
        match (contributors.get(self.contributor), contributors.get(other.contributor)) {
            (Some(one), Some(two)) if self.contributor != other.contributor => {
                let published = one.source.published.cmp(&two.source.published);
                published
                    .then_with(|| self.text().cmp(other.text()))
                    .then_with(|| one.text().cmp(two.text()))
                    .is_gt()
            }
            _ => self.text() > other.text(),
        }
    }
}

#[derive(Default)]
struct Composer<'a> {
    contributors: Vec<Contributor<'a>>,
    newest: BTreeMap<Key<'a>, Candidate<'a>>,
    /// Whose notes stand.
    notes: Option<usize>,
    /// By what they say: who says it.
    others: BTreeMap<Vec<u8>, (&'a Element, usize)>,
}

impl<'a> Composer<'a> {
    fn add(&mut self, source: Source<'a>) {
        let contributor = self.contributors.len();
        self.contributors.push(Contributor { source, text: OnceCell::new() });
        for component in &source.document.components {
            let candidate = Candidate::of(component, source, contributor);
            match self.newest.entry(Key::of(component, source.number)) {
                Entry::Vacant(free) => {
                    free.insert(candidate);
                }
                Entry::Occupied(mut known) if candidate.is_newer_than(known.get(), &self.contributors) => {
                    known.insert(candidate);
                }
                Entry::Occupied(_) => {}
            }
        }
        // Notes of the document speak of the person (RFC 4479 §5) and go by the newest like it.
        if !source.document.notes.is_empty()
            && self.notes.is_none_or(|known| self.is_newer(contributor, known))
        {
            self.notes = Some(contributor);
        }
        for element in &source.document.others {
            match self.others.entry(xml::document(element)) {
                Entry::Vacant(free) => {
                    free.insert((element, contributor));
                }
                Entry::Occupied(mut known) => {
                    let first =
                        |contributor: usize| self.contributors.get(contributor).map(Contributor::text);
                    if known.get().1 != contributor && first(contributor) < first(known.get().1) {
                        known.insert((element, contributor));
                    }
                }
            }
        }
    }

    fn is_newer(&self, one: usize, other: usize) -> bool {
        match (self.contributors.get(one), self.contributors.get(other)) {
            (Some(one), Some(other)) => one.is_newer_than(other),
            _ => false,
        }
    }

    fn document(&self, contributor: usize) -> Option<&'a Pidf> {
        self.contributors.get(contributor).map(|contributor| contributor.source.document)
    }

    fn finish(self, entity: &str) -> Pidf {
        let mut composite = Pidf::new(entity);
        let contributors = self.newest.values().map(|candidate| candidate.contributor).chain(self.notes);
        let contributors: Vec<usize> =
            contributors.chain(self.others.values().map(|(_, contributor)| *contributor)).collect();
        let mut declared = BTreeSet::new();
        let fresh = contributors.into_iter().filter(|contributor| declared.insert(*contributor));
        declare_all(&mut composite.root, fresh.filter_map(|contributor| self.document(contributor)));
        let root = composite.root.clone();
        let published = self.newest.values().map(|candidate| candidate.component.id().to_owned()).collect();
        let mut ids = Ids { published, taken: BTreeSet::new(), numbered: BTreeMap::new() };
        for candidate in self.newest.values() {
            let Some(contributor) = self.contributors.get(candidate.contributor) else { continue };
            let mut component = candidate.component.clone();
            moved(&mut component.element, contributor.source.document, &root);
            ids.make_unique(&mut component, contributor.source.number);
            composite.components.push(component);
        }
        if let Some(document) = self.notes.and_then(|contributor| self.document(contributor)) {
            composite.notes.extend(document.notes.iter().map(|note| adopted(note, document, &root)));
        }
        for (element, contributor) in self.others.values() {
            composite
                .others
                .extend(self.document(*contributor).map(|document| adopted(element, document, &root)));
        }
        composite
    }
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
        let is_bound = element.bindings.iter().any(|b| b.prefix == binding.prefix);
        if !holds && !is_bound {
            // A prefix may stand in a value too, so it keeps its meaning even if no name uses it.
            element.bindings.push(Binding::clone(binding));
        }
    }
}

/// The ids of a composite so far.
struct Ids {
    /// Those that the sources gave their components: nobody else gets one of them.
    published: BTreeSet<String>,
    taken: BTreeSet<String>,
    /// How often a stem was given a number; the next one goes on from there.
    numbered: BTreeMap<String, usize>,
}

impl Ids {
    /// RFC 4479 §3.5: an occurrence id is unique among all components of a presentity; by the schemas it is an XML name.
    fn make_unique(&mut self, component: &mut Component, source: u64) {
        let is_valid = xml::is_ncname(component.id());
        if is_valid && self.taken.insert(component.id().to_owned()) {
            return;
        }
        let stem = match (component.id(), component.kind()) {
            ("", Kind::Service) => "tuple".to_owned(),
            ("", Kind::Person) => "person".to_owned(),
            ("", Kind::Device) => "device".to_owned(),
            (id, _) => xml::ncname_of(id),
        };
        let bare =
            Some(stem.clone()).filter(|stem| !is_valid && !component.id().is_empty() && self.is_free(stem));
        let id = bare.unwrap_or_else(|| self.numbered(&format!("{stem}-{source}")));
        component.element.set_attribute("", "", "id", &id);
        self.taken.insert(id);
    }

    /// By its source, so that no change and no restart gives it another one.
    fn numbered(&mut self, stem: &str) -> String {
        let mut number = self.numbered.get(stem).copied().unwrap_or_default();
        let id = loop {
            let id = if number == 0 { stem.to_owned() } else { format!("{stem}-{number}") };
            number += 1;
            // Ends: only so many are there already.
            if self.is_free(&id) {
                break id;
            }
        };
        self.numbered.insert(stem.to_owned(), number);
        id
    }

    fn is_free(&self, id: &str) -> bool {
        !self.taken.contains(id) && !self.published.contains(id)
    }
}
