//! Our Record-Route entries say where they lead, so that nobody steers us by a request in a dialog.
//!
//! A Route entry of ours in a request proves that we once wrote it, and says nothing of where the request goes next: its
//! sender writes the entries behind ours and the Request-URI. So our entry carries a mark over the Call-ID and the next
//! hop. Each side of a dialog has an entry for the hop towards the other one: the called side from the request itself, which
//! says where it came from; the calling side from the answer, in which a proxy may edit its own entry (RFC 3261 section
//! 16.7 step 8). Nothing is kept but the key (docs/adr/0004).

use crate::Scscf;
use crate::settings::{ScscfSettings, TerminatingRecordRoute};
use ims_node::way::{Recorded, hop_to, is_server_of};
use ims_node::{InboundRequest, Outcome, Source};
use sip_message::{HeaderName, Message, Method, NameAddr, StatusCode, Uri};
use std::net::IpAddr;

/// The user of our entry on the watcher's side of a dialog.
pub(crate) const ORIGINATING: &str = "rr-o";

/// The user of our entry on the presentity's side.
pub(crate) const TERMINATING: &str = "rr-t";

/// The parameter that the mark stands in.
const MARK: &str = "d";

/// What marks are signed for.
const WAY: &str = "way";

impl Scscf {
    /// Our entry in a SUBSCRIBE that opens a dialog, on the watcher's side (rule RT-SO-06).
    pub(crate) fn originating_entry(&self, request: &InboundRequest) -> Option<String> {
        opens_dialog(request).then(|| self.entry_back(request, ORIGINATING))
    }

    /// Our entry in a SUBSCRIBE that opens a dialog, on the presentity's side (rule RT-ST-05).
    pub(crate) fn terminating_entry(&self, request: &InboundRequest) -> Option<String> {
        let stays = self.settings.terminating_record_route == TerminatingRecordRoute::On;
        (stays && opens_dialog(request)).then(|| self.entry_back(request, TERMINATING))
    }

    /// Our entry in a SUBSCRIBE that opens a dialog with a phone of a user served here.
    pub(crate) fn entry_towards_phone(&self, request: &InboundRequest) -> Option<String> {
        opens_dialog(request).then(|| self.entry_back(request, TERMINATING))
    }

    /// The entry of this user in a request that passes us: it leads back to where the request came from.
    pub(crate) fn entry_back(&self, request: &InboundRequest, user: &str) -> String {
        let message = request.message();
        let hop = hop(message.list(HeaderName::RecordRoute).next(), message);
        self.entry(user, message.call_id(), hop.as_ref(), request.source())
    }

    /// What is another in an answer that goes back: our entry, which now leads to where the request went.
    pub(crate) fn entry_forth(
        &self,
        request: &InboundRequest,
        outcome: &Outcome,
    ) -> Vec<(HeaderName, Option<String>)> {
        let Outcome::Response(answer) = outcome else { return Vec::new() };
        let makes_dialog = opens_dialog(request) && answer.status().is_some_and(StatusCode::is_success);
        let below = request.message().list(HeaderName::RecordRoute).count();
        let recorded = Recorded::of(answer, 1, below).filter(|_| makes_dialog);
        let entry = recorded.as_ref().and_then(|recorded| uri_of(recorded.own()?));
        let (Some(recorded), Some(entry)) = (recorded, entry) else { return Vec::new() };
        let Some(user) = entry.user().filter(|user| is_ours(user) && entry.is_host(&self.settings.name))
        else {
            return Vec::new();
        };
        let next = hop(recorded.ahead().next(), answer);
        let all = recorded.with_own(&self.entry(user, answer.call_id(), next.as_ref(), &Source::Stranger));
        vec![(HeaderName::RecordRoute, Some(all))]
    }

    /// Whether a hop is one that we may go to because somebody has written it: a name, which DNS is asked for, or the address of a node
    /// that we know. What listens at other ports of our own nodes is for our own nodes to say.
    fn is_believed(&self, hop: &Uri, source: &Source) -> bool {
        let ScscfSettings { own_addresses, peer_addresses, .. } = &self.settings;
        let is_known = |ip: IpAddr| {
            let is_usual = hop.without_default_port().port().is_none() || *source == Source::Own;
            peer_addresses.contains(&ip) || (own_addresses.contains(&ip) && is_usual)
        };
        !hop.params().has("maddr") && hop.address().is_none_or(is_known)
    }

    /// Whether a request in a dialog goes where the Route entry leads by which it came, or where anybody may go whom we trust:
    /// to a server of our own domain.
    pub(crate) fn leads_on(&self, request: &InboundRequest) -> bool {
        let route = request.next_route();
        let next = route.as_ref().unwrap_or_else(|| request.request_uri());
        let is_server =
            is_server_of(next, &self.settings.domain) && (route.is_some() || next.user().is_none());
        is_server || finds_afresh(request) || self.is_marked(request, next)
    }

    /// Whether an entry of ours, by which the request came, leads there.
    fn is_marked(&self, request: &InboundRequest, next: &Uri) -> bool {
        let Some(key) = &self.key else { return false };
        let (call_id, to) = (request.message().call_id().as_bytes(), hop_to(next));
        let mut marks = request.own_routes().iter().filter_map(|uri| uri.params().get(MARK));
        marks.any(|mark| key.is_mark(mark, WAY, &[call_id, to.as_bytes()]))
    }

    /// Whether a request in a dialog may go to a user of our own domain, who is its Request-URI: the dialog leads there, or a NOTIFY
    /// finds its subscriber afresh (figures 6 and 7). Whatever else is for a user begins with the filter criteria of that user.
    pub(crate) fn leads_to_user(&self, request: &InboundRequest) -> bool {
        let found_afresh = *request.method() == Method::Notify && !came_by_entry(request);
        found_afresh || self.is_marked(request, request.request_uri())
    }

    /// The entry of this user, leading to a hop by the word of this source.
    fn entry(&self, user: &str, call_id: &str, hop: Option<&Uri>, source: &Source) -> String {
        let hop = hop.filter(|hop| self.is_believed(hop, source));
        let mark = hop.zip(self.key.as_ref()).map(|(hop, key)| {
            format!(";{MARK}={}", key.mark(WAY, &[call_id.as_bytes(), hop_to(hop).as_bytes()]))
        });
        format!("<sip:{user}@{};lr{}>", self.settings.name, mark.unwrap_or_default())
    }
}

/// Whether the user part of a URI of ours is that of a Record-Route entry.
pub(crate) fn is_ours(user: &str) -> bool {
    user == ORIGINATING || user == TERMINATING
}

/// Figure 7: a presence server of ours has the watcher found afresh, by its identity and the domain in it. It comes by our
/// name alone, where a phone comes by our entry: the P-CSCF lets it write no other.
fn finds_afresh(request: &InboundRequest) -> bool {
    let uri = request.request_uri();
    let is_user = uri.user().is_some() && uri.address().is_none() && is_server_of(uri, uri.host_text());
    *request.source() == Source::Own && !came_by_entry(request) && request.next_route().is_none() && is_user
}

fn came_by_entry(request: &InboundRequest) -> bool {
    request.own_routes().iter().filter_map(Uri::user).any(is_ours)
}

fn opens_dialog(request: &InboundRequest) -> bool {
    *request.method() == Method::Subscribe && !request.is_in_dialog()
}

/// The hop of a Record-Route entry; if there is none, the sender itself, by its Contact.
fn hop(recorded: Option<&str>, message: &Message) -> Option<Uri> {
    match recorded {
        Some(entry) => uri_of(entry),
        None => message.first_address(HeaderName::Contact).and_then(|contact| contact.uri().ok()),
    }
}

fn uri_of(entry: &str) -> Option<Uri> {
    NameAddr::parse(entry).ok()?.uri().ok()
}
