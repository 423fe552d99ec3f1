//! Makes the copy of a request that is sent on (RFC 3261 section 16.6).

use crate::decision::{ForwardPlan, Next};
use crate::inbound::InboundRequest;
use crate::input::Flow;
use crate::settings::{Settings, Side};
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
    settings: &Settings,
    request: &InboundRequest,
    plan: &ForwardPlan<W>,
) -> Option<Prepared> {
    let message = request.message();
    let mut relay = Relay::of(message);
    relay.set(HeaderName::MaxForwards, message.max_forwards().map_or(DEFAULT_MAX_FORWARDS, |hops| hops - 1));
    trust::strip_unbelieved(request, &mut relay);
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

/// Puts Request-URI and Route in order and gives the URI of the next hop (section 16.6 steps 2, 4 and 6).
fn route<W>(
    request: &InboundRequest,
    plan: &ForwardPlan<W>,
    uri: &Uri,
    relay: &mut Relay<'_>,
) -> Option<Uri> {
    let remaining = if plan.discard_routes { None } else { request.next_route() };
    if plan.discard_routes || request.was_strictly_routed() {
        rewrite_routes(request, plan, relay);
    } else {
        relay.pop(HeaderName::Route, request.routes_to_pop());
        plan.routes.iter().rev().for_each(|value| relay.push(HeaderName::Route, value));
    }
    let first = match plan.routes.first() {
        Some(value) => Some(NameAddr::parse(value).ok()?.uri().ok()?),
        None => remaining,
    };
    match first {
        Some(next) if !next.is_loose_route() => {
            // Section 16.6 step 6: a strict router wants itself in the Request-URI, and the target as the last Route.
            relay.pop(HeaderName::Route, 1);
            relay.append(HeaderName::Route, format_args!("<{uri}>"));
            relay.set_request_uri(next.clone());
            Some(next)
        }
        first => {
            relay.set_request_uri(uri.clone());
            Some(first.unwrap_or_else(|| uri.clone()))
        }
    }
}

/// Writes the Route set anew: without what is discarded, and without the last entry a strict router put there.
fn rewrite_routes<W>(request: &InboundRequest, plan: &ForwardPlan<W>, relay: &mut Relay<'_>) {
    relay.remove(HeaderName::Route);
    let mut kept: Vec<String> = plan.routes.clone();
    if !plan.discard_routes {
        let message = request.message();
        let count = message.list(HeaderName::Route).count().saturating_sub(1);
        let rest = message.list(HeaderName::Route).take(count).skip(request.routes_to_pop());
        kept.extend(rest.map(str::to_owned));
    }
    kept.iter().for_each(|value| relay.append(HeaderName::Route, value));
}
