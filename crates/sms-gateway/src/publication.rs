//! What the gateway has published for one user at a presence server. The journal keeps everything before a PUBLISH is sent, and a PUBLISH
//! that is not answered is sent again unchanged: the presence server recognises the second copy, so that nothing is lost or doubled.

use crate::number::Msisdn;
use crate::settings::GatewaySettings;
use crate::update::{Accepted, Status};
use bytes::Bytes;
use clock::Wall;
use ims_node::{Next, OwnRequest, Random};
use minicbor::{Decode, Encode};
use presence_document::{Component, Pidf};
use sip_message::{Draft, HeaderName, Method, Uri};
use std::time::Duration;

/// Hops that a request of ours may take (RFC 3261 section 8.1.1.6).
const MAX_FORWARDS: u8 = 70;

/// A publication. The journal keeps it as a CBOR array.
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
    /// The CSeq number of the last PUBLISH.
    #[n(4)]
    cseq: u32,
    /// The entity-tag, while the server has something.
    #[n(5)]
    etag: Option<Box<str>>,
    /// What the server has taken last.
    #[n(6)]
    status: Option<Status>,
    /// When the server forgets it if it is not refreshed, in milliseconds since 1970.
    #[n(7)]
    expires_at: u64,
    /// For how long the server has said that it keeps it, in seconds.
    #[n(8)]
    granted: u32,
    /// The PUBLISH that is under way.
    #[n(9)]
    sent: Option<Sent>,
}

/// A PUBLISH that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Sent {
    #[n(0)]
    kind: Kind,
    /// The lifetime that the PUBLISH asks for, in seconds.
    #[n(1)]
    expires: u32,
    /// The number of the update that it is for.
    #[n(2)]
    pub(crate) update: Option<u64>,
    /// What the server has once it has taken it, where that is something new.
    #[n(3)]
    status: Option<Status>,
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
    /// Takes the document away.
    #[n(3)]
    Remove,
}

impl Publication {
    /// The server has nothing of this user yet.
    pub(crate) fn new(presentity: &str, server: &str, random: &mut Random) -> Self {
        Self {
            presentity: presentity.into(),
            server: server.into(),
            call_id: random.token().into(),
            from_tag: random.token().into(),
            cseq: 0,
            etag: None,
            status: None,
            expires_at: 0,
            granted: 0,
            sent: None,
        }
    }

    /// Begins to publish what an update says.
    pub(crate) fn update(&mut self, number: u64, update: &Accepted, expires: u32) {
        self.put(update.status.clone(), expires, Some(number));
    }

    /// Puts a document there, in the place of what the server has; that it has anything may turn out to be wrong.
    fn put(&mut self, status: Status, expires: u32, update: Option<u64>) {
        let kind = if self.etag.is_some() { Kind::Modify } else { Kind::Initial };
        self.send(Sent { kind, expires, update, status: Some(status) });
    }

    /// Begins to keep what is there.
    pub(crate) fn refresh(&mut self, expires: u32) {
        self.send(Sent { kind: Kind::Refresh, expires, update: None, status: None });
    }

    /// Begins to take away what is there.
    pub(crate) fn remove(&mut self) {
        self.send(Sent { kind: Kind::Remove, expires: 0, update: None, status: None });
    }

    /// The PUBLISH under way has come too late for the entity-tag: the server has nothing of us. What was meant to be there is put there
    /// as if for the first time, for `expires` seconds.
    pub(crate) fn anew(&mut self, expires: u32) {
        self.etag = None;
        let Some(sent) = self.sent.take() else { return };
        match (sent.kind, sent.status.or_else(|| self.status.clone())) {
            (Kind::Initial | Kind::Modify | Kind::Refresh, Some(status)) => {
                self.put(status, expires, sent.update)
            }
            (Kind::Remove, _) | (_, None) => {}
        }
    }

    /// The server wants the PUBLISH under way to ask for so long a lifetime.
    pub(crate) fn raise(&mut self, expires: u32) {
        if let Some(sent) = self.sent.take() {
            self.send(Sent { expires, ..sent });
        }
    }

    fn send(&mut self, sent: Sent) {
        self.cseq = self.cseq.wrapping_add(1).max(1);
        self.sent = Some(sent);
    }

    pub(crate) const fn sent(&self) -> Option<&Sent> {
        self.sent.as_ref()
    }

    /// The PUBLISH under way has ended, and the server has done as it says: by this entity-tag, for so many seconds.
    pub(crate) fn taken(&mut self, now: Wall, etag: &str, expires: u32) -> Option<Sent> {
        let sent = self.sent.take()?;
        if let Some(status) = &sent.status {
            self.status = Some(status.clone());
        }
        self.etag = (sent.kind != Kind::Remove).then(|| etag.into());
        self.granted = expires;
        self.expires_at = (now + Duration::from_secs(expires.into())).unix_millis();
        Some(sent)
    }

    /// The PUBLISH under way has come to nothing. What the server has it may have as before; where that was to be kept or taken away,
    /// nothing more is done about it.
    pub(crate) fn dropped(&mut self) -> Option<Sent> {
        let sent = self.sent.take()?;
        if matches!(sent.kind, Kind::Refresh | Kind::Remove) {
            self.etag = None;
        }
        Some(sent)
    }

    /// What was under way is no longer worth it, whatever has become of it.
    pub(crate) fn abandon(&mut self) {
        self.sent = None;
    }

    /// Whether the PUBLISH under way is for what the server has already.
    pub(crate) fn is_conditional(&self) -> bool {
        self.etag.is_some() && self.sent.as_ref().is_some_and(|sent| sent.kind != Kind::Initial)
    }

    /// The lifetime that the server wants, where it is longer than the one that the PUBLISH under way asks for.
    pub(crate) fn raised_by(&self, min_expires: Option<u32>) -> Option<u32> {
        let sent = self.sent.as_ref()?;
        min_expires.filter(|min| sent.kind != Kind::Remove && *min > sent.expires)
    }

    /// Whether the PUBLISH under way takes away what is there.
    pub(crate) fn is_removing(&self) -> bool {
        self.sent.as_ref().is_some_and(|sent| sent.kind == Kind::Remove)
    }

    /// How long what the server has taken last is to be shown.
    pub(crate) fn until(&self) -> Option<Wall> {
        self.status.as_ref().map(Status::until)
    }

    /// Until when what the PUBLISH under way puts there is to be shown.
    pub(crate) fn sent_until(&self) -> Option<Wall> {
        let sent = self.sent.as_ref()?;
        sent.status.as_ref().map(Status::until).or_else(|| self.until())
    }

    /// Whether the server has anything of us, as far as we know.
    pub(crate) fn is_there(&self, now: Wall) -> bool {
        self.etag.is_some() && now < self.expires_at()
    }

    const fn expires_at(&self) -> Wall {
        Wall::from_unix_millis(self.expires_at)
    }

    /// When it is to be refreshed, if it ends before it should: with a fifth of its lifetime left.
    pub(crate) fn refresh_at(&self) -> Option<Wall> {
        let early = u64::from(self.granted) * 1000 / 5;
        let is_wanted = self.etag.is_some() && self.until().is_some_and(|until| self.expires_at() < until);
        is_wanted.then(|| Wall::from_unix_millis(self.expires_at.saturating_sub(early)))
    }

    /// The server has nothing of us any more.
    pub(crate) fn lost(&mut self) {
        self.etag = None;
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
            (Some(etag), Kind::Modify | Kind::Refresh | Kind::Remove) => {
                draft.header(HeaderName::SipIfMatch, etag)
            }
            (None, _) | (_, Kind::Initial) => draft,
        };
        let draft = match &sent.status {
            Some(status) => draft.with_body("application/pidf+xml", self.document(status, user)),
            None => draft.without_body(),
        };
        Some(OwnRequest { draft, next: Next::Route, then })
    }

    /// RFC 3863, with an activity of RFC 4480. Its ids stay the same, so that a later document replaces an earlier one.
    fn document(&self, status: &Status, user: Msisdn) -> Bytes {
        let mut tuple =
            Component::tuple("sms", status.shown.basic.basic()).with_contact(&format!("tel:{user}"));
        if let Some(note) = &status.shown.note {
            tuple = tuple.with_note(note);
        }
        let mut document = Pidf::new(&self.presentity).with(tuple.with_timestamp(status.at()));
        let person = |name: &str| Component::person("user").with_activity(name);
        if let Some(person) = status.shown.activity.as_deref().and_then(person) {
            document = document.with(person.with_timestamp(status.at()));
        }
        document.to_bytes().into()
    }
}
