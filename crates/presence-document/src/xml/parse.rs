//! Bytes to tree, within limits and without a document type.

use super::chars::{is_char, is_ncname};
use super::{Attribute, Binding, Element, Name, Node};
use crate::namespace;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::name::PrefixDeclaration;
use quick_xml::reader::Reader;
use std::sync::Arc;

/// How large a document may be; beyond any of these it is refused as a whole.
pub(crate) struct Limits {
    /// Bytes of text.
    pub(crate) bytes: usize,
    /// Elements in all.
    pub(crate) elements: usize,
}

/// Elements inside each other; a deeper document is refused. Presence with a location in it needs about ten.
const MAX_DEPTH: usize = 32;

/// Attributes and namespace declarations on one element; with more the document is refused.
const MAX_ATTRIBUTES: usize = 32;

/// Bytes of one name or namespace URI; a document with a longer one is refused, because a composite may repeat them.
const MAX_NAME_BYTES: usize = 256;

/// Why bytes are not an XML document that is read here; always the fault of who wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum XmlError {
    /// Not UTF-8, or declared to be in another encoding.
    Encoding,
    /// A document type declaration, which could define entities.
    DocType,
    /// A reference to an entity that XML does not predefine.
    Entity,
    /// A prefix without a declaration; holds the prefix.
    UnboundPrefix(Box<str>),
    /// Not well-formed in another way.
    Malformed,
    /// More bytes, elements, depth, attributes or longer names than are taken.
    TooLarge,
}

impl std::fmt::Display for XmlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Encoding => f.write_str("the document is not in UTF-8"),
            Self::DocType => f.write_str("a document type declaration is not taken"),
            Self::Entity => f.write_str("an entity is not defined"),
            Self::UnboundPrefix(prefix) => write!(f, "the namespace prefix {prefix:?} is not declared"),
            Self::Malformed => f.write_str("the document is not well-formed XML"),
            Self::TooLarge => f.write_str("the document is larger than is taken"),
        }
    }
}

impl std::error::Error for XmlError {}

/// The root element of the document in `bytes`.
pub(crate) fn parse(bytes: &[u8], limits: &Limits) -> Result<Element, XmlError> {
    if bytes.len() > limits.bytes {
        return Err(XmlError::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| XmlError::Encoding)?;
    // Phones put empty lines before the declaration, where XML 1.0 §2.8 allows nothing; no meaning is lost.
    let text = text.trim_start_matches('\u{feff}').trim_ascii();
    if !text.chars().all(is_char) {
        return Err(XmlError::Malformed);
    }
    let mut reader = Reader::from_str(text);
    let mut builder = Builder::new(limits);
    loop {
        let before = reader.buffer_position();
        match reader.read_event().map_err(|_| XmlError::Malformed)? {
            Event::Start(start) => builder.start(&start)?,
            Event::Empty(start) => {
                builder.start(&start)?;
                builder.end()?;
            }
            Event::End(_) => builder.end()?,
            Event::Text(text) => builder.text(&text.xml10_content())?,
            Event::CData(text) => builder.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => builder.reference(&reference)?,
            Event::Decl(declaration) => check_declaration(&declaration, before)?,
            Event::DocType(_) => return Err(XmlError::DocType),
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return builder.finish(),
        }
    }
}

/// RFC 3863 §4.1 asks for the declaration; a document without one is UTF-8 by XML 1.0 §4.3.3 and taken.
fn check_declaration(declaration: &BytesDecl<'_>, position: u64) -> Result<(), XmlError> {
    if position != 0 {
        return Err(XmlError::Malformed);
    }
    match declaration.encoding() {
        None => Ok(()),
        Some(Err(_)) => Err(XmlError::Malformed),
        Some(Ok(name)) if name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("us-ascii") => {
            Ok(())
        }
        Some(Ok(_)) => Err(XmlError::Encoding),
    }
}

/// The elements that are open and the declarations in force.
struct Builder<'l> {
    limits: &'l Limits,
    elements: usize,
    scope: Vec<Binding>,
    open: Vec<Element>,
    root: Option<Element>,
}

impl<'l> Builder<'l> {
    fn new(limits: &'l Limits) -> Self {
        let scope = vec![Binding::new("", ""), Binding::new("xml", namespace::XML)];
        Self { limits, elements: 0, scope, open: Vec::new(), root: None }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), XmlError> {
        self.elements += 1;
        if self.elements > self.limits.elements || self.open.len() >= MAX_DEPTH {
            return Err(XmlError::TooLarge);
        }
        if self.open.is_empty() && self.root.is_some() {
            return Err(XmlError::Malformed);
        }
        let mut bindings = Vec::new();
        let mut values = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| XmlError::Malformed)?;
            if attribute.value.contains('<') {
                return Err(XmlError::Malformed);
            }
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| XmlError::Entity)?;
            if !value.chars().all(is_char) {
                return Err(XmlError::Malformed);
            }
            match attribute.key.as_namespace_binding() {
                Some(declaration) => bindings.push(binding(declaration, &value)?),
                None => values.push((attribute.key.into_inner(), value)),
            }
        }
        if bindings.len() + values.len() > MAX_ATTRIBUTES {
            return Err(XmlError::TooLarge);
        }
        self.scope.extend(bindings.iter().cloned());
        let name = self.resolve(start.name().into_inner(), Kind::Element)?;
        let mut element = Element { name, bindings, attributes: Vec::new(), children: Vec::new() };
        for (key, value) in values {
            let name = self.resolve(key, Kind::Attribute)?;
            if element.attributes.iter().any(|a| a.name.is(&name.namespace, &name.local)) {
                return Err(XmlError::Malformed); // Namespaces in XML 1.0 §6.3: two prefixes, one attribute
            }
            element.attributes.push(Attribute { name, value: value.into() });
        }
        self.open.push(element);
        Ok(())
    }

    fn end(&mut self) -> Result<(), XmlError> {
        let element = self.open.pop().ok_or(XmlError::Malformed)?;
        self.scope.truncate(self.scope.len().saturating_sub(element.bindings.len()));
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Node::Element(element)),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        let Some(element) = self.open.last_mut() else {
            return if text.trim_ascii().is_empty() { Ok(()) } else { Err(XmlError::Malformed) };
        };
        // References and comments split a text into pieces; the tree holds it as one.
        if let Some(Node::Text(before)) = element.children.last_mut() {
            before.push_str(text);
        } else {
            element.children.push(Node::Text(text.into()));
        }
        Ok(())
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Result<(), XmlError> {
        if self.open.is_empty() {
            return Err(XmlError::Malformed);
        }
        match reference.resolve_char_ref().map_err(|_| XmlError::Malformed)? {
            Some(c) if is_char(c) => self.text(c.encode_utf8(&mut [0; 4])),
            Some(_) => Err(XmlError::Malformed),
            None => self.text(resolve_predefined_entity(reference).ok_or(XmlError::Entity)?),
        }
    }

    fn finish(self) -> Result<Element, XmlError> {
        if self.open.is_empty() { self.root.ok_or(XmlError::Malformed) } else { Err(XmlError::Malformed) }
    }

    fn resolve(&self, qname: &str, kind: Kind) -> Result<Name, XmlError> {
        let (prefix, local) = qname.split_once(':').map_or((None, qname), |(p, l)| (Some(p), l));
        if qname.len() > MAX_NAME_BYTES {
            return Err(XmlError::TooLarge);
        }
        if !is_ncname(local) || prefix.is_some_and(|p| !is_ncname(p)) {
            return Err(XmlError::Malformed);
        }
        // Namespaces in XML 1.0 §6.2: an attribute without a prefix is in no namespace.
        let Some(wanted) = prefix.or(match kind {
            Kind::Element => Some(""),
            Kind::Attribute => None,
        }) else {
            let none: Arc<str> = "".into();
            return Ok(Name { namespace: Arc::clone(&none), prefix: none, local: local.into() });
        };
        let bound = self.scope.iter().rev().find(|b| *b.prefix == *wanted);
        let bound = bound.ok_or_else(|| XmlError::UnboundPrefix(wanted.into()))?;
        let (namespace, prefix) = (Arc::clone(&bound.namespace), Arc::clone(&bound.prefix));
        Ok(Name { namespace, prefix, local: local.into() })
    }
}

/// Whether the default namespace applies to a name.
#[derive(Clone, Copy)]
enum Kind {
    Element,
    Attribute,
}

/// Namespaces in XML 1.0 §3 and §5: what may be bound to what.
fn binding(declaration: PrefixDeclaration<'_>, namespace: &str) -> Result<Binding, XmlError> {
    let prefix = match declaration {
        PrefixDeclaration::Default => "",
        PrefixDeclaration::Named(prefix) if is_ncname(prefix) && !namespace.is_empty() => prefix,
        PrefixDeclaration::Named(_) => return Err(XmlError::Malformed),
    };
    if prefix.len() > MAX_NAME_BYTES || namespace.len() > MAX_NAME_BYTES {
        return Err(XmlError::TooLarge);
    }
    let reserved = namespace == namespace::XMLNS || (prefix == "xml") != (namespace == namespace::XML);
    if prefix == "xmlns" || reserved {
        return Err(XmlError::Malformed);
    }
    Ok(Binding::new(prefix, namespace))
}
