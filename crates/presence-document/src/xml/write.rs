//! Tree to bytes.

use super::chars::is_char;
use super::{Binding, Element, Name, Node};
use crate::namespace;

/// RFC 3863 §4.1: a document begins with the XML declaration and names its encoding.
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// The whole document whose root is `root`.
pub(crate) fn document(root: &Element) -> Vec<u8> {
    let mut writer = Writer::document();
    writer.element(root);
    writer.finish()
}

/// Writes elements one after the other and declares every namespace where it is first needed.
///
/// An element taken from one document can so be written into another, whatever is declared around it there.
pub(crate) struct Writer {
    out: String,
    scope: Vec<Binding>,
}

impl Writer {
    /// At the start of a document, its declaration written.
    pub(crate) fn document() -> Self {
        let scope = vec![Binding::new("", ""), Binding::new("xml", namespace::XML)];
        Self { out: DECLARATION.into(), scope }
    }

    /// What was written.
    pub(crate) fn finish(self) -> Vec<u8> {
        #[cfg(feature = "steps")]
        crate::steps::count(self.out.len());
        self.out.into_bytes()
    }

    /// Starts a new line, between the parts of a document where white space means nothing.
    pub(crate) fn line(&mut self) {
        self.out.push('\n');
    }

    /// `element` with all it holds. As deep as the element is, which parsing bounds.
    pub(crate) fn element(&mut self, element: &Element) {
        let outside = self.scope.len();
        if element.children.is_empty() {
            self.tag(element);
            self.out.push_str("/>");
        } else {
            self.open(element);
            for child in &element.children {
                match child {
                    Node::Element(inner) => self.element(inner),
                    Node::Text(text) => escape_text(&mut self.out, text),
                }
            }
            self.close(element);
        }
        self.scope.truncate(outside);
    }

    /// The start tag only; its declarations stay in force.
    pub(crate) fn open(&mut self, element: &Element) {
        self.tag(element);
        self.out.push('>');
    }

    /// The end tag.
    pub(crate) fn close(&mut self, element: &Element) {
        self.out.push_str("</");
        self.name(&element.name);
        self.out.push('>');
    }

    fn tag(&mut self, element: &Element) {
        self.out.push('<');
        self.name(&element.name);
        for binding in &element.bindings {
            self.declare(&binding.prefix, &binding.namespace);
        }
        self.declare(&element.name.prefix, &element.name.namespace);
        for attribute in &element.attributes {
            if !attribute.name.prefix.is_empty() {
                self.declare(&attribute.name.prefix, &attribute.name.namespace);
            }
        }
        for attribute in &element.attributes {
            self.out.push(' ');
            self.name(&attribute.name);
            self.value(&attribute.value);
        }
    }

    fn name(&mut self, name: &Name) {
        if !name.prefix.is_empty() {
            self.out.push_str(&name.prefix);
            self.out.push(':');
        }
        self.out.push_str(&name.local);
    }

    fn declare(&mut self, prefix: &str, namespace: &str) {
        let bound = self.scope.iter().rev().find(|b| *b.prefix == *prefix);
        if bound.is_some_and(|b| *b.namespace == *namespace) {
            return;
        }
        self.out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
        self.out.push_str(prefix);
        self.value(namespace);
        self.scope.push(Binding::new(prefix, namespace));
    }

    fn value(&mut self, value: &str) {
        self.out.push_str("=\"");
        for c in value.chars() {
            match c {
                '"' => self.out.push_str("&quot;"),
                '\t' => self.out.push_str("&#9;"),
                '\n' => self.out.push_str("&#10;"),
                other => escape(&mut self.out, other),
            }
        }
        self.out.push('"');
    }
}

fn escape_text(out: &mut String, text: &str) {
    for c in text.chars() {
        escape(out, c);
    }
}

fn escape(out: &mut String, c: char) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '\r' => out.push_str("&#13;"), // a bare one would be read as a line end
        other if is_char(other) => out.push(other),
        _ => out.push('\u{fffd}'), // a caller's text may hold what XML cannot carry
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::{Limits, parse};

    const LIMITS: Limits = Limits { bytes: 4096, elements: 64 };

    fn written(element: &Element) -> String {
        let text = String::from_utf8(document(element)).unwrap();
        text.strip_prefix(DECLARATION).unwrap().to_owned()
    }

    #[test]
    fn what_is_read_is_written_the_same() {
        for text in [
            "<a/>",
            "<a b=\"1\" c=\"\"/>",
            "<a xmlns=\"u\" xmlns:p=\"v\" p:x=\"1\"><p:b/><c/>text<d xmlns=\"\"/></a>",
            "<p:a xmlns:p=\"u\"><p:b xmlns:p=\"v\"><p:c/></p:b><p:d/></p:a>",
            "<a xml:lang=\"de\">&amp;&lt;&gt;\"'&#13;\n\t</a>",
            "<a b=\"&quot;'&#9;&#10;&#13;&amp;&lt;&gt;\"/>",
        ] {
            assert_eq!(written(&parse(text.as_bytes(), &LIMITS).unwrap()), text);
        }
    }

    #[test]
    fn what_can_be_said_in_two_ways_is_written_in_one() {
        let table = [
            ("<a ></a >", "<a/>"),
            ("<a b='1'/>", "<a b=\"1\"/>"),
            ("<a>x<!-- y -->z<?p?></a>", "<a>xz</a>"),
            ("<a><![CDATA[<&]]>&#x41;&#66;&apos;</a>", "<a>&lt;&amp;AB'</a>"),
            ("<a b='1\n2\t3&#10;4'/>", "<a b=\"1 2 3&#10;4\"/>"),
            ("<a>1\r\n2\r3</a>", "<a>1\n2\n3</a>"),
            ("<a xmlns='u'><b xmlns='u'/></a>", "<a xmlns=\"u\"><b/></a>"),
        ];
        for (text, expected) in table {
            assert_eq!(written(&parse(text.as_bytes(), &LIMITS).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn an_element_taken_out_declares_what_it_needs() {
        let text = "<r xmlns='u' xmlns:p='v' xmlns:q='w'><p:a q:x='1'><b/></p:a></r>";
        let root = parse(text.as_bytes(), &LIMITS).unwrap();
        let inner = root.child("v", "a").unwrap();
        assert_eq!(written(inner), "<p:a xmlns:p=\"v\" xmlns:q=\"w\" q:x=\"1\"><b xmlns=\"u\"/></p:a>");
    }

    #[test]
    fn an_element_put_elsewhere_keeps_its_namespaces() {
        let root = parse(b"<r><p:a xmlns:p='v'/></r>", &LIMITS).unwrap();
        let mut other = Element::new("u", "", "s");
        other.bindings.push(Binding::new("p", "other"));
        let other = other.with_child(root.child("v", "a").unwrap().clone()).with_child(root);
        assert_eq!(
            written(&other),
            "<s xmlns:p=\"other\" xmlns=\"u\"><p:a xmlns:p=\"v\"/><r xmlns=\"\"><p:a xmlns:p=\"v\"/></r></s>"
        );
    }
}
