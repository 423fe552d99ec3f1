//! Our Record-Route entries: two, because a phone names us by number and the network by name (RFC 5658). The one for the side
//! that a request goes to stands on top.

use crate::Pcscf;
use crate::flow_token::{Dialog, FlowKey, Phone};
use ims_node::way::Recorded;
use ims_node::{Flow, InboundRequest, NodeCause, Outcome};
use sip_message::{HeaderName, Message, Method, StatusCode, Transport};

/// How many entries we put into a request.
const OURS: usize = 2;

impl Pcscf {
    /// The entry by which the network comes back to this phone.
    pub(crate) fn network_entry(&self, token: &str) -> String {
        format!("<sip:{token}@{};lr>", self.settings.name)
    }

    /// The entry by which the phone comes back in the dialog of this mark.
    pub(crate) fn gm_entry(&self, token: &str, flow: Flow, mark: Option<&str>) -> String {
        // A phone that is told no transport comes back by UDP (RFC 3263 section 4.1), where it is not registered.
        let transport = match flow.transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
        };
        let mark = mark.map_or_else(String::new, |mark| format!(";d={mark}"));
        format!("<sip:{token}@{}{transport};lr{mark}>", self.settings.advertised)
    }

    /// Our entries in a request to a phone: what stands below them is the phone's way back.
    pub(crate) fn towards_phone(
        &self,
        key: &FlowKey,
        request: &InboundRequest,
        flow: Flow,
        token: &str,
    ) -> Vec<String> {
        let message = request.message();
        let phone = if *request.method() == Method::Subscribe {
            Phone::Notifier
        } else {
            Phone::Subscriber(message.to_tag().unwrap_or_default())
        };
        let remote_tag = message.from_tag().unwrap_or_default();
        let dialog = Dialog { token, call_id: message.call_id(), phone, remote_tag };
        let mark = key.mark(dialog, message.list(HeaderName::RecordRoute));
        vec![self.gm_entry(token, flow, Some(&mark)), self.network_entry(token)]
    }

    /// Record-Route of a SUBSCRIBE as the phone was sent it.
    pub(crate) fn recorded_towards_phone(&self, request: &InboundRequest) -> Option<String> {
        if *request.method() != Method::Subscribe {
            return None;
        }
        let key = self.key.as_ref()?;
        let token = request.own_routes().iter().find_map(Self::token_of)?;
        let (flow, _) = key.read(token)?;
        let ours = self.towards_phone(key, request, flow, token);
        let before = request.message().list(HeaderName::RecordRoute).map(str::to_owned);
        Some(ours.into_iter().chain(before).collect::<Vec<_>>().join(", "))
    }

    /// What is another in an answer that goes to a phone.
    pub(crate) fn towards_ue(
        &self,
        request: &InboundRequest,
        outcome: &Outcome,
    ) -> Vec<(HeaderName, Option<String>)> {
        let Outcome::Response(answer) = outcome else { return Vec::new() };
        let recorded = self.marked(request, answer).map(|all| (HeaderName::RecordRoute, Some(all)));
        // What tells a phone to register anew is said by this node, and by nobody behind it.
        let is_ours =
            answer.values(HeaderName::Warning).any(|value| NodeCause::FlowUnknown.reason().is_in(value));
        let warning = is_ours.then_some((HeaderName::Warning, None));
        recorded.into_iter().chain(warning).collect()
    }

    /// Record-Route of the answer that makes a dialog: only now the other side's tag and the way to it are known.
    fn marked(&self, request: &InboundRequest, answer: &Message) -> Option<String> {
        let makes_dialog =
            *request.method() == Method::Subscribe && answer.status().is_some_and(StatusCode::is_success);
        if !makes_dialog {
            return None;
        }
        let recorded = Recorded::of(answer, OURS, 0)?;
        let entry = crate::from_ue::uri_of(recorded.own()?)?;
        let (key, token) = (self.key.as_ref()?, Self::token_of(&entry)?);
        let (flow, _) = key.read(token).filter(|(flow, _)| *flow == request.flow())?;
        let phone = Phone::Subscriber(answer.from_tag().unwrap_or_default());
        let remote_tag = answer.to_tag().unwrap_or_default();
        let dialog = Dialog { token, call_id: answer.call_id(), phone, remote_tag };
        let mark = key.mark(dialog, recorded.ahead());
        Some(recorded.with_own(&self.gm_entry(token, flow, Some(&mark))))
    }
}
