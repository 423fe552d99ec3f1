//! A dialog: what two sides remember so that their requests find each other (RFC 3261 section 12).

use crate::dialog_id::DialogId;
use crate::dialog_text::{DialogText, Parts, TooLarge};
use crate::route_set::{self, BadRouteSet, RouteSet};
use crate::sent_subscribe::SentSubscribe;
use crate::sequence::{Reservation, Sequence};
use sip_message::{Draft, HeaderName, Message, Method, NameAddr, StatusCode, Uri};

/// Max-Forwards of a request that begins here (RFC 3261 section 8.1.1.6).
pub(crate) const MAX_FORWARDS: u8 = 70;

/// One dialog, seen from our side.
///
/// Encoded as a CBOR array for the journal. Of our CSeq numbers only the journalled ceiling is encoded, so that a
/// restored dialog goes on above every number that was ever used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog {
    pub(crate) text: DialogText,
    pub(crate) sequence: Sequence,
    pub(crate) remote_cseq: Option<u32>,
}

/// Why a message creates no dialog. The sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadDialog {
    /// No Contact: nowhere to send requests to.
    NoContact,
    /// More than one Contact, or one that is no SIP URI.
    BadContact,
    /// From or, on the side that sent the SUBSCRIBE, To has no tag.
    NoTag,
    /// The SUBSCRIBE has a To tag: it belongs to a dialog that is not known here.
    InDialog,
    /// A Record-Route value is no SIP URI, or there are more than [`crate::MAX_ROUTES`].
    RouteSet,
    /// More text than [`crate::MAX_DIALOG_TEXT`].
    TooLarge,
}

impl BadDialog {
    /// The status that tells the sender.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NoContact | Self::BadContact | Self::NoTag | Self::RouteSet | Self::TooLarge => {
                StatusCode::BAD_REQUEST
            }
            Self::InDialog => StatusCode::NO_SUCH_TRANSACTION,
        }
    }
}

/// Why a request of a known dialog is refused. The sender's fault, or the network reordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialogError {
    /// CSeq is lower than that of an earlier request.
    StaleCSeq,
}

impl DialogError {
    /// The status that tells the sender (RFC 3261 section 12.2.2).
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::StaleCSeq => StatusCode::SERVER_ERROR,
        }
    }
}

impl Dialog {
    /// The dialog that a SUBSCRIBE creates where it is accepted (section 12.1.1); `local_tag` goes into the 2xx's To.
    ///
    /// # Errors
    /// [`BadDialog`] when the SUBSCRIBE cannot create one.
    pub fn from_subscribe(request: &Message, local_tag: &str) -> Result<Self, BadDialog> {
        if request.to_tag().is_some() {
            return Err(BadDialog::InDialog);
        }
        let target = target(request)?.ok_or(BadDialog::NoContact)?;
        let parts = Parts {
            call_id: request.call_id(),
            local_tag,
            remote_tag: request.from_tag().ok_or(BadDialog::NoTag)?,
            local_uri: address(request, HeaderName::To),
            remote_uri: address(request, HeaderName::From),
            remote_target: target.as_str(),
            route_set: &route_set::in_order(request)?,
        };
        let text = DialogText::new(&parts)?;
        Ok(Self { text, sequence: Sequence::after(0), remote_cseq: Some(request.cseq()) })
    }

    /// The same dialog with a first block of CSeq numbers of another length, which `number` draws: of ten thousand dialogs that began
    /// together, few use up a block with the same NOTIFY.
    #[must_use]
    pub(crate) fn spread(self, number: u64) -> Self {
        Self { sequence: Sequence::spread(number), ..self }
    }

    /// The dialog that a NOTIFY creates where the SUBSCRIBE was sent (RFC 6665 section 4.4.1): its route set stands in
    /// the NOTIFY.
    ///
    /// # Errors
    /// [`BadDialog`] when the NOTIFY cannot create one.
    pub fn from_notify(sent: &SentSubscribe, notify: &Message) -> Result<Self, BadDialog> {
        let remote_tag = notify.from_tag().ok_or(BadDialog::NoTag)?;
        let route_set = route_set::in_order(notify)?;
        Self::as_uac(sent, notify, remote_tag, &route_set, Some(notify.cseq()))
    }

    /// The dialog that a 2xx creates where the SUBSCRIBE was sent (section 12.1.2): the nearest route stands last in it.
    ///
    /// # Errors
    /// [`BadDialog`] when the response cannot create one.
    pub fn from_response(sent: &SentSubscribe, response: &Message) -> Result<Self, BadDialog> {
        let remote_tag = response.to_tag().ok_or(BadDialog::NoTag)?;
        let route_set = route_set::reversed(response)?;
        Self::as_uac(sent, response, remote_tag, &route_set, None)
    }

    fn as_uac(
        sent: &SentSubscribe,
        message: &Message,
        remote_tag: &str,
        route_set: &str,
        remote_cseq: Option<u32>,
    ) -> Result<Self, BadDialog> {
        let target = target(message)?.ok_or(BadDialog::NoContact)?;
        let parts = Parts {
            call_id: &sent.call_id,
            local_tag: &sent.local_tag,
            remote_tag,
            local_uri: sent.local_uri.as_str(),
            remote_uri: sent.remote_uri.as_str(),
            remote_target: target.as_str(),
            route_set,
        };
        let text = DialogText::new(&parts)?;
        Ok(Self { text, sequence: Sequence::after(sent.cseq), remote_cseq })
    }

    /// Octets of text held, beside the structure itself.
    #[must_use]
    pub fn text_length(&self) -> usize {
        self.text.len()
    }

    /// Checks the CSeq of a received request and remembers it. An equal one is taken: an element on the way that tried
    /// a second address sends the same request twice.
    ///
    /// # Errors
    /// [`DialogError::StaleCSeq`] when it is lower than that of an earlier request.
    pub fn accept(&mut self, request: &Message) -> Result<(), DialogError> {
        if self.remote_cseq.is_some_and(|last| request.cseq() < last) {
            return Err(DialogError::StaleCSeq);
        }
        self.remote_cseq = Some(request.cseq());
        Ok(())
    }

    /// Takes the Contact of an accepted SUBSCRIBE or NOTIFY as the new remote target (section 12.2.2). The route set
    /// stays. Without a Contact nothing changes.
    ///
    /// # Errors
    /// [`BadDialog`] when the Contact is no target; the old one stays.
    pub fn refresh_target(&mut self, request: &Message) -> Result<(), BadDialog> {
        let Some(target) = target(request)? else { return Ok(()) };
        let parts = Parts { remote_target: target.as_str(), ..self.text.parts() };
        if parts.remote_target != self.text.parts().remote_target {
            self.text = DialogText::new(&parts)?;
        }
        Ok(())
    }

    /// Takes the next CSeq number for a request of ours.
    pub const fn take_cseq(&mut self) -> (u32, Reservation) {
        self.sequence.take()
    }

    /// The next request of ours in a dialog that is not journalled: [`Dialog::request_numbered`] with the next CSeq.
    #[must_use]
    pub fn request(&mut self, method: Method) -> Draft {
        let (cseq, Reservation::Covered | Reservation::Raised) = self.take_cseq();
        self.request_numbered(method, cseq)
    }

    /// A request along the dialog (section 12.2.1.1): Request-URI, Route, From, To, Call-ID, CSeq and Max-Forwards. The
    /// caller adds the rest and the body.
    #[must_use]
    pub fn request_numbered(&self, method: Method, cseq: u32) -> Draft {
        let (target, routes) = (self.remote_target(), self.route_set());
        match routes.first() {
            None => self.compose(target, "", method, cseq),
            Some(first) if first.is_loose_route() => self.compose(target, routes.as_str(), method, cseq),
            // An RFC 2543 strict router: it wants itself as Request-URI and the target as last Route.
            Some(first) => {
                let rest = routes.rest();
                let comma = if rest.is_empty() { "" } else { "," };
                let route = format!("{rest}{comma}<{target}>");
                self.compose(as_request_uri(&first), &route, method, cseq)
            }
        }
    }

    /// A request of this dialog that does not follow its route set but `route`, a Route value, which may be empty: same
    /// Call-ID, tags and CSeq, but the way to the remote target is found afresh. A departure from section 12.2.1.1.
    #[must_use]
    pub fn request_apart(&self, method: Method, cseq: u32, route: &str) -> Draft {
        self.compose(self.remote_target(), route, method, cseq)
    }

    fn compose(&self, request_uri: Uri, route: &str, method: Method, cseq: u32) -> Draft {
        let number = format!("{cseq} {method}");
        let Parts { call_id, local_tag, remote_tag, local_uri, remote_uri, .. } = self.text.parts();
        let mut draft = Draft::new(method, request_uri);
        if !route.is_empty() {
            draft = draft.header(HeaderName::Route, route);
        }
        draft
            .header(HeaderName::From, format_args!("<{local_uri}>;tag={local_tag}"))
            .header(HeaderName::To, format_args!("<{remote_uri}>;tag={remote_tag}"))
            .header(HeaderName::CallId, call_id)
            .header(HeaderName::CSeq, number)
            .header(HeaderName::MaxForwards, MAX_FORWARDS)
    }

    /// Call-ID and tags.
    #[must_use]
    pub fn id(&self) -> DialogId {
        let Parts { call_id, local_tag, remote_tag, .. } = self.text.parts();
        DialogId { call_id: call_id.into(), local_tag: local_tag.into(), remote_tag: remote_tag.into() }
    }

    /// Whether these are its Call-ID and tags.
    #[must_use]
    pub fn is(&self, id: &DialogId) -> bool {
        let Parts { call_id, local_tag, remote_tag, .. } = self.text.parts();
        (call_id, local_tag, remote_tag) == (&*id.call_id, &*id.local_tag, &*id.remote_tag)
    }

    /// Its Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &str {
        self.text.parts().call_id
    }

    /// Where the other side's requests go: its last Contact.
    #[must_use]
    #[expect(clippy::expect_used, reason = "it was read as a URI before it was taken")]
    pub fn remote_target(&self) -> Uri {
        Uri::parse(self.text.parts().remote_target).expect("the text of a URI")
    }

    /// The elements that asked to stay on the way.
    #[must_use]
    pub fn route_set(&self) -> RouteSet<'_> {
        RouteSet::of(self.text.parts().route_set)
    }
}

impl From<TooLarge> for BadDialog {
    fn from(TooLarge: TooLarge) -> Self {
        Self::TooLarge
    }
}

impl From<BadRouteSet> for BadDialog {
    fn from(BadRouteSet: BadRouteSet) -> Self {
        Self::RouteSet
    }
}

/// The URI's text in From or To, whatever its scheme; the message was checked to have one.
fn address(message: &Message, name: HeaderName) -> &str {
    let value = message.value(name).and_then(|value| NameAddr::parse(value).ok());
    value.map_or("", |address| address.uri_text())
}

/// The one Contact as a target, where there is one (section 8.1.1.8).
fn target(message: &Message) -> Result<Option<Uri>, BadDialog> {
    let mut contacts = message.list(HeaderName::Contact);
    let Some(value) = contacts.next() else { return Ok(None) };
    let address = NameAddr::parse(value).map_err(|_| BadDialog::BadContact)?;
    let uri = address.uri().ok().filter(Uri::is_sip).ok_or(BadDialog::BadContact)?;
    if contacts.next().is_some() { Err(BadDialog::BadContact) } else { Ok(Some(as_request_uri(&uri))) }
}

/// Section 19.1.1: a Request-URI has neither header fields nor a method parameter.
fn as_request_uri(uri: &Uri) -> Uri {
    let uri = uri.without_param("method");
    let Some(headers) = uri.headers() else { return uri };
    let end = uri.as_str().len() - headers.len() - 1;
    uri.as_str().get(..end).and_then(|text| Uri::parse(text).ok()).unwrap_or(uri)
}
