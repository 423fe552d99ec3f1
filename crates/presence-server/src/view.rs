//! What each watcher of a presentity is shown now.

use crate::PresenceServer;
use crate::settings::RegistrationHint;
use bytes::Bytes;
use clock::{Now, Wall};
use presence_document::{
    Basic, Component, Permissions, Pidf, Source, SubHandling, Verdict, compose, filter, neutral_document,
    polite_block_document, sphere, sphere_change,
};
use sha2::{Digest as _, Sha256};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

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
#[derive(Debug, Clone)]
pub(crate) struct Views {
    /// What they follow from: equal stamps, equal views.
    stamp: u64,
    /// Until then, if the stamp stays.
    until: Option<Wall>,
    /// Octets of the documents.
    octets: usize,
    composite: Arc<Pidf>,
    sphere: Option<Box<str>>,
    filtered: Vec<(Permissions, View)>,
}

impl Views {
    /// Whether they are still right.
    pub(crate) fn hold(&self, stamp: u64, wall: Wall) -> bool {
        self.stamp == stamp && self.until.is_none_or(|until| wall < until)
    }

    /// Octets of the documents that they are made of, and of the bodies that have been made of them.
    pub(crate) fn octets(&self) -> usize {
        let bodies = self.filtered.iter().filter_map(|(_, view)| view.body.as_ref());
        self.octets + bodies.map(Bytes::len).sum::<usize>()
    }

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
    /// What is known about a presentity, composed (rules PRS-10 and PRS-11), unless that has been done and nothing has changed.
    pub(crate) fn views(&mut self, now: Now, presentity: &str) -> Views {
        let stamp = self.stamp(now.wall, presentity);
        if let Some(views) = self.composed.get(presentity, stamp, now.wall) {
            return views;
        }
        let documents = self.documents(now.wall, presentity);
        let all = || documents.iter().map(|stored| &stored.document);
        let known = self.presentities.get(presentity);
        let octets = known.map_or(0, |known| known.publications.iter().map(|one| one.document().len()).sum());
        let views = Views {
            stamp,
            until: sphere_change(all(), now.wall),
            octets,
            composite: Arc::new(compose(presentity, documents.iter().map(Stored::source))),
            sphere: sphere(all(), now.wall).map(Into::into),
            filtered: Vec::new(),
        };
        self.composed.keep(presentity, &views);
        views
    }

    /// When a sphere of a presentity begins or ends, though nobody publishes anything.
    pub(crate) fn sphere_change(&mut self, now: Now, presentity: &str) -> Option<Wall> {
        let stamp = self.stamp(now.wall, presentity);
        if let Some(views) = self.composed.get(presentity, stamp, now.wall) {
            return views.until;
        }
        let documents = self.documents(now.wall, presentity);
        sphere_change(documents.iter().map(|stored| &stored.document), now.wall)
    }

    /// The sphere of a presentity, where its rules ask for it: otherwise nothing is looked into.
    pub(crate) fn sphere(&self, now: Now, presentity: &str) -> Option<Box<str>> {
        self.rules.get(presentity).filter(|rules| rules.ask_for_sphere())?;
        let documents = self.documents(now.wall, presentity);
        sphere(documents.iter().map(|stored| &stored.document), now.wall).map(Into::into)
    }

    /// What the views of a presentity follow from, beside the time.
    fn stamp(&self, wall: Wall, presentity: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        if let Some(known) = self.presentities.get(presentity) {
            for publication in known.publications.iter().filter(|publication| publication.expires_at() > wall)
            {
                publication.source_number().hash(&mut hasher);
                publication.modified().unix_millis().hash(&mut hasher);
                // It changes with every PUBLISH.
                publication.tag().hash(&mut hasher);
            }
            let registered = known.registration().filter(|registration| registration.expires_at() > wall);
            let counts = matches!(self.settings.registration_hint, RegistrationHint::Open);
            (counts && registered.is_some()).hash(&mut hasher);
        }
        hasher.finish()
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
