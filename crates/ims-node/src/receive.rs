//! From bytes to the role: parsing, matching, the checks of RFC 3261 section 16.3.

use crate::cause::NodeCause;
use crate::errand::Beside;
use crate::flow::Flow;
use crate::inbound::{Arrival, InboundRequest};
use crate::node::{Node, Path};
use crate::output::{Event, Output};
use crate::reason::Reason;
use crate::received::Received;
use crate::refusal::Refusal;
use crate::refusal::method_not_allowed;
use crate::respond::{answer_malformed, reply_path};
use crate::role::Role;
use crate::settings::Side;
use crate::trust;
use clock::Now;
use sip_message::{HeaderName, Malformed, Message, Method, Response, Scheme, StatusCode, Transport, Via};
use sip_transaction::{Lookup, Timers, Transmit};

impl<R: Role> Node<R> {
    pub(crate) fn receive(&mut self, now: Now, flow: Flow, received: Received) {
        match received.into_result() {
            Ok(message) if message.status().is_some() => self.receive_response(now, message),
            Ok(mut message) => {
                message.stamp_source(flow.remote);
                self.receive_request(now, flow, message);
            }
            Err(malformed) => self.receive_malformed(flow, &malformed),
        }
    }

    /// A malformed request is answered without keeping anything; a malformed response is dropped.
    fn receive_malformed(&mut self, flow: Flow, malformed: &Malformed) {
        let reason = Reason::from(malformed.defect);
        match answer_malformed(&self.settings, flow, malformed, &self.fx.random_tag()) {
            Some((path, bytes)) => {
                if let (Some(message), Some(status)) = (&malformed.message, malformed.defect.status()) {
                    self.log_malformed(message, &Refusal::new(status, reason));
                }
                self.transmit(path, bytes);
            }
            None => {
                self.counters.dropped(reason);
                self.push(Output::Log(Event::Dropped { reason, from: flow.remote }));
                let is_response =
                    malformed.message.as_ref().is_some_and(|message| message.status().is_some());
                if flow.transport == Transport::Tcp && !is_response {
                    // Nothing is sent again on a stream: whoever waits for an answer learns that there is none.
                    self.push(Output::Close(flow));
                }
            }
        }
    }

    /// RFC 3261 section 18.3: without a length the rest of the stream has no meaning.
    pub(crate) fn receive_unframed(&mut self, flow: Flow, head: Received) {
        let (message, defect) = match head.into_result() {
            Ok(message) => (
                Box::new((*message).clone()),
                sip_message::Defect::Missing(sip_message::Field::ContentLength),
            ),
            Err(Malformed { defect, message: Some(message) }) => (message, defect),
            Err(Malformed { message: None, .. }) => return self.push(Output::Close(flow)),
        };
        self.receive_malformed(flow, &Malformed { defect, message: Some(message) });
        self.push(Output::Close(flow));
    }

    fn receive_response(&mut self, now: Now, response: Message) {
        // RFC 3261 section 18.1.2: what was not sent by us is not answered to us.
        if !response.top_via().and_then(|via| Via::parse(via).ok()).is_some_and(|via| self.is_own_via(&via)) {
            return self.counters.dropped(NodeCause::OtherSentBy);
        }
        // A response that matches nothing is late or forged: a stateful node drops it (RFC 4320 section 4.2).
        let Some(matched) = self.transactions.on_response(now.mono, &response) else { return };
        if !matched.provisional {
            self.on_final_response(now, matched.client, response);
        }
    }

    /// RFC 3261 section 9.2: a CANCEL of a transaction that is there is answered 200, and has no other effect unless that is an
    /// INVITE, which there is none of here.
    fn on_cancel(&mut self, flow: Flow, cancel: &Message) {
        if self.transactions.has_cancelled(cancel) {
            return self.accept_stateless(flow, cancel);
        }
        let refusal = Refusal::new(StatusCode::NO_SUCH_TRANSACTION, NodeCause::NothingToCancel);
        self.answer_stateless(flow, cancel, &refusal);
    }

    fn receive_request(&mut self, now: Now, flow: Flow, message: Message) {
        match message.method() {
            Some(Method::Ack) => return,
            Some(Method::Invite) => return self.answer_stateless(flow, &message, &method_not_allowed()),
            Some(Method::Cancel) => {
                return self.on_cancel(flow, &message);
            }
            Some(_) | None => {}
        }
        if self.is_shed(now, flow, &message) {
            return self.shed(now, flow, &message);
        }
        let timers = self.timers(flow);
        let path = Path { flow, fallback: None, after: None };
        match self.transactions.on_request(now.mono, &message, path, timers, flow.transport.is_reliable()) {
            Lookup::New(server) => {
                let side = self.settings.side(flow.listener);
                let source = trust::source(&self.settings, side, flow.remote);
                let fingerprint = self.loops.fingerprint(&message);
                // The answer has to travel, and must not cross with the client's giving up.
                let on_the_way = (timers.t2 / 2).min(timers.timer_f() / 16);
                let answer_by = now.mono + timers.timer_f() - on_the_way;
                let arrival = Arrival { flow, source, server, fingerprint, answer_by };
                if let Some(request) = InboundRequest::new(&self.settings, message, arrival) {
                    self.on_request(now, Box::new(request));
                }
            }
            Lookup::Repeat(Some(Transmit { path, bytes })) => self.transmit(path, bytes),
            Lookup::Repeat(None) => {}
            Lookup::Full => self.shed(now, flow, &message),
        }
    }

    fn on_request(&mut self, now: Now, request: Box<InboundRequest>) {
        if let Some(refusal) = self.reason_to_refuse(&request) {
            return self.refuse(now, &request, &refusal);
        }
        if self.is_ping(&request) {
            let response = self.fx.capabilities(&request);
            return self.reply(now, &request, &response);
        }
        let before = self.fx.last_promise;
        self.answering = self.beside(&request);
        let decision = self.role.on_request(now, &request, &mut self.fx);
        let request = self.note_records(request, before);
        self.decide(now, request, decision);
    }

    /// What every node refuses, whatever its role: foreign schemes (416), loops (482), unknown demands on proxies (420).
    fn reason_to_refuse(&self, request: &InboundRequest) -> Option<Refusal> {
        let message = request.message();
        if matches!(request.request_uri().scheme(), Scheme::Other | Scheme::Sips) {
            return Some(Refusal::new(StatusCode::UNSUPPORTED_URI_SCHEME, NodeCause::UnknownScheme));
        }
        if self.loops.is_loop(message, request.fingerprint(), |via| self.is_own_via(via)) {
            return Some(Refusal::new(StatusCode::LOOP_DETECTED, NodeCause::Loop));
        }
        Refusal::check_demands(message, HeaderName::ProxyRequire, &[]).err()
    }

    fn is_own_via(&self, via: &Via<'_>) -> bool {
        let port = via.port().unwrap_or(5060);
        via.address().is_some_and(|ip| {
            self.settings
                .listeners
                .iter()
                .any(|listener| listener.address.ip() == ip && listener.address.port() == port)
        })
    }

    /// OPTIONS to the node itself asks only whether it is there (RFC 3261 section 11).
    fn is_ping(&self, request: &InboundRequest) -> bool {
        let uri = request.request_uri();
        *request.method() == Method::Options
            && uri.user().is_none()
            && self.settings.is_own(uri)
            && request.next_route().is_none()
    }

    /// Answers without a transaction (RFC 3261 section 8.2.7): the same answer to every repeat costs nothing to keep.
    fn answer_stateless(&mut self, flow: Flow, message: &Message, refusal: &Refusal) {
        self.log_refusal(message, refusal);
        self.transmit_stateless(flow, message, refusal);
    }

    pub(crate) fn transmit_stateless(&mut self, flow: Flow, message: &Message, refusal: &Refusal) {
        let (path, response) = self.stateless(flow, message, refusal.status);
        let response = crate::respond::with_refusal(&self.settings, response, refusal);
        self.transmit(path, response.to_bytes());
    }

    fn accept_stateless(&mut self, flow: Flow, message: &Message) {
        let (path, response) = self.stateless(flow, message, StatusCode::OK);
        self.transmit(path, response.to_bytes());
    }

    /// RFC 3261 section 8.2.7: every repeat gets the same tag, though nothing is kept.
    fn stateless(&self, flow: Flow, message: &Message, status: StatusCode) -> (Path, Response) {
        let path = reply_path(self.settings.side(flow.listener), flow, message.top_via(), None);
        let tag = format!("{:016x}", self.loops.fingerprint(message));
        (path, Response::to(message, status, &tag))
    }

    pub(crate) fn timers(&self, flow: Flow) -> Timers {
        match self.settings.side(flow.listener) {
            Side::Ue => self.settings.ue_timers,
            Side::Network => self.settings.timers,
        }
    }

    /// A request that a role sends together with its answer may close the connection on which the answer leaves. This says which one.
    pub(crate) fn beside(&self, request: &InboundRequest) -> Option<Beside> {
        let connection = request.flow();
        let side = self.settings.side(connection.listener);
        let path = reply_path(side, connection, request.message().top_via(), None);
        path.fallback.map(|listens_at| Beside { connection, listens_at })
    }

    /// What is relayed waits only for what the relaying itself recorded.
    pub(crate) fn note_records(
        &mut self,
        mut request: Box<InboundRequest>,
        before: u64,
    ) -> Box<InboundRequest> {
        let holds_answer = std::mem::take(&mut self.fx.holds_answer);
        if holds_answer || self.fx.last_promise > before {
            request.after = self.after_everything();
        }
        request
    }
}
