//! A request as a role sees it.

use crate::flow::Flow;
use crate::record::Seq;
use crate::settings::NodeSettings;
use clock::Mono;
use cx_protocol::Impu;
use sip_message::{Event, HeaderName, Message, Method, NameAddr, Uri};
use sip_transaction::ServerId;
use smallvec::SmallVec;

/// Who sent a request, by the address and listener it came in on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A UE, on the P-CSCF's UE side.
    Ue,
    /// One of our own nodes.
    Own,
    /// A node of another network, which may assert identities of these domains.
    Peer(Box<[Box<str>]>),
    /// Anybody else.
    Stranger,
}

impl Source {
    /// The identities in a message's P-Asserted-Identity that it may assert.
    pub(crate) fn asserted(&self, message: &Message) -> impl Iterator<Item = Uri> {
        message
            .list(HeaderName::PAssertedIdentity)
            .filter_map(|value| NameAddr::parse(value).ok()?.uri().ok())
            .filter(|uri| self.may_assert(if uri.is_sip() { uri.host_text() } else { "" }))
            // Every number is of any network: another one may say that it is a name there, and no more.
            .map(|uri| if *self == Self::Own { uri } else { uri.without_param("user") })
    }

    /// Whether it is a node that takes part in the trust domain.
    #[must_use]
    pub const fn is_trusted(&self) -> bool {
        matches!(self, Self::Own | Self::Peer(_))
    }

    /// Whether this source may assert an identity of `domain` (RFC 3325 section 5, narrowed to a peer's own domains).
    #[must_use]
    pub fn may_assert(&self, domain: &str) -> bool {
        match self {
            Self::Own => true,
            Self::Peer(domains) => domains.iter().any(|peer_domain| peer_domain.eq_ignore_ascii_case(domain)),
            Self::Ue | Self::Stranger => false,
        }
    }

    /// Whether this source may say that it is the node of this name: one of our own any, another network's one of its
    /// own domains.
    #[must_use]
    pub fn may_name_node(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let is_in = |domain: &str| host.strip_suffix(domain).is_some_and(|node| node.ends_with('.'));
        match self {
            Self::Own => true,
            Self::Peer(domains) => domains.iter().any(|peer_domain| is_in(&peer_domain.to_ascii_lowercase())),
            Self::Ue | Self::Stranger => false,
        }
    }
}

/// How a request came in.
pub(crate) struct Arrival {
    pub(crate) flow: Flow,
    pub(crate) source: Source,
    pub(crate) server: ServerId,
    /// See [`crate::loop_check`].
    pub(crate) fingerprint: u64,
    /// See [`InboundRequest::answer_by`].
    pub(crate) answer_by: Mono,
}

/// A new request, its own Route entries already set apart (RFC 3261 section 16.4).
#[derive(Debug)]
pub struct InboundRequest {
    message: Message,
    flow: Flow,
    source: Source,
    server: ServerId,
    fingerprint: u64,
    answer_by: Mono,
    request_uri: Uri,
    own_routes: SmallVec<[Uri; 1]>,
    /// After a strict router's swap the last Route entry is the Request-URI and is not sent again.
    strict_swap: bool,
    pub(crate) after: Option<Seq>,
}

impl InboundRequest {
    /// Sets the node's own Route entries apart. Adjacent ones are one visit; a strict router upstream has put our entry
    /// into the Request-URI, and the true one is the last Route (section 16.4).
    pub(crate) fn new(
        settings: &NodeSettings,
        message: Message,
        Arrival { flow, source, server, fingerprint, answer_by }: Arrival,
    ) -> Option<Self> {
        let mut request_uri = message.request_uri()?.clone();
        let mut strict_swap = false;
        let mut own_routes = SmallVec::new();
        if is_own_record_route(settings, &request_uri) {
            let last = message
                .list(HeaderName::Route)
                .last()
                .and_then(|value| NameAddr::parse(value).ok()?.uri().ok());
            if let Some(last) = last {
                own_routes.push(std::mem::replace(&mut request_uri, last));
                strict_swap = true;
            }
        }
        let routes =
            message.list(HeaderName::Route).map_while(|value| NameAddr::parse(value).ok()?.uri().ok());
        own_routes.extend(routes.take_while(|uri| settings.is_own(uri)));
        Some(Self {
            message,
            flow,
            source,
            server,
            fingerprint,
            answer_by,
            request_uri,
            own_routes,
            strict_swap,
            after: None,
        })
    }

    /// The message as received.
    #[must_use]
    pub const fn message(&self) -> &Message {
        &self.message
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        self.message.method().unwrap_or(&Method::Options)
    }

    /// The Request-URI, a strict router's swap undone.
    #[must_use]
    pub const fn request_uri(&self) -> &Uri {
        &self.request_uri
    }

    /// Where it came from.
    #[must_use]
    pub const fn flow(&self) -> Flow {
        self.flow
    }

    /// Who sent it.
    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }

    pub(crate) const fn server(&self) -> ServerId {
        self.server
    }

    pub(crate) const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// When it has to be answered, come what may: a while before its sender stops waiting.
    pub(crate) const fn answer_by(&self) -> Mono {
        self.answer_by
    }

    pub(crate) const fn was_strictly_routed(&self) -> bool {
        self.strict_swap
    }

    /// The topmost Route entries that name this node, in order; they are not sent on.
    #[must_use]
    pub fn own_routes(&self) -> &[Uri] {
        &self.own_routes
    }

    /// How many Route values are taken off the front.
    pub(crate) fn routes_to_pop(&self) -> usize {
        self.own_routes.len() - usize::from(self.strict_swap)
    }

    /// The Route entries that are neither our own nor a strict router's, as written.
    pub fn remaining_routes(&self) -> impl Iterator<Item = &str> {
        let routes = || self.message.list(HeaderName::Route);
        let end = if self.strict_swap { routes().count().saturating_sub(1) } else { usize::MAX };
        routes().take(end).skip(self.routes_to_pop()).filter(|value| !value.is_empty())
    }

    /// The first Route entry that remains.
    #[must_use]
    pub fn next_route(&self) -> Option<Uri> {
        self.remaining_routes().next().and_then(|value| NameAddr::parse(value).ok()?.uri().ok())
    }

    /// Whether it belongs to a dialog: it is of a method that makes dialogs here and has a To tag.
    #[must_use]
    pub fn is_in_dialog(&self) -> bool {
        is_in_dialog(&self.message)
    }

    /// Whether it takes a publication back (RFC 3903 section 4.5).
    #[must_use]
    pub fn is_unpublish(&self) -> bool {
        *self.method() == Method::Publish
            && self.message.expires() == Some(0)
            && self.message.value(HeaderName::SipIfMatch).is_some_and(|tag| !tag.is_empty())
    }

    /// The event package, without parameters.
    #[must_use]
    pub fn event_package(&self) -> Option<&str> {
        self.message.value(HeaderName::Event).and_then(Event::parse).map(|event| event.package)
    }

    /// The identities in P-Asserted-Identity that its sender may assert (RFC 3325).
    pub fn asserted(&self) -> impl Iterator<Item = Uri> {
        self.source.asserted(&self.message)
    }

    /// The user on whose behalf the request was sent. An application server of this network names that user in P-Served-User
    /// (RFC 5502); otherwise it is the asserted identity (TS 24.229 sections 5.3.2.1A and 5.4.3.2; rule RT-SO-02).
    #[must_use]
    pub fn served_user(&self) -> Option<Impu> {
        let named = self.message.value(HeaderName::PServedUser).filter(|_| self.source == Source::Own);
        match named.and_then(|value| NameAddr::parse(value).ok()) {
            Some(address) => Impu::new(address.uri_text()).ok(),
            None => self.asserted().find_map(|uri| Impu::new(uri.as_str()).ok()),
        }
    }
}

/// See [`InboundRequest::is_in_dialog`]. Dialogs are made by SUBSCRIBE alone, INVITE being served nowhere, and NOTIFY goes
/// along them. Any other request is its own affair whatever tag its sender put on To, or a tag would spare it what is asked
/// of a new one: filter criteria, identity, target (rule RT-SO-07).
pub(crate) fn is_in_dialog(request: &Message) -> bool {
    let makes_dialogs = matches!(request.method(), Some(Method::Subscribe | Method::Notify));
    makes_dialogs && request.to_tag().is_some()
}

/// Our Record-Route entries have a user part that no other own URI has.
fn is_own_record_route(settings: &NodeSettings, uri: &Uri) -> bool {
    settings.is_own(uri) && uri.is_loose_route() && uri.user().is_some()
}
