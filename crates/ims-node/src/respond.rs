//! Answers: where they go, and the error answers that every node gives alike (rule SIP-22).

use crate::flow::Flow;
use crate::inbound::{InboundRequest, Source};
use crate::node::{Node, Path};
use crate::output::{Event, Output};
use crate::record::Seq;
use crate::refusal::Refusal;
use crate::role::Role;
use crate::settings::{NodeSettings, Side};
use bytes::Bytes;
use clock::Now;
use sip_message::{HeaderName, Malformed, Message, Method, RawMessage, Relay, Response, Transport, Via};
use sip_transaction::Transmit;
use std::net::SocketAddr;

/// Where the response to a request goes (RFC 3261 section 18.2.2, RFC 3581 section 4): on a stream back over the
/// connection, and if that is gone to sent-by; for a datagram to the source, at its port if rport was asked for, else
/// at sent-by's.
///
/// A UE whose sent-by is another address than its source is behind a NAT, where nothing but the source's port leads to
/// it: it is answered there even if it does not know of rport.
pub(crate) fn reply_path(side: Side, flow: Flow, via: Option<&str>, after: Option<Seq>) -> Path {
    let via = via.and_then(|value| Via::parse(value).ok());
    let port = via.and_then(|via| via.port()).unwrap_or(5060);
    let sent_by = SocketAddr::new(flow.remote.ip(), port);
    match flow.transport {
        Transport::Tcp => Path { flow, fallback: Some(sent_by), after },
        Transport::Udp => {
            let at_source = via.is_none_or(|via| {
                let mapped = via.address().is_some_and(|address| address != flow.remote.ip());
                via.rport().is_some() || (mapped && side == Side::Ue)
            });
            let remote = if at_source { flow.remote } else { sent_by };
            Path { flow: Flow { remote, ..flow }, fallback: None, after }
        }
    }
}

/// The answer to a malformed request, if it is one that is answered.
pub(crate) fn answer_malformed(
    settings: &NodeSettings,
    flow: Flow,
    malformed: &Malformed,
    tag: &str,
) -> Option<(Path, Bytes)> {
    let message = malformed.message.as_ref()?;
    let status = malformed.defect.status()?;
    if message.status().is_some() || message.method() == Some(&Method::Ack) {
        return None;
    }
    let mut raw = (**message).clone();
    raw.stamp_source(flow.remote);
    let path = reply_path(settings.side(flow.listener), flow, raw.top_via(), None);
    let response = Response::to(&raw, status, tag);
    let response = with_refusal(settings, response, &Refusal::new(status, malformed.defect));
    Some((path, response.to_bytes()))
}

/// Adds what an error answer carries: Warning with the check that failed, and what the status asks for.
pub(crate) fn with_refusal(settings: &NodeSettings, response: Response, refusal: &Refusal) -> Response {
    let warning = format!("399 {} \"{}\"", settings.name, refusal.reason);
    let mut response = response.header(HeaderName::Warning, warning);
    for (name, value) in &refusal.headers {
        response = response.header(*name, value);
    }
    response
}

impl<R: Role> Node<R> {
    /// Answers in the node's own name.
    pub(crate) fn reply(&mut self, now: Now, request: &InboundRequest, response: &Response) {
        let flow = request.flow();
        let side = self.settings.side(flow.listener);
        let path = reply_path(side, flow, request.message().top_via(), self.after_everything());
        let transmit = Transmit { path, bytes: response.to_bytes() };
        if let Some(Transmit { path, bytes }) =
            self.transactions.respond(now.mono, request.server(), transmit)
        {
            self.transmit(path, bytes);
        }
    }

    /// Answers with an error of our own, and says so in the log.
    pub(crate) fn refuse(&mut self, now: Now, request: &InboundRequest, refusal: &Refusal) {
        let response = self.fx.response(request, refusal.status);
        let response = with_refusal(&self.settings, response, refusal);
        self.log_refusal(request.message(), refusal);
        self.reply(now, request, &response);
    }

    pub(crate) fn log_refusal(&mut self, message: &Message, refusal: &Refusal) {
        let branch = message.branch().unwrap_or_default();
        self.log_refused(message.cseq_method(), message.call_id(), branch, refusal);
    }

    /// The refusal of what can hardly be read.
    pub(crate) fn log_malformed(&mut self, message: &RawMessage, refusal: &Refusal) {
        let method = message.method().map_or("", Method::as_str);
        let call_id = message.value(HeaderName::CallId).unwrap_or_default();
        self.log_refused(method, call_id, "", refusal);
    }

    fn log_refused(&mut self, method: &str, call_id: &str, branch: &str, refusal: &Refusal) {
        self.counters.refused(refusal.reason);
        self.push(Output::Log(Event::Refused {
            status: refusal.status,
            reason: refusal.reason,
            method: method.into(),
            call_id: call_id.into(),
            branch: branch.into(),
        }));
    }

    /// Sends somebody else's response back the way the request came (RFC 3261 section 16.7).
    pub(crate) fn relay(
        &mut self,
        now: Now,
        request: &InboundRequest,
        response: &Message,
        headers: &[(HeaderName, Option<String>)],
    ) {
        let mut relay = Relay::of(response);
        relay.pop(HeaderName::Via, 1);
        match request.source() {
            Source::Own | Source::Peer(_) => {}
            Source::Ue => crate::trust::strip_for_ue(response, &mut relay),
            Source::Stranger => crate::trust::strip_for_stranger(response, &mut relay),
        }
        for (name, value) in headers {
            match value {
                Some(value) => relay.set(*name, value),
                None => relay.remove(*name),
            }
        }
        let Some(bytes) = relay.response() else { return };
        let flow = request.flow();
        let side = self.settings.side(flow.listener);
        let path = reply_path(side, flow, request.message().top_via(), request.after);
        let transmit = Transmit { path, bytes };
        if let Some(Transmit { path, bytes }) =
            self.transactions.respond(now.mono, request.server(), transmit)
        {
            self.transmit(path, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::ListenerId;

    #[test]
    fn rfc3581_4_a_datagram_is_answered_at_sent_by_s_port_or_where_it_came_from() {
        let remote = SocketAddr::from(([10, 77, 11, 1], 40000));
        let flow = Flow { listener: ListenerId(0), transport: Transport::Udp, remote, connection: None };
        let rows = [
            ("SIP/2.0/UDP 10.77.11.1:5061;branch=z9hG4bKa", 5061, 5061),
            ("SIP/2.0/UDP 10.77.11.1;branch=z9hG4bKa", 5060, 5060),
            ("SIP/2.0/UDP 10.77.11.1:5061;rport=40000;branch=z9hG4bKa", 40000, 40000),
            ("SIP/2.0/UDP phone.home1.test:5061;received=10.77.11.1;branch=z9hG4bKa", 5061, 5061),
            // Behind a NAT.
            ("SIP/2.0/UDP 127.0.0.1:5061;received=10.77.11.1;branch=z9hG4bKa", 5061, 40000),
            ("SIP/2.0/UDP [2001:db8::1]:5061;received=10.77.11.1;branch=z9hG4bKa", 5061, 40000),
            // docs/adr/0016: a response makes no detour.
            ("SIP/2.0/UDP 10.77.11.1:5061;maddr=203.0.113.9;ttl=9;branch=z9hG4bKa", 5061, 5061),
            ("SIP/2.0/UDP", 40000, 40000),
        ];
        for (via, port, ue_port) in rows {
            for (side, port) in [(Side::Network, port), (Side::Ue, ue_port)] {
                let expected = SocketAddr::new(remote.ip(), port);
                assert_eq!(reply_path(side, flow, Some(via), None).flow.remote, expected, "{via}");
            }
        }
    }
}
