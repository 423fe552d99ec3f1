//! Makes the copy of a request that is sent on (RFC 3261 section 16.6).

use crate::breadth::max_breadth;
use crate::decision::{ForwardPlan, Next};
use crate::flow::Flow;
use crate::inbound::InboundRequest;
use crate::settings::{NodeSettings, Side};
use crate::trust;
use sip_message::{Draft, HeaderName, NameAddr, Relay, Uri};

/// Hops a request may take when its sender did not say (section 16.6 step 3).
const DEFAULT_MAX_FORWARDS: u8 = 70;

/// A request on its way, and where.
pub(crate) struct Prepared {
    pub(crate) draft: Draft,
    pub(crate) target: Uri,
    pub(crate) flow: Option<Flow>,
}

/// Applies a plan. `None` when the next Route entry cannot be read, so that nobody knows where to go.
pub(crate) fn prepare<W>(
    settings: &NodeSettings,
    request: &InboundRequest,
    plan: &ForwardPlan<W>,
) -> Option<Prepared> {
    let message = request.message();
    let mut relay = Relay::of(message);
    relay.set(HeaderName::MaxForwards, message.max_forwards().map_or(DEFAULT_MAX_FORWARDS, |hops| hops - 1));
    // Only one copy is under way at a time, so that it has all the breadth there is.
    relay.set(HeaderName::MaxBreadth, max_breadth(message));
    trust::strip_unbelieved(message, request.source(), &mut relay);
    let flow = match plan.next {
        Next::Flow(flow) => Some(flow),
        Next::Route => None,
    };
    if flow.is_some_and(|flow| settings.side(flow.listener) == Side::Ue) {
        trust::strip_for_ue(message, &mut relay);
    }
    let uri = plan.request_uri.as_ref().unwrap_or_else(|| request.request_uri());
    let target = route(request, plan, uri, &mut relay)?;
    for (name, value) in &plan.headers {
        match value {
            Some(value) => relay.set(*name, value),
            None => relay.remove(*name),
        }
    }
    for (name, value) in &plan.pushes {
        relay.push(*name, value);
    }
    plan.record_routes.iter().rev().for_each(|value| relay.push(HeaderName::RecordRoute, value));
    relay.request().map(|draft| Prepared { draft, target, flow })
}

/// Puts Request-URI and Route in order and gives the URI of the next hop (section 16.6 steps 2, 4 and 6). The routes are
/// those of the plan and then those that remain of the received ones.
fn route<W>(
    request: &InboundRequest,
    plan: &ForwardPlan<W>,
    uri: &Uri,
    relay: &mut Relay<'_>,
) -> Option<Uri> {
    let remaining = || request.remaining_routes().filter(|_| !plan.discard_routes);
    let first = plan.routes.first().map(String::as_str).or_else(|| remaining().next());
    let next = match first {
        Some(value) => Some(NameAddr::parse(value).ok()?.uri().ok()?),
        None => None,
    };
    let strict = next.as_ref().filter(|next| !next.is_loose_route());
    if strict.is_some() || plan.discard_routes || request.was_strictly_routed() {
        relay.remove(HeaderName::Route);
        let routes = plan.routes.iter().map(String::as_str).chain(remaining());
        routes.skip(strict.iter().len()).for_each(|value| relay.append(HeaderName::Route, value));
    } else {
        // As above, but what stays is not written anew.
        relay.pop(HeaderName::Route, request.routes_to_pop());
        plan.routes.iter().rev().for_each(|value| relay.push(HeaderName::Route, value));
    }
    if let Some(next) = strict {
        // Section 16.6 step 6: a strict router wants itself in the Request-URI, and the target as the last Route.
        relay.append(HeaderName::Route, format_args!("<{uri}>"));
        relay.set_request_uri(next.clone());
    } else {
        relay.set_request_uri(uri.clone());
    }
    Some(next.unwrap_or_else(|| uri.clone()))
}
