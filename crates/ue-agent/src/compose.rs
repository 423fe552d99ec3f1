//! Requests of ours, composed as rsip values (TS 24.229 sections 5.1.1.2 and 5.1.2A).

use crate::binding::Binding;
use crate::command::PagerMessage;
use crate::reg_event::REG;
use crate::registration::Register;
use crate::settings::UeAgentSettings;
use bytes::Bytes;
use rsip::headers::{Header, Headers, UntypedHeader as _, untyped as h};
use sip_event::{Publish, SentSubscribe};
use sip_message::{Draft, Method, Uri};

/// The methods that we take.
pub(crate) const ALLOW: &str = "NOTIFY, MESSAGE, OPTIONS";

/// The kind of document that tells of somebody's presence.
pub(crate) const PIDF: &str = "application/pidf+xml";

/// What tells of our own registration.
const REGINFO: &str = "application/reginfo+xml";

const PRODUCT: &str = concat!("muster-ue-agent/", env!("CARGO_PKG_VERSION"));

/// Hops that a request of ours may take (RFC 3261 section 8.1.1.6).
const MAX_FORWARDS: u8 = 70;

/// Call-ID, From tag and CSeq number of a request outside any dialog.
#[derive(Debug, Clone)]
pub(crate) struct Ids {
    pub(crate) call_id: Box<str>,
    pub(crate) tag: Box<str>,
    pub(crate) cseq: u32,
}

/// Rule REG-U-01.
pub(crate) fn register(settings: &UeAgentSettings, register: &Register) -> Option<Draft> {
    let target = Uri::parse(&settings.home_uri()).ok()?;
    let impu = settings.account.impu();
    let contact = settings.contact()?;
    let instance = settings.instance.as_str();
    let headers = Headers::from(vec![
        h::MaxForwards::new(MAX_FORWARDS.to_string()).into(),
        h::From::new(format!("<{impu}>;tag={}", register.tag)).into(),
        h::To::new(format!("<{impu}>")).into(),
        h::CallId::new(register.call_id.to_string()).into(),
        h::CSeq::new(format!("{} REGISTER", register.cseq)).into(),
        h::Contact::new(format!("<{contact}>;+sip.instance=\"<{instance}>\"")).into(),
        h::Expires::new(register.expires.to_string()).into(),
        h::Supported::new("path, gruu").into(),
        h::Authorization::new(register.authorization.clone()).into(),
        access_network(settings),
        h::UserAgent::new(PRODUCT).into(),
    ]);
    Some(Draft::from_rsip(Method::Register, target, &headers, Bytes::new()))
}

/// The headers of a new request (rule REG-U-07): by the P-CSCF and then the Service-Route, as the identity registered.
fn outside_dialog(
    settings: &UeAgentSettings,
    binding: Option<&Binding>,
    method: &Method,
    target: &Uri,
    ids: &Ids,
) -> Headers {
    let impu = settings.account.impu();
    let from = binding.map_or(impu, |binding| binding.identity(impu));
    let mut route = format!("<{};lr>", settings.pcscf.uri_text());
    for entry in binding.into_iter().flat_map(|binding| &binding.service_route) {
        route.push_str(", ");
        route.push_str(entry);
    }
    Headers::from(vec![
        h::MaxForwards::new(MAX_FORWARDS.to_string()).into(),
        h::Route::new(route).into(),
        h::From::new(format!("<{from}>;tag={}", ids.tag)).into(),
        h::To::new(format!("<{target}>")).into(),
        h::CallId::new(ids.call_id.to_string()).into(),
        h::CSeq::new(format!("{} {method}", ids.cseq)).into(),
        other("P-Preferred-Identity", format!("<{from}>")),
        access_network(settings),
        h::UserAgent::new(PRODUCT).into(),
    ])
}

/// A SUBSCRIBE outside any dialog.
pub(crate) fn subscribe_anew(
    settings: &UeAgentSettings,
    binding: &Binding,
    sent: &SentSubscribe,
    event: &str,
    expires: u32,
) -> Option<Draft> {
    let target = &sent.remote_uri;
    let ids = Ids { call_id: sent.call_id.clone(), tag: sent.local_tag.clone(), cseq: sent.cseq };
    let mut headers = outside_dialog(settings, Some(binding), &Method::Subscribe, target, &ids);
    headers.extend(subscription(settings, binding, event, expires)?);
    Some(Draft::from_rsip(Method::Subscribe, target.clone(), &headers, Bytes::new()))
}

/// A SUBSCRIBE in its dialog, whose own headers `draft` has.
pub(crate) fn subscribe_in_dialog(
    settings: &UeAgentSettings,
    binding: &Binding,
    draft: Draft,
    event: &str,
    expires: u32,
) -> Option<Draft> {
    let mut headers = subscription(settings, binding, event, expires)?;
    headers.extend([access_network(settings), h::UserAgent::new(PRODUCT).into()]);
    let with = headers.iter().fold(draft, |draft, header| match header.to_string().split_once(": ") {
        Some((name, value)) => draft.header_named(name, value),
        None => draft,
    });
    Some(with.without_body())
}

/// What every SUBSCRIBE says. Contact is the public GRUU, so that NOTIFYs find us wherever we register (RFC 5627
/// section 4.3).
fn subscription(
    settings: &UeAgentSettings,
    binding: &Binding,
    event: &str,
    expires: u32,
) -> Option<Vec<Header>> {
    let contact = binding.gruu.clone().or_else(|| settings.contact())?;
    Some(vec![
        h::Contact::new(format!("<{contact}>")).into(),
        h::Event::new(event).into(),
        h::Expires::new(expires.to_string()).into(),
        h::Accept::new(if event == REG { REGINFO } else { PIDF }).into(),
        h::Supported::new("gruu").into(),
        h::Allow::new(ALLOW).into(),
    ])
}

/// A PUBLISH (RFC 3903 section 4.1).
pub(crate) fn publish(settings: &UeAgentSettings, binding: &Binding, publish: &Publish, ids: &Ids) -> Draft {
    let target = binding.identity(settings.account.impu()).clone();
    let mut headers = outside_dialog(settings, Some(binding), &Method::Publish, &target, ids);
    headers.push(h::Event::new("presence").into());
    headers.push(h::Expires::new(publish.expires.to_string()).into());
    if let Some(tag) = &publish.if_match {
        headers.push(other("SIP-If-Match", tag.to_string()));
    }
    let body = publish.body.as_deref().map(Bytes::copy_from_slice);
    if body.is_some() {
        headers.push(h::ContentType::new(PIDF).into());
    }
    Draft::from_rsip(Method::Publish, target, &headers, body.unwrap_or_default())
}

/// A MESSAGE (RFC 3428 section 4).
pub(crate) fn message(
    settings: &UeAgentSettings,
    binding: &Binding,
    message: &PagerMessage,
    ids: &Ids,
) -> Draft {
    let PagerMessage { to, text } = message;
    let mut headers = outside_dialog(settings, Some(binding), &Method::Message, to, ids);
    headers.push(h::ContentType::new("text/plain;charset=UTF-8").into());
    Draft::from_rsip(Method::Message, to.clone(), &headers, Bytes::copy_from_slice(text.as_bytes()))
}

/// An OPTIONS to the P-CSCF, which answers it whoever asks.
pub(crate) fn options(settings: &UeAgentSettings, ids: &Ids) -> Option<Draft> {
    let target = Uri::parse(&settings.pcscf.uri_text()).ok()?;
    let mut headers = outside_dialog(settings, None, &Method::Options, &target, ids);
    headers.retain(|header| !matches!(header, Header::Route(_)));
    headers.push(h::Accept::new(PIDF).into());
    Some(Draft::from_rsip(Method::Options, target, &headers, Bytes::new()))
}

fn access_network(settings: &UeAgentSettings) -> Header {
    other("P-Access-Network-Info", settings.access_network_info.to_string())
}

/// A header for which rsip has no name.
fn other(name: &str, value: String) -> Header {
    Header::Other(name.to_owned(), value)
}
