//! What the documents that event packages carry about a subscription or a registration have in common.

use crate::xml::{Element, XmlError};

/// Why bytes are not watcher information or registration information; always the fault of who sent them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InfoError {
    /// Not XML that is taken.
    Xml(XmlError),
    /// The root is another element than this.
    Root(&'static str),
    /// This attribute is missing or has none of its values.
    Attribute(&'static str),
    /// This element is missing or empty.
    Element(&'static str),
}

impl std::fmt::Display for InfoError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Xml(error) => error.fmt(f),
            Self::Root(name) => write!(f, "the root element is not {name}"),
            Self::Attribute(name) => write!(f, "the attribute {name} is missing or has no valid value"),
            Self::Element(name) => write!(f, "the element {name} is missing or empty"),
        }
    }
}

impl std::error::Error for InfoError {}

/// A text that says something.
pub(crate) fn text(value: &str) -> Option<Box<str>> {
    (!value.is_empty()).then(|| value.into())
}

pub(crate) fn number<T: std::str::FromStr>(value: &str) -> Option<T> {
    value.trim().parse().ok()
}

/// The attribute as `read` takes it.
pub(crate) fn required<T>(
    element: &Element,
    name: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<T, InfoError> {
    element.attribute(name).and_then(read).ok_or(InfoError::Attribute(name))
}

/// The element with those of the attributes that have a value.
pub(crate) fn with_those_there<const N: usize>(
    element: Element,
    attributes: [(&'static str, Option<String>); N],
) -> Element {
    attributes.into_iter().fold(element, |element, (name, value)| match value {
        Some(value) => element.with_attribute(name, &value),
        None => element,
    })
}
