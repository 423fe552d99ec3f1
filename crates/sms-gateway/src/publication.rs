//! What a presence server has of one user, by us. Everything is kept before a PUBLISH is sent, and a PUBLISH that is not answered is sent
//! again unchanged: so the presence server knows the second copy, and nothing is lost or doubled.

use crate::number::Msisdn;
use crate::settings::GatewaySettings;
use crate::update::{Accepted, Shown};
use bytes::Bytes;
use clock::Wall;
use ims_node::{Next, OwnRequest, Random};
use minicbor::{Decode, Encode};
use presence_document::{Component, Pidf};
use sip_message::{Draft, HeaderName, Method, Uri};
use std::time::Duration;

/// Hops that a request of ours may take (RFC 3261 section 8.1.1.6).
const MAX_FORWARDS: u8 = 70;

/// A publication. Encoded as a CBOR array for the journal.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Publication {
    /// The user's SIP identity.
    #[n(0)]
    pub(crate) presentity: Box<str>,
    /// The URI of the user's presence server.
    #[n(1)]
    pub(crate) server: Box<str>,
    /// All PUBLISHes for a user at a server have the same Call-ID: by it the server knows what it has of us already, also where we
    /// have lost the entity-tag.
    #[n(2)]
    call_id: Box<str>,
    #[n(3)]
    from_tag: Box<str>,
    /// Of the last PUBLISH.
    #[n(4)]
    cseq: u32,
    /// The entity-tag, while the server has something.
    #[n(5)]
    etag: Option<Box<str>>,
    #[n(6)]
    shown: Shown,
    /// Since when it is so, in milliseconds since 1970.
    #[n(7)]
    at: u64,
    /// How long it is shown.
    #[n(8)]
    until: u64,
    /// When the server forgets it if it is not refreshed.
    #[n(9)]
    expires_at: u64,
    /// The PUBLISH that is under way.
    #[n(10)]
    sent: Option<Sent>,
    /// For how long the server has said that it keeps it, in seconds.
    #[n(11)]
    granted: u32,
}

/// A PUBLISH that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Sent {
    #[n(0)]
    kind: Kind,
    /// In seconds.
    #[n(1)]
    expires: u32,
    /// The number of the update that it is for.
    #[n(2)]
    pub(crate) update: Option<u64>,
}

/// What a PUBLISH does (RFC 3903 section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
enum Kind {
    /// Puts a document where there was none.
    #[n(0)]
    Initial,
    /// Puts a document in the place of another one.
    #[n(1)]
    Modify,
    /// Keeps the document that is there.
    #[n(2)]
    Refresh,
}

impl Publication {
    /// The server has nothing of this user yet.
    pub(crate) fn new(presentity: &str, server: &str, shown: Shown, random: &mut Random) -> Self {
        Self {
            presentity: presentity.into(),
            server: server.into(),
            call_id: random.token().into(),
            from_tag: random.token().into(),
            cseq: 0,
            etag: None,
            shown,
            at: 0,
            until: 0,
            expires_at: 0,
            sent: None,
            granted: 0,
        }
    }

    /// Begins to publish what an update says.
    pub(crate) fn update(&mut self, number: u64, update: &Accepted, expires: u32) {
        (self.shown, self.at, self.until) =
            (update.shown.clone(), update.at().unix_millis(), update.until().unix_millis());
        self.begin(expires, Some(number));
    }

    /// Puts the document there, in the place of what the server has; that it has anything may turn out to be wrong.
    fn begin(&mut self, expires: u32, update: Option<u64>) {
        let kind = if self.etag.is_some() { Kind::Modify } else { Kind::Initial };
        self.send(Sent { kind, expires, update });
    }

    /// Begins to keep what is there.
    pub(crate) fn refresh(&mut self, expires: u32) {
        self.send(Sent { kind: Kind::Refresh, expires, update: None });
    }

    /// What the PUBLISH under way was meant to do, once more and as another request: the server has nothing of us, if the entity-tag
    /// is gone, or wants another lifetime.
    pub(crate) fn again(&mut self, etag_is_gone: bool, expires: Option<u32>) {
        let Some(sent) = self.sent.take() else { return };
        if etag_is_gone {
            self.etag = None;
        }
        let expires = expires.unwrap_or(sent.expires);
        match sent.kind {
            Kind::Refresh if !etag_is_gone => self.send(Sent { expires, ..sent }),
            Kind::Refresh | Kind::Initial | Kind::Modify => self.begin(expires, sent.update),
        }
    }

    fn send(&mut self, sent: Sent) {
        self.cseq = self.cseq.wrapping_add(1).max(1);
        self.sent = Some(sent);
    }

    pub(crate) const fn sent(&self) -> Option<&Sent> {
        self.sent.as_ref()
    }

    /// The PUBLISH under way has ended: the server has the document, by this entity-tag and for so many seconds.
    pub(crate) fn published(&mut self, now: Wall, etag: &str, expires: u32) -> Option<Sent> {
        self.etag = Some(etag.into());
        self.granted = expires;
        self.expires_at = (now + Duration::from_secs(expires.into())).unix_millis();
        self.sent.take()
    }

    /// The server has nothing of us any more.
    pub(crate) fn lost(&mut self) {
        self.etag = None;
    }

    /// Whether the PUBLISH under way is for what the server has already.
    pub(crate) fn is_conditional(&self) -> bool {
        self.etag.is_some() && self.sent.as_ref().is_some_and(|sent| sent.kind != Kind::Initial)
    }

    /// Whether the server wants a longer lifetime than the PUBLISH under way asks for.
    pub(crate) fn is_raised_by(&self, min_expires: Option<u32>) -> bool {
        self.sent.as_ref().zip(min_expires).is_some_and(|(sent, min)| min > sent.expires)
    }

    /// The PUBLISH under way has ended, and the server has not taken it.
    pub(crate) const fn refused(&mut self) -> Option<Sent> {
        self.sent.take()
    }

    pub(crate) const fn until(&self) -> Wall {
        Wall::from_unix_millis(self.until)
    }

    /// Whether the server has anything of us, as far as we know.
    pub(crate) fn is_there(&self, now: Wall) -> bool {
        self.etag.is_some() && now < self.expires_at()
    }

    const fn expires_at(&self) -> Wall {
        Wall::from_unix_millis(self.expires_at)
    }

    /// When it is to be refreshed: with a fifth of its lifetime left. `None` if the server has nothing of us.
    pub(crate) fn refresh_at(&self) -> Option<Wall> {
        let early = u64::from(self.granted) * 1000 / 5;
        self.etag.as_ref().map(|_| Wall::from_unix_millis(self.expires_at.saturating_sub(early)))
    }

    /// The PUBLISH under way. A second copy of it differs in its branch alone.
    pub(crate) fn request<O>(
        &self,
        settings: &GatewaySettings,
        user: Msisdn,
        then: O,
    ) -> Option<OwnRequest<O>> {
        let sent = self.sent.as_ref()?;
        let (target, identity) = (Uri::parse(&self.presentity).ok()?, &settings.identity);
        let draft = Draft::new(Method::Publish, target)
            .header(HeaderName::MaxForwards, MAX_FORWARDS)
            .header(HeaderName::Route, format_args!("<{};lr>", self.server))
            .header(HeaderName::From, format_args!("<{identity}>;tag={}", self.from_tag))
            .header(HeaderName::To, format_args!("<{}>", self.presentity))
            .header(HeaderName::CallId, &self.call_id)
            .header(HeaderName::CSeq, format_args!("{} PUBLISH", self.cseq))
            .header(HeaderName::PAssertedIdentity, format_args!("<{identity}>"))
            .header(HeaderName::Event, "presence")
            .header(HeaderName::Expires, sent.expires);
        let draft = match (&self.etag, sent.kind) {
            (Some(etag), Kind::Modify | Kind::Refresh) => draft.header(HeaderName::SipIfMatch, etag),
            (None, _) | (_, Kind::Initial) => draft,
        };
        let draft = match sent.kind {
            Kind::Initial | Kind::Modify => draft.with_body("application/pidf+xml", self.document(user)),
            Kind::Refresh => draft.without_body(),
        };
        Some(OwnRequest { draft, next: Next::Route, then })
    }

    /// RFC 3863, with an activity of RFC 4480. Its ids stay the same, so that a later document replaces an earlier one.
    fn document(&self, user: Msisdn) -> Bytes {
        let at = Wall::from_unix_millis(self.at);
        let mut tuple =
            Component::tuple("sms", self.shown.basic.basic()).with_contact(&format!("tel:{user}"));
        if let Some(note) = &self.shown.note {
            tuple = tuple.with_note(note);
        }
        let mut document = Pidf::new(&self.presentity).with(tuple.with_timestamp(at));
        let person = |name: &str| Component::person("user").with_activity(name);
        if let Some(person) = self.shown.activity.as_deref().and_then(person) {
            document = document.with(person.with_timestamp(at));
        }
        document.to_bytes().into()
    }
}
