//! What presentities publish, and what is shown of it.

use crate::answered::Answered;
use crate::composed::Composed;
use crate::presentity::Presentity;
use crate::view::{Stored, Views, registered_document};
use clock::{Deadlines, Mono, Now, Wall};
use presence_document::{Pidf, compose, sphere, sphere_change};
use sip_event::{
    IfMatch, Publication, PublicationRecord, Publications, PublishError, PublishLimits, PublishRequest,
    Published, RequestFingerprint,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Octets of all documents of one presentity together; a PUBLISH that needs more gets 413.
const MAX_DOCUMENTS: usize = 48 * 1024;

/// A PUBLISH that has passed the checks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken<'a> {
    /// How it is known when it comes once more, for how long it may.
    pub(crate) request: RequestFingerprint,
    pub(crate) timer_j: Duration,
    pub(crate) publish: &'a PublishRequest<'a>,
    pub(crate) limits: &'a PublishLimits,
    /// The entity-tag of what comes of it.
    pub(crate) tag: &'a str,
}

/// The publications of all presentities, and what has been composed of them.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    presentities: HashMap<Presentity, Publications>,
    /// The end of a publication.
    deadlines: Deadlines<Presentity>,
    composed: Composed,
    answered: Answered,
    /// Publications that went because their presentity had too many.
    crowded_out: u64,
}

impl Documents {
    /// How many presentities have published something.
    pub(crate) fn len(&self) -> usize {
        self.presentities.len()
    }

    pub(crate) fn presentities(&self) -> impl Iterator<Item = &Presentity> {
        self.presentities.keys()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Presentity, &Publication)> {
        let all = self.presentities.iter();
        all.flat_map(|(presentity, publications)| {
            publications.iter().map(move |publication| (presentity, publication))
        })
    }

    pub(crate) const fn crowded_out(&self) -> u64 {
        self.crowded_out
    }

    /// Whether this presentity has published something.
    pub(crate) fn knows(&self, presentity: &str) -> bool {
        self.presentities.contains_key(presentity)
    }

    /// When something ends.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.deadlines.next()
    }

    /// The publication with this serial number.
    pub(crate) fn publication(&self, presentity: &str, serial: u64) -> Option<&Publication> {
        self.presentities.get(presentity)?.iter().find(|publication| publication.serial() == serial)
    }

    /// The publication that this PUBLISH was the last one to make or to change.
    pub(crate) fn made_by(
        &self,
        now: Now,
        presentity: &str,
        request: RequestFingerprint,
    ) -> Option<&Publication> {
        self.presentities.get(presentity)?.made_by(now, request.number())
    }

    /// The entity-tag that this PUBLISH was given when it came before.
    pub(crate) fn entity_tag_of(&mut self, now: Now, request: RequestFingerprint) -> Option<&str> {
        self.answered.entity_tag_of(now, request)
    }

    /// Octets left for one document beside the others of its presentity.
    pub(crate) fn room_beside(&self, presentity: &str, if_match: IfMatch<'_>) -> usize {
        let replaced = |tag: &str| if_match == IfMatch::Tag(tag);
        let all = self.presentities.get(presentity).into_iter().flat_map(Publications::iter);
        let others = all.filter(|publication| !replaced(publication.tag()));
        MAX_DOCUMENTS.saturating_sub(others.map(|publication| publication.document().len()).sum())
    }

    /// Takes a PUBLISH.
    pub(crate) fn publish(
        &mut self,
        now: Now,
        presentity: &Presentity,
        taken: Taken<'_>,
    ) -> Result<Published, PublishError> {
        let Taken { request, publish, limits, tag, timer_j } = taken;
        let publications = self.presentities.entry(presentity.clone()).or_default();
        let live = publications.iter().filter(|publication| publication.expires_at() > now.wall).count();
        let is_full = publish.if_match == IfMatch::Absent && live >= limits.max_publications;
        let published = publications.publish(now, publish, limits, tag);
        self.tidy(now, presentity);
        let published = published?;
        self.crowded_out += u64::from(is_full && !published.expires.is_zero());
        self.answered.note(now, request, &published.tag, timer_j);
        self.composed.forget(presentity);
        Ok(published)
    }

    /// A presentity of which something has ended, and what that is.
    pub(crate) fn pop_due(&mut self, now: Now) -> Option<(Presentity, Vec<PublicationRecord>)> {
        let presentity = self.deadlines.pop_due(now.mono)?;
        let gone = self.presentities.get_mut(&presentity).map(|publications| publications.expire(now));
        self.composed.forget(&presentity);
        self.tidy(now, &presentity);
        Some((presentity, gone.unwrap_or_default()))
    }

    /// Takes publications from the journal. The order in which they were touched is lost; their ends come near it.
    pub(crate) fn restore(&mut self, now: Now, mut publications: Vec<(Presentity, Publication)>) {
        publications.sort_by_key(|(_, publication)| (publication.expires_at(), publication.serial()));
        for (presentity, publication) in publications {
            let of_presentity = self.presentities.entry(presentity.clone()).or_default();
            of_presentity.replay(PublicationRecord::Stored(Box::new(publication)));
            self.tidy(now, &presentity);
        }
    }

    /// Sets the next deadline of a presentity, and forgets one that publishes nothing.
    fn tidy(&mut self, now: Now, presentity: &Presentity) {
        match self.presentities.get(presentity).and_then(Publications::next_expiry) {
            Some(at) => self.deadlines.set(presentity.clone(), now.mono_at(at)),
            None => {
                self.presentities.remove(presentity);
                self.deadlines.cancel(presentity);
            }
        }
    }

    /// What there is to see of a presentity (rules PRS-10 and PRS-11), composed unless that has been done and nothing has changed.
    /// Of one that publishes nothing there is its registration, where that counts.
    pub(crate) fn views(&mut self, now: Now, presentity: &Presentity, is_registered: bool) -> &mut Views {
        let publications = self.presentities.get(presentity);
        let holds = |views: &Views| views.hold(is_registered, now.wall);
        self.composed.get(presentity, holds, || {
            let mut documents = stored(now.wall, publications);
            let until = publications.and_then(Publications::next_expiry);
            let change = sphere_change(documents.iter().map(|stored| &stored.document), now.wall);
            let sphere = sphere(documents.iter().map(|stored| &stored.document), now.wall).map(Into::into);
            let octets = publications.map_or(0, |all| all.iter().map(|one| one.document().len()).sum());
            if is_registered && documents.is_empty() {
                documents.push(registered_document(presentity));
            }
            let composite = Arc::new(compose(presentity, documents.iter().map(Stored::source)));
            Views::new(is_registered, until.into_iter().chain(change).min(), octets, composite, sphere)
        })
    }

    /// The sphere that a presentity publishes; nothing is composed for it.
    pub(crate) fn sphere(&self, now: Now, presentity: &str) -> Option<Box<str>> {
        if let Some(views) = self.composed.peek(presentity).filter(|views| views.is_timely(now.wall)) {
            return views.sphere().map(Into::into);
        }
        let documents = stored(now.wall, self.presentities.get(presentity));
        sphere(documents.iter().map(|stored| &stored.document), now.wall).map(Into::into)
    }

    /// When a sphere of a presentity begins or ends, though nobody publishes anything.
    pub(crate) fn sphere_change(&self, now: Now, presentity: &str) -> Option<Wall> {
        let documents = stored(now.wall, self.presentities.get(presentity));
        sphere_change(documents.iter().map(|stored| &stored.document), now.wall)
    }
}

fn stored(wall: Wall, publications: Option<&Publications>) -> Vec<Stored> {
    let all = publications.into_iter().flat_map(Publications::iter);
    let valid = all.filter(|publication| publication.expires_at() > wall);
    valid.filter_map(Stored::read).collect()
}

impl Stored {
    /// `None` of a document that cannot be read.
    fn read(publication: &Publication) -> Option<Self> {
        let document = Pidf::parse(publication.document()).ok()?;
        Some(Self { number: publication.source_number(), document, published: publication.modified() })
    }
}
