//! Attributes of the documents that event packages carry.

use crate::xml::Element;

/// A mandatory attribute is missing or has none of its values; holds its name.
#[derive(Debug)]
pub(crate) struct Invalid(pub(crate) &'static str);

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
) -> Result<T, Invalid> {
    element.attribute(name).and_then(read).ok_or(Invalid(name))
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
