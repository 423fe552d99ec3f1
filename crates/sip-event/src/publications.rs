//! The event state compositor's store for one resource and event package (RFC 3903 section 6).

use crate::expires::{Granted, Limits, TooBrief, grant_publication};
use crate::publication::{Publication, PublicationRecord};
use crate::publish_request::{IfMatch, PublishBody, PublishRequest};
use clock::{Now, Wall};
use sip_message::StatusCode;

/// What is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishLimits {
    /// Lifetimes.
    pub expires: Limits,
    /// Publications of one resource and package; a further one replaces the one that was touched least recently.
    pub max_publications: usize,
    /// Octets of a document; a larger one is answered 413.
    pub max_document: usize,
}

/// All live publications of one resource and package.
///
/// The one touched least recently stands first. A PUBLISH is taken as a whole or changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Publications {
    entries: Vec<Publication>,
    next_serial: u64,
}

/// A PUBLISH that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// SIP-ETag of the 200; every earlier tag of this publication is dead.
    pub tag: Box<str>,
    /// Expires of the 200.
    pub expires: Granted,
    /// Whether the composed state may have changed.
    pub change: Change,
    /// What the journal has to keep before the 200 is sent.
    pub records: Vec<PublicationRecord>,
}

/// Whether the composed state may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A document came, changed or went.
    Changed,
    /// Only the lifetime did.
    Unchanged,
}

/// Why a PUBLISH is refused. The sender's fault; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishError {
    /// SIP-If-Match does not hold exactly one entity-tag.
    BadIfMatch,
    /// No live publication of this resource and package has that tag.
    NoSuchTag,
    /// The lifetime asked for is too short.
    TooBrief(TooBrief),
    /// Neither a body nor a tag.
    NothingPublished,
    /// The document is too large.
    TooLarge,
    /// The type of the body is not understood; the 415 has Accept.
    UnknownType,
    /// The body is not well formed.
    MalformedBody,
}

impl PublishError {
    /// The status that tells the sender.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::BadIfMatch | Self::NothingPublished | Self::MalformedBody => StatusCode::BAD_REQUEST,
            Self::NoSuchTag => StatusCode::CONDITIONAL_REQUEST_FAILED,
            Self::TooBrief(brief) => brief.status(),
            Self::TooLarge => StatusCode::ENTITY_TOO_LARGE,
            Self::UnknownType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }
}

/// A document that passed the checks.
struct Document<'a> {
    content_type: &'a str,
    octets: &'a [u8],
}

impl Publications {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a PUBLISH, checking in the order of section 6: SIP-If-Match, Expires, body. `fresh_tag` is a token of at
    /// least 64 random bits, so that no tag is ever given out twice.
    ///
    /// # Errors
    /// [`PublishError`]; nothing was changed.
    pub fn publish(
        &mut self,
        now: Now,
        request: &PublishRequest<'_>,
        limits: &PublishLimits,
        fresh_tag: &str,
    ) -> Result<Published, PublishError> {
        let found = match request.if_match {
            IfMatch::Absent => None,
            IfMatch::Tag(tag) => Some(self.find(now, tag).ok_or(PublishError::NoSuchTag)?),
            IfMatch::Malformed => return Err(PublishError::BadIfMatch),
        };
        let expires = grant_publication(request.expires, &limits.expires).map_err(PublishError::TooBrief)?;
        let document = check_body(request.body, limits)?;
        let (change, records) = match (found, document) {
            (None, None) => return Err(PublishError::NothingPublished),
            // Section 6 step 5: of a lifetime of zero nothing is stored, whatever came with it.
            (Some(at), _) if expires.is_zero() => self.remove(at),
            (None, Some(_)) if expires.is_zero() => (Change::Unchanged, Vec::new()),
            (None, Some(document)) => {
                let new = Publication {
                    serial: self.next_serial,
                    first: self.first_of(now, request.source),
                    ..fresh(now, request, expires, fresh_tag, &document)
                };
                self.add(now, new, limits)
            }
            (Some(at), None) => self.renew(at, expires.ends(now), fresh_tag, request.fingerprint),
            (Some(at), Some(document)) => self.modify(at, fresh(now, request, expires, fresh_tag, &document)),
        };
        Ok(Published { tag: fresh_tag.into(), expires, change, records })
    }

    /// The publication that this very PUBLISH was the last one to make or to change: a repeat that was taken for a new
    /// request is given its entity-tag again, and changes nothing.
    #[must_use]
    pub fn made_by(&self, now: Now, fingerprint: u64) -> Option<&Publication> {
        let mut live = self.entries.iter().filter(|entry| entry.expires_at > now.wall);
        live.find(|entry| entry.request_fingerprint == fingerprint && fingerprint != 0)
    }

    /// What names this source, if something else of it is live.
    fn first_of(&self, now: Now, source: u64) -> Option<u64> {
        let is_same =
            |other: &&Publication| other.source == source && source != 0 && other.expires_at > now.wall;
        self.entries.iter().find(is_same).map(Publication::source_number)
    }

    /// Grown one by one: a resource nearly always has one, and there may be many resources.
    fn push(&mut self, entry: Publication) {
        self.entries.reserve_exact(1);
        self.entries.push(entry);
    }

    /// What has not run out, even if nobody has called [`Publications::expire`] yet.
    fn find(&self, now: Now, tag: &str) -> Option<usize> {
        self.entries.iter().position(|entry| *entry.tag == *tag && entry.expires_at > now.wall)
    }

    fn add(
        &mut self,
        now: Now,
        new: Publication,
        limits: &PublishLimits,
    ) -> (Change, Vec<PublicationRecord>) {
        // What has run out leaves first, so that it pushes nobody out.
        let mut records = self.expire(now);
        let over = (self.entries.len() + 1).saturating_sub(limits.max_publications.max(1));
        for evicted in self.entries.drain(..over) {
            records.push(PublicationRecord::Removed { serial: evicted.serial });
        }
        self.next_serial = self.next_serial.saturating_add(1);
        records.push(PublicationRecord::Stored(Box::new(new.clone())));
        self.push(new);
        (Change::Changed, records)
    }

    fn renew(
        &mut self,
        at: usize,
        expires_at: Wall,
        tag: &str,
        request_fingerprint: u64,
    ) -> (Change, Vec<PublicationRecord>) {
        let mut entry = self.entries.remove(at);
        entry.tag = tag.into();
        (entry.expires_at, entry.request_fingerprint) = (expires_at, request_fingerprint);
        let record = PublicationRecord::Renewed {
            serial: entry.serial,
            tag: tag.into(),
            expires_at,
            request_fingerprint,
        };
        self.entries.push(entry);
        (Change::Unchanged, vec![record])
    }

    fn modify(&mut self, at: usize, new: Publication) -> (Change, Vec<PublicationRecord>) {
        let same = self
            .entries
            .get(at)
            .is_some_and(|old| old.document == new.document && old.content_type == new.content_type);
        if same {
            return self.renew(at, new.expires_at, &new.tag, new.request_fingerprint);
        }
        let Publication { serial, source, first, .. } = self.entries.remove(at);
        let new = Publication { serial, source, first, ..new };
        let record = PublicationRecord::Stored(Box::new(new.clone()));
        self.entries.push(new);
        (Change::Changed, vec![record])
    }

    fn remove(&mut self, at: usize) -> (Change, Vec<PublicationRecord>) {
        let gone = self.entries.remove(at);
        (Change::Changed, vec![PublicationRecord::Removed { serial: gone.serial }])
    }

    /// Removes what has run out, and says what is gone; nothing gone, nothing changed.
    pub fn expire(&mut self, now: Now) -> Vec<PublicationRecord> {
        let gone = self.entries.extract_if(.., |entry| entry.expires_at <= now.wall);
        gone.map(|entry| PublicationRecord::Removed { serial: entry.serial }).collect()
    }

    /// When the next publication runs out.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Wall> {
        self.entries.iter().map(|entry| entry.expires_at).min()
    }

    /// Takes a record from the journal, in the order in which they were written.
    pub fn replay(&mut self, record: PublicationRecord) {
        match record {
            PublicationRecord::Stored(publication) => {
                self.take(publication.serial);
                self.next_serial = self.next_serial.max(publication.serial.saturating_add(1));
                self.push(*publication);
            }
            PublicationRecord::Renewed { serial, tag, expires_at, request_fingerprint } => {
                if let Some(mut entry) = self.take(serial) {
                    entry.tag = tag;
                    (entry.expires_at, entry.request_fingerprint) = (expires_at, request_fingerprint);
                    self.entries.push(entry);
                }
            }
            PublicationRecord::Removed { serial } => {
                self.take(serial);
            }
        }
    }

    fn take(&mut self, serial: u64) -> Option<Publication> {
        let at = self.entries.iter().position(|entry| entry.serial == serial)?;
        Some(self.entries.remove(at))
    }

    /// The publications, the one touched least recently first. Storing each in this order makes a journal's snapshot.
    pub fn iter(&self) -> impl Iterator<Item = &Publication> {
        self.entries.iter()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// A publication as this PUBLISH makes it, still without its number.
fn fresh(
    now: Now,
    request: &PublishRequest<'_>,
    expires: Granted,
    tag: &str,
    document: &Document<'_>,
) -> Publication {
    Publication {
        serial: 0,
        tag: tag.into(),
        expires_at: expires.ends(now),
        modified: now.wall,
        content_type: document.content_type.into(),
        document: document.octets.into(),
        request_fingerprint: request.fingerprint,
        source: request.source,
        first: None,
    }
}

/// Section 6 step 5.
fn check_body<'a>(
    body: Option<PublishBody<'a>>,
    limits: &PublishLimits,
) -> Result<Option<Document<'a>>, PublishError> {
    match body {
        None => Ok(None),
        Some(PublishBody::UnknownType) => Err(PublishError::UnknownType),
        Some(PublishBody::Malformed) => Err(PublishError::MalformedBody),
        Some(PublishBody::Document { document, .. }) if document.len() > limits.max_document => {
            Err(PublishError::TooLarge)
        }
        Some(PublishBody::Document { content_type, document: octets }) => {
            Ok(Some(Document { content_type, octets }))
        }
    }
}
