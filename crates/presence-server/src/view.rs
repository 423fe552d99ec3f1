//! What each watcher of a presentity is shown now.

use bytes::Bytes;
use clock::Wall;
use presence_document::{
    Basic, Component, Pidf, Source, SubHandling, Verdict, filter, neutral_document, polite_block_document,
};
use sip_event::short_hash;
use std::sync::Arc;

/// Octets of a body that still fits into a SIP message with its headers; a composite that has grown larger, by what its
/// sources make each other repeat, is shown as closed.
const MAX_BODY: usize = 56 * 1024;

/// One watcher's view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    /// The body of its NOTIFYs; `None` shows nothing at all.
    pub(crate) body: Option<Bytes>,
    /// Equal views have equal fingerprints, also over a restart.
    pub(crate) fingerprint: u64,
}

/// The views of one presentity, each made once.
#[derive(Debug)]
pub(crate) struct Views {
    /// Whether the presentity was registered, where that counts.
    is_registered: bool,
    /// Until then, if nothing is published meanwhile.
    until: Option<Wall>,
    /// Octets of the documents.
    octets: usize,
    composite: Arc<Pidf>,
    sphere: Option<Box<str>>,
    /// Most watchers may see the same, so that few documents are made for many of them.
    made: Vec<(Verdict, View)>,
}

impl Views {
    pub(crate) const fn new(
        is_registered: bool,
        until: Option<Wall>,
        octets: usize,
        composite: Arc<Pidf>,
        sphere: Option<Box<str>>,
    ) -> Self {
        Self { is_registered, until, octets, composite, sphere, made: Vec::new() }
    }

    /// Whether they are still right.
    pub(crate) fn hold(&self, is_registered: bool, wall: Wall) -> bool {
        self.is_registered == is_registered && self.is_timely(wall)
    }

    /// Whether their documents are still right.
    pub(crate) fn is_timely(&self, wall: Wall) -> bool {
        self.until.is_none_or(|until| wall < until)
    }

    /// Octets of the documents that they are made of, and of the bodies that have been made of them.
    pub(crate) fn octets(&self) -> usize {
        let bodies = self.made.iter().filter_map(|(_, view)| view.body.as_ref());
        self.octets + bodies.map(Bytes::len).sum::<usize>()
    }

    /// The sphere that the presentity publishes.
    pub(crate) fn sphere(&self) -> Option<&str> {
        self.sphere.as_deref()
    }

    /// What a watcher with this verdict is shown (rule PRS-04).
    pub(crate) fn view(&mut self, verdict: &Verdict) -> View {
        if let Some((_, view)) = self.made.iter().find(|(known, _)| known == verdict) {
            return view.clone();
        }
        let view = match verdict.action {
            SubHandling::Allow => View::of(&filter(&self.composite, &verdict.permissions)),
            SubHandling::PoliteBlock => View::of(&polite_block_document(self.composite.entity())),
            SubHandling::Confirm => View::of(&neutral_document(self.composite.entity())),
            SubHandling::Block => View { body: None, fingerprint: 0 },
        };
        self.made.push((verdict.clone(), view.clone()));
        view
    }
}

impl View {
    fn of(document: &Pidf) -> Self {
        let body = Bytes::from(document.to_bytes());
        if body.len() > MAX_BODY {
            return Self::of(&polite_block_document(document.entity()));
        }
        let fingerprint = short_hash(&[&body]);
        Self { body: Some(body), fingerprint }
    }
}

/// What one source says.
pub(crate) struct Stored {
    pub(crate) number: u64,
    pub(crate) document: Pidf,
    pub(crate) published: Wall,
}

impl Stored {
    pub(crate) const fn source(&self) -> Source<'_> {
        Source { number: self.number, document: &self.document, published: self.published }
    }
}

/// What a registration alone says: the user can be reached at its own address. Undated, so that a refreshed registration is no
/// change.
pub(crate) fn registered_document(presentity: &str) -> Stored {
    let tuple = Component::tuple("registration", Basic::Open).with_contact(presentity);
    Stored { number: u64::MAX, document: Pidf::new(presentity).with(tuple), published: Wall::default() }
}
