//! What of a document one watcher is shown (RFC 5025 §3.3 and §4).

use crate::namespace::{DATA_MODEL, PIDF, RPID, XML};
use crate::pidf::{Component, Kind, Pidf, is_note};
use crate::rules::{Member, Permissions, PresenceAttribute, Selection, UserInput};
use crate::uri::canonical_uri;
use crate::xml::{Element, Node};

/// The part of `document` that `permissions` grant.
///
/// Filtering what is already filtered changes nothing (RFC 5025 §4), unless occurrences are granted by a class that is
/// itself not shown. White space between elements is not kept, so that nobody can count what was taken out.
#[must_use]
pub fn filter(document: &Pidf, permissions: &Permissions) -> Pidf {
    let granted = Granted(permissions);
    let mut filtered = Pidf::new(&document.entity);
    for binding in &document.root.bindings {
        let known = [PIDF, DATA_MODEL, RPID].contains(&&*binding.namespace);
        let taken = filtered.root.bindings.iter().any(|b| b.prefix == binding.prefix);
        // A declaration tells of extensions whose elements are not shown.
        if !taken && (known || granted.shows_unknown()) {
            filtered.root.bindings.push(binding.clone());
        }
    }
    let shown = document.components.iter().filter(|c| granted.occurrence(c));
    filtered.components = shown.map(|c| granted.component(c)).collect();
    if granted.presence_notes(&filtered) {
        filtered.notes.clone_from(&document.notes);
    }
    filtered.others = document.others.iter().filter(|e| granted.top_level(e)).cloned().collect();
    filtered
}

struct Granted<'p>(&'p Permissions);

impl Granted<'_> {
    fn shows_unknown(&self) -> bool {
        self.0.all_attributes || !self.0.unknown.is_empty()
    }

    /// §3.3.1: whether an occurrence is shown at all.
    fn occurrence(&self, component: &Component) -> bool {
        let selection = match component.kind() {
            Kind::Service => &self.0.services,
            Kind::Person => &self.0.persons,
            Kind::Device => &self.0.devices,
        };
        selection.all || selection.members.iter().any(|member| names(member, component))
    }

    /// §3.3.2: the occurrence with those of its elements that are granted.
    fn component(&self, component: &Component) -> Component {
        if self.0.all_attributes {
            return component.clone();
        }
        let kind = component.kind();
        let mut element = self.shell(&component.element);
        element.children = component
            .element
            .elements()
            .filter_map(|e| self.presence_attribute(e, kind))
            .map(Node::Element)
            .collect();
        Component { kind, element }
    }

    /// The element without content, with none but the attributes of RFC 3863 and RFC 4479.
    fn shell(&self, element: &Element) -> Element {
        let attributes = element.attributes.iter().filter(|a| a.name.is("", "id") || a.name.is(XML, "lang"));
        let bindings = if self.shows_unknown() { element.bindings.clone() } else { Vec::new() };
        let (name, attributes) = (element.name.clone(), attributes.cloned().collect());
        Element { name, bindings, attributes, children: Vec::new() }
    }

    /// One child of a component, as far as it is shown.
    fn presence_attribute(&self, element: &Element, kind: Kind) -> Option<Element> {
        if element.is(PIDF, "status") && kind == Kind::Service {
            return Some(self.status(element));
        }
        if element.is(RPID, "user-input") {
            return self.user_input(element);
        }
        self.shows(element, kind).then(|| element.clone())
    }

    fn shows(&self, element: &Element, kind: Kind) -> bool {
        if is_always_shown(element, kind) {
            return true;
        }
        let attribute = if is_note(element) {
            Some(PresenceAttribute::Note)
        } else {
            PresenceAttribute::of_element(&element.name)
        };
        // §3.3.2.14: an element with a permission of its own is not unknown, whoever names it.
        attribute.map_or_else(|| self.unknown(element), |a| self.0.attributes.contains(&a))
    }

    /// Basic is always shown; its extensions (RFC 3863 §4.2.4) are presence attributes of the tuple (RFC 4479 §5).
    fn status(&self, element: &Element) -> Element {
        let mut status = self.shell(element);
        let shown = element.elements().filter(|e| e.is(PIDF, "basic") || self.unknown(e));
        status.children = shown.cloned().map(Node::Element).collect();
        status
    }

    /// §3.3.2.12. The RFC says `since`; RFC 4480 calls the time of the last input `last-input`.
    fn user_input(&self, element: &Element) -> Option<Element> {
        let kept: &[&str] = match self.0.user_input {
            UserInput::False => return None,
            UserInput::Bare => &["id"],
            UserInput::Thresholds => &["id", "idle-threshold"],
            UserInput::Full => return Some(element.clone()),
        };
        let mut element = element.clone();
        element.attributes.retain(|a| a.name.namespace.is_empty() && kept.contains(&&*a.name.local));
        Some(element)
    }

    fn unknown(&self, element: &Element) -> bool {
        let name = &element.name;
        self.0.unknown.iter().any(|(namespace, local)| name.is(namespace, local))
    }

    /// RFC 4479 §5: a note beside the components speaks of every person without one, and is shown with such a person.
    fn presence_notes(&self, filtered: &Pidf) -> bool {
        let grants = self.0.all_attributes || self.0.attributes.contains(&PresenceAttribute::Note);
        let speaks_of_somebody = filtered.persons().any(|p| p.notes().next().is_none());
        grants && (self.0.persons.all || speaks_of_somebody)
    }

    /// RFC 5025 grants nothing outside components; shown to who is named it, or may see everything.
    fn top_level(&self, element: &Element) -> bool {
        let selections: [&Selection; 3] = [&self.0.services, &self.0.persons, &self.0.devices];
        self.unknown(element) || (self.0.all_attributes && selections.iter().all(|s| s.all))
    }
}

/// §3.3.1: members name occurrences; each means something only for some kinds.
fn names(member: &Member, component: &Component) -> bool {
    let kind = component.kind();
    match member {
        Member::Class(class) => component.class() == Some(class),
        Member::OccurrenceId(id) => component.id() == &**id,
        Member::DeviceId(id) => {
            kind == Kind::Device && component.device_id().is_some_and(|d| same_uri(d, id))
        }
        Member::ServiceUri(uri) => {
            kind == Kind::Service && component.contact().is_some_and(|c| same_uri(c, uri))
        }
        Member::ServiceUriScheme(scheme) => {
            let parts = component.contact().and_then(|c| c.split_once(':'));
            kind == Kind::Service && parts.is_some_and(|(s, _)| s == &**scheme) // §3.3.1.3: case-sensitive
        }
    }
}

fn same_uri(left: &str, right: &str) -> bool {
    canonical_uri(left) == canonical_uri(right)
}

/// §3.3.2: what comes with an occurrence without a permission.
fn is_always_shown(element: &Element, kind: Kind) -> bool {
    let timestamp = element.is(PIDF, "timestamp") || element.is(DATA_MODEL, "timestamp");
    timestamp
        || match kind {
            Kind::Service => element.is(PIDF, "contact") || element.is(RPID, "service-class"),
            Kind::Person => false,
            Kind::Device => element.is(DATA_MODEL, "deviceID"),
        }
}
