//! Documents made here: by a presence user agent, or by a server that knows something itself.

use super::Pidf;
use super::component::{Basic, Component, Kind};
use crate::namespace::{DATA_MODEL, PIDF, RPID};
use crate::time;
use crate::xml::{self, Binding, Element, Node};
use clock::Wall;

impl Pidf {
    /// The same document with one more component.
    #[must_use]
    pub fn with(mut self, component: Component) -> Self {
        for binding in [Binding::new("dm", DATA_MODEL), Binding::new("rpid", RPID)] {
            let used = uses(&component.element, &binding.namespace);
            if used && !self.root.bindings.iter().any(|b| b.prefix == binding.prefix) {
                self.root.bindings.push(binding);
            }
        }
        self.add(component);
        self
    }
}

impl Component {
    /// A service. Within one presentity no other component has the id.
    #[must_use]
    pub fn tuple(id: &str, basic: Basic) -> Self {
        let basic = Element::new(PIDF, "", "basic").with_text(basic.as_str());
        let status = Element::new(PIDF, "", "status").with_child(basic);
        let element = Element::new(PIDF, "", "tuple").with_attribute("id", id).with_child(status);
        Self { kind: Kind::Service, element }
    }

    /// The person. Within one presentity no other component has the id.
    #[must_use]
    pub fn person(id: &str) -> Self {
        let element = Element::new(DATA_MODEL, "dm", "person").with_attribute("id", id);
        Self { kind: Kind::Person, element }
    }

    /// A device, known by a URN (RFC 4479 §3.4).
    #[must_use]
    pub fn device(id: &str, device_id: &str) -> Self {
        let element = Element::new(DATA_MODEL, "dm", "device").with_attribute("id", id);
        Self { kind: Kind::Device, element }.with_device_id(device_id)
    }

    /// Sets the URI of the service.
    #[must_use]
    pub fn with_contact(self, uri: &str) -> Self {
        self.placed(Element::new(PIDF, "", "contact").with_text(uri))
    }

    /// Sets the device that a service runs on.
    #[must_use]
    pub fn with_device_id(self, device_id: &str) -> Self {
        self.placed(Element::new(DATA_MODEL, "dm", "deviceID").with_text(device_id))
    }

    /// Adds what the person is doing, by its name in RFC 4480 §3.2; `None` when that is no XML name.
    #[must_use]
    pub fn with_activity(mut self, name: &str) -> Option<Self> {
        if !xml::is_ncname(name) {
            return None;
        }
        let activity = Node::Element(Element::new(RPID, "rpid", name));
        let activities = self.element.children.iter_mut().find_map(|node| match node {
            Node::Element(element) if element.is(RPID, "activities") => Some(element),
            Node::Element(_) | Node::Text(_) => None,
        });
        if let Some(activities) = activities {
            activities.children.push(activity);
            return Some(self);
        }
        let mut activities = Element::new(RPID, "rpid", "activities");
        activities.children.push(activity);
        Some(self.placed(activities))
    }

    /// Adds a comment in no stated language.
    #[must_use]
    pub fn with_note(self, text: &str) -> Self {
        let (namespace, prefix) = self.own_namespace();
        self.placed(Element::new(namespace, prefix, "note").with_text(text))
    }

    /// Sets when this last changed; left out after the year 9999.
    #[must_use]
    pub fn with_timestamp(self, at: Wall) -> Self {
        let (namespace, prefix) = self.own_namespace();
        match time::format(at) {
            Some(text) => self.placed(Element::new(namespace, prefix, "timestamp").with_text(&text)),
            None => self,
        }
    }

    const fn own_namespace(&self) -> (&'static str, &'static str) {
        match self.kind {
            Kind::Service => (PIDF, ""),
            Kind::Person | Kind::Device => (DATA_MODEL, "dm"),
        }
    }

    /// Puts an element where the schemas want it; one of its name gives way, except notes, of which there are many.
    fn placed(mut self, element: Element) -> Self {
        let place = rank(&element.name.local);
        let is_note = &*element.name.local == "note";
        let same = |e: &Element| !is_note && e.is(&element.name.namespace, &element.name.local);
        self.element.children.retain(|node| !matches!(node, Node::Element(e) if same(e)));
        let after = self.element.children.iter().position(|node| match node {
            Node::Element(e) => rank(&e.name.local) > place,
            Node::Text(_) => false,
        });
        let at = after.unwrap_or(self.element.children.len());
        self.element.children.insert(at, Node::Element(element));
        self
    }
}

/// RFC 3863 §4.4 and RFC 4479 §5.1.2: status, extensions, device, contact, notes, timestamp.
fn rank(local: &str) -> u8 {
    match local {
        "status" => 0,
        "deviceID" => 2,
        "contact" => 3,
        "note" => 4,
        "timestamp" => 5,
        _ => 1,
    }
}

fn uses(element: &Element, namespace: &str) -> bool {
    *element.name.namespace == *namespace || element.elements().any(|e| uses(e, namespace))
}
