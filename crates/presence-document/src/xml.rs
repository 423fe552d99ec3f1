//! An owned XML tree with resolved names.
//!
//! Comments and processing instructions are not kept: they carry no presence. Everything else is, with the prefixes
//! as the author wrote them, so that an element this crate does not know is written again as it came.

mod chars;
mod parse;
mod write;

use crate::namespace;
use std::sync::Arc;

pub(crate) use chars::{is_ncname, ncname_of};
pub use parse::XmlError;
pub(crate) use parse::{Limits, parse};
pub(crate) use write::{Writer, document};

/// A qualified name: the namespace decides what it means, the prefix only how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// Empty for no namespace.
    pub(crate) namespace: Arc<str>,
    /// Empty for none.
    pub(crate) prefix: Arc<str>,
    pub(crate) local: Box<str>,
}

impl Name {
    /// Whether this is `local` in `namespace`, whatever the prefix.
    pub(crate) fn is(&self, namespace: &str, local: &str) -> bool {
        *self.local == *local && *self.namespace == *namespace
    }
}

/// A namespace declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binding {
    /// Empty for the default namespace.
    pub(crate) prefix: Arc<str>,
    /// Empty to undo the default namespace.
    pub(crate) namespace: Arc<str>,
}

impl Binding {
    pub(crate) fn new(prefix: &str, namespace: &str) -> Self {
        Self { prefix: prefix.into(), namespace: namespace.into() }
    }
}

/// An attribute that is not a namespace declaration; its value is unescaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub(crate) name: Name,
    pub(crate) value: Box<str>,
}

/// What stands between a start tag and its end tag; text is unescaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Element(Element),
    Text(String),
}

/// An element with the namespace declarations written on it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: Name,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) children: Vec<Node>,
}

impl Element {
    /// An empty element.
    pub(crate) fn new(namespace: &str, prefix: &str, local: &str) -> Self {
        let name = Name { namespace: namespace.into(), prefix: prefix.into(), local: local.into() };
        Self { name, bindings: Vec::new(), attributes: Vec::new(), children: Vec::new() }
    }

    /// The same element with `text` after what it holds.
    pub(crate) fn with_text(mut self, text: &str) -> Self {
        self.children.push(Node::Text(text.into()));
        self
    }

    /// The same element with `child` after what it holds.
    pub(crate) fn with_child(mut self, child: Self) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    /// The same element with an attribute in no namespace, replacing one of that name.
    pub(crate) fn with_attribute(mut self, local: &str, value: &str) -> Self {
        self.set_attribute("", "", local, value);
        self
    }

    /// Sets an attribute, replacing the one of that namespace and name.
    pub(crate) fn set_attribute(&mut self, namespace: &str, prefix: &str, local: &str, value: &str) {
        self.attributes.retain(|a| !a.name.is(namespace, local));
        let name = Name { namespace: namespace.into(), prefix: prefix.into(), local: local.into() };
        self.attributes.push(Attribute { name, value: value.into() });
    }

    /// Whether this is the element `local` of `namespace`.
    pub(crate) fn is(&self, namespace: &str, local: &str) -> bool {
        self.name.is(namespace, local)
    }

    /// The value of an attribute in no namespace.
    pub(crate) fn attribute(&self, local: &str) -> Option<&str> {
        self.attribute_in("", local)
    }

    /// The value of `xml:lang` on this very element.
    pub(crate) fn lang(&self) -> Option<&str> {
        self.attribute_in(namespace::XML, "lang")
    }

    fn attribute_in(&self, namespace: &str, local: &str) -> Option<&str> {
        self.attributes.iter().find(|a| a.name.is(namespace, local)).map(|a| &*a.value)
    }

    /// The child elements in document order.
    pub(crate) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The first child element `local` of `namespace`.
    pub(crate) fn child(&self, namespace: &str, local: &str) -> Option<&Self> {
        self.elements().find(|e| e.is(namespace, local))
    }

    /// The first run of text directly inside, without white space around it.
    pub(crate) fn text(&self) -> &str {
        let first = self.children.iter().find_map(|node| match node {
            Node::Text(text) => Some(text.as_str()),
            Node::Element(_) => None,
        });
        first.unwrap_or_default().trim()
    }
}

/// The name only: what it holds is somebody's.
impl std::fmt::Debug for Element {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{}>", self.name.local)
    }
}
