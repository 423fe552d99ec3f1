//! What each watcher of a presentity is shown now.

use crate::PresenceServer;
use crate::settings::RegistrationHint;
use bytes::Bytes;
use clock::{Now, Wall};
use presence_document::{
    Basic, Component, Permissions, Pidf, Source, SubHandling, Verdict, compose, filter, neutral_document,
    polite_block_document, sphere,
};
use sha2::{Digest as _, Sha256};

/// Octets of a body that still fits into a SIP message with its headers; a composite that has grown larger, by what its
/// sources make each other repeat, is shown as closed.
const MAX_BODY: usize = 56 * 1024;

/// Octets of all documents of one presentity together; a PUBLISH that needs more gets 413.
pub(crate) const MAX_DOCUMENTS: usize = 48 * 1024;

/// One watcher's view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    /// The body of its NOTIFYs; `None` shows nothing at all.
    pub(crate) body: Option<Bytes>,
    /// Equal views have equal digests, also over a restart.
    pub(crate) digest: u64,
}

/// The views of one presentity at one moment, each made once.
#[derive(Debug)]
pub(crate) struct Views {
    composite: Pidf,
    sphere: Option<Box<str>>,
    filtered: Vec<(Permissions, View)>,
}

impl Views {
    /// The sphere that the presentity publishes.
    pub(crate) fn sphere(&self) -> Option<&str> {
        self.sphere.as_deref()
    }

    /// What a watcher with this verdict is shown (rule PRS-04).
    pub(crate) fn view(&mut self, verdict: &Verdict) -> View {
        match verdict.action {
            SubHandling::Allow => self.filtered(&verdict.permissions),
            SubHandling::PoliteBlock => View::of(&polite_block_document(self.composite.entity())),
            SubHandling::Confirm => View::of(&neutral_document(self.composite.entity())),
            SubHandling::Block => View { body: None, digest: 0 },
        }
    }

    /// Most watchers have the same few permissions, so that few documents are made for many of them.
    fn filtered(&mut self, permissions: &Permissions) -> View {
        if let Some((_, view)) = self.filtered.iter().find(|(own, _)| own == permissions) {
            return view.clone();
        }
        let view = View::of(&filter(&self.composite, permissions));
        self.filtered.push((permissions.clone(), view.clone()));
        view
    }
}

impl View {
    fn of(document: &Pidf) -> Self {
        let body = Bytes::from(document.to_bytes());
        if body.len() > MAX_BODY {
            return Self::of(&polite_block_document(document.entity()));
        }
        let digest = digest(&body);
        Self { body: Some(body), digest }
    }
}

pub(crate) fn digest(body: &[u8]) -> u64 {
    Sha256::digest(body).iter().take(8).fold(0, |digest, byte| digest << 8 | u64::from(*byte))
}

impl PresenceServer {
    /// Composes what is known about a presentity (rules PRS-10 and PRS-11).
    pub(crate) fn views(&self, now: Now, presentity: &str) -> Views {
        let documents = self.documents(now.wall, presentity);
        let sources = documents.iter().map(Stored::source);
        Views {
            composite: compose(presentity, sources),
            sphere: sphere(documents.iter().map(|stored| &stored.document), now.wall).map(Into::into),
            filtered: Vec::new(),
        }
    }

    fn documents(&self, wall: Wall, presentity: &str) -> Vec<Stored> {
        let Some(known) = self.presentities.get(presentity) else { return Vec::new() };
        let valid = known.publications.iter().filter(|publication| publication.expires_at() > wall);
        let mut documents: Vec<Stored> = valid
            .filter_map(|publication| {
                let document = Pidf::parse(publication.document()).ok()?;
                let number = publication.source_number();
                Some(Stored { number, document, published: publication.modified() })
            })
            .collect();
        let registered = known.registration().filter(|registration| registration.expires_at() > wall);
        match (self.settings.registration_hint, registered) {
            (RegistrationHint::Open, Some(_)) if documents.is_empty() => {
                // Undated, so that a refreshed registration is no change.
                let document = registered_document(presentity);
                documents.push(Stored { number: u64::MAX, document, published: Wall::default() });
            }
            (RegistrationHint::Open | RegistrationHint::None, _) => {}
        }
        documents
    }
}

/// What one source says.
struct Stored {
    number: u64,
    document: Pidf,
    published: Wall,
}

impl Stored {
    const fn source(&self) -> Source<'_> {
        Source { number: self.number, document: &self.document, published: self.published }
    }
}

/// What a registration alone says: the user can be reached at its own address.
fn registered_document(presentity: &str) -> Pidf {
    Pidf::new(presentity).with(Component::tuple("registration", Basic::Open).with_contact(presentity))
}
