//! What the users do: one operation is one row of the table.

use super::network::DOMAIN;
use super::user::{Answer, Expect, Failure, User, Way};
use bytes::Bytes;
use ims_node::digest;
use sip_message::{Challenge, Credentials, Draft, HeaderName, Message, Method, StatusCode};
use std::fmt;

const PIDF: &str = "application/pidf+xml";
/// Granted in full by everybody, in seconds.
const EXPIRES: u32 = 3600;
/// An S-CSCF of the domain, for a third-party REGISTER.
const SCSCF: &str = "sip:scscf1a.home1.test";

/// An operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A registration where there was none: REGISTER, its challenge, REGISTER again.
    Register,
    /// The registration is refreshed, with the nonce there is; alone, an S-CSCF's third-party REGISTER.
    Refresh,
    /// A publication where there was none.
    Publish,
    /// A publication gets another document.
    Modify,
    /// A publication is taken back.
    Remove,
    /// A subscription where there was none, with its first NOTIFY.
    Subscribe,
    /// A subscription is ended, with its last NOTIFY.
    Unsubscribe,
    /// A node is asked what it can do.
    Options,
}

/// What a user has at the network.
#[derive(Debug, Default)]
pub(crate) struct UserState {
    challenged: Option<Challenged>,
    /// Entity-tags.
    publications: Vec<String>,
    dialogs: Vec<Dialog>,
}

#[derive(Debug)]
struct Challenged {
    nonce: String,
    count: u32,
}

#[derive(Debug)]
struct Dialog {
    call_id: String,
    remote: String,
    remote_target: String,
    route_set: Vec<String>,
}

impl Operation {
    /// The user does it once; how often a request had to be sent again.
    pub(crate) async fn perform(self, user: &mut User) -> Result<u64, Failure> {
        match self {
            Self::Register => register(user).await,
            Self::Refresh if user.way == Way::Alone => third_party_register(user).await,
            Self::Refresh => refresh(user).await,
            Self::Publish => publish(user, None, Some("open")).await,
            Self::Modify => {
                let tag = user.state.publications.pop();
                publish(user, Some(tag.ok_or(Failure::NothingThere)?), Some("closed")).await
            }
            Self::Remove => {
                let tag = user.state.publications.pop();
                publish(user, Some(tag.ok_or(Failure::NothingThere)?), None).await
            }
            Self::Subscribe => subscribe(user).await,
            Self::Unsubscribe => unsubscribe(user).await,
            Self::Options => options(user).await,
        }
    }
}

async fn options(user: &mut User) -> Result<u64, Failure> {
    let (uri, call_id) = (format!("sip:ps1.{DOMAIN}"), user.fresh());
    let draft = user.draft(Method::Options, &uri, format_args!("<{uri}>"), &call_id)?;
    done(user.ask(draft.without_body(), Expect::Response).await?).map(|answer| answer.repeats)
}

async fn register(user: &mut User) -> Result<u64, Failure> {
    user.state.challenged = None;
    let draft = register_draft(user)?;
    let Answer { response, repeats } = user.ask(draft.without_body(), Expect::Response).await?;
    if response.status() != Some(StatusCode::UNAUTHORIZED) {
        return Err(failure(&response).unwrap_or(Failure::Incomplete));
    }
    let challenge = response.value(HeaderName::WwwAuthenticate).and_then(Challenge::parse);
    let nonce = challenge.ok_or(Failure::Incomplete)?.nonce.to_owned();
    user.state.challenged = Some(Challenged { nonce, count: 0 });
    Ok(repeats + refresh(user).await?)
}

async fn refresh(user: &mut User) -> Result<u64, Failure> {
    let draft = register_draft(user)?;
    let challenged = user.state.challenged.as_mut().ok_or(Failure::NothingThere)?;
    challenged.count += 1;
    let (impi, uri) = (format!("{}@{DOMAIN}", user.name), format!("sip:{DOMAIN}"));
    let (algorithm, count) = (sip_message::DigestAlgorithm::Md5, format!("{:08x}", challenged.count));
    let credentials = Credentials {
        username: &impi,
        realm: DOMAIN,
        nonce: &challenged.nonce,
        uri: &uri,
        algorithm: Some(algorithm.as_str()),
        cnonce: Some("bench"),
        qop: Some("auth"),
        nc: Some(&count),
        ..Credentials::default()
    };
    let ha1 = digest::ha1(algorithm, &impi, DOMAIN, &format!("{}-secret", user.name));
    let response = digest::response(algorithm, &ha1, "REGISTER", &credentials);
    let draft = draft.header(HeaderName::Authorization, Credentials { response: &response, ..credentials });
    done(user.ask(draft.without_body(), Expect::Response).await?).map(|answer| answer.repeats)
}

fn register_draft(user: &mut User) -> Result<Draft, Failure> {
    let (to, call_id) = (format!("<{}>", user.impu), format!("register-{}", user.name));
    let draft = user.draft(Method::Register, &format!("sip:{DOMAIN}"), to, &call_id)?;
    let draft = draft.header(HeaderName::Contact, user.contact()).header(HeaderName::Expires, EXPIRES);
    Ok(draft.header(HeaderName::Supported, "path"))
}

async fn third_party_register(user: &mut User) -> Result<u64, Failure> {
    let (to, call_id) = (format!("<{}>", user.impu), format!("third-party-{}", user.name));
    let draft = user.draft(Method::Register, &format!("sip:ps1.{DOMAIN}"), to, &call_id)?;
    let draft = draft.header(HeaderName::Contact, format_args!("<{SCSCF}>"));
    let draft = draft.header(HeaderName::Expires, EXPIRES).without_body();
    done(user.ask(draft, Expect::Response).await?).map(|answer| answer.repeats)
}

/// Publishes a basic status, or takes the publication of this entity-tag back.
async fn publish(user: &mut User, tag: Option<String>, basic: Option<&str>) -> Result<u64, Failure> {
    let (to, call_id, uri) = (format!("<{}>", user.impu), user.fresh(), user.impu.clone());
    let mut draft = user.draft(Method::Publish, &uri, to, &call_id)?.header(HeaderName::Event, "presence");
    if let Some(tag) = tag {
        draft = draft.header(HeaderName::SipIfMatch, tag);
    }
    let draft = draft.header(HeaderName::Expires, if basic.is_some() { EXPIRES } else { 0 });
    let draft = match basic {
        Some(basic) => draft.with_body(PIDF, document(&user.impu, basic)),
        None => draft.without_body(),
    };
    let Answer { response, repeats } = done(user.ask(draft, Expect::Response).await?)?;
    if basic.is_some() {
        let tag = response.value(HeaderName::SipEtag).ok_or(Failure::Incomplete)?.to_owned();
        // The one that has waited longest is changed next.
        user.state.publications.insert(0, tag);
    }
    Ok(repeats)
}

/// What a softphone publishes.
fn document(impu: &str, basic: &str) -> Bytes {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"{impu}\">\
         <tuple id=\"phone\"><status><basic>{basic}</basic></status><contact>{impu}</contact><note>at my desk</note>\
         </tuple></presence>\r\n"
    );
    text.into()
}

async fn subscribe(user: &mut User) -> Result<u64, Failure> {
    let (watched, call_id) = (user.watched.clone(), user.fresh());
    let draft = user.draft(Method::Subscribe, &watched, format_args!("<{watched}>"), &call_id)?;
    let draft = subscription(user, draft, EXPIRES);
    let Answer { response, repeats } = done(user.ask(draft, Expect::Notify).await?)?;
    let target = response.first_address(HeaderName::Contact).and_then(|contact| contact.uri().ok());
    let mut route_set: Vec<String> = response.list(HeaderName::RecordRoute).map(str::to_owned).collect();
    route_set.reverse();
    user.state.dialogs.push(Dialog {
        call_id,
        remote: response.value(HeaderName::To).unwrap_or_default().to_owned(),
        remote_target: target.ok_or(Failure::Incomplete)?.to_string(),
        route_set,
    });
    Ok(repeats)
}

async fn unsubscribe(user: &mut User) -> Result<u64, Failure> {
    let dialog = user.state.dialogs.pop().ok_or(Failure::NothingThere)?;
    let mut draft = user.draft(Method::Subscribe, &dialog.remote_target, &dialog.remote, &dialog.call_id)?;
    for route in &dialog.route_set {
        draft = draft.header(HeaderName::Route, route);
    }
    let draft = subscription(user, draft, 0);
    done(user.ask(draft, Expect::Notify).await?).map(|answer| answer.repeats)
}

fn subscription(user: &User, draft: Draft, expires: u32) -> Draft {
    draft
        .header(HeaderName::Contact, user.contact())
        .header(HeaderName::Event, "presence")
        .header(HeaderName::Accept, PIDF)
        .header(HeaderName::Expires, expires)
        .without_body()
}

/// The answer, if it says that all is well.
fn done(answer: Answer) -> Result<Answer, Failure> {
    match failure(&answer.response) {
        None => Ok(answer),
        Some(failure) => Err(failure),
    }
}

fn failure(response: &Message) -> Option<Failure> {
    let status = response.status().filter(|status| !status.is_success())?;
    Some(Failure::Status(status.code()))
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Register => "REGISTER, new",
            Self::Refresh => "REGISTER",
            Self::Publish => "PUBLISH",
            Self::Modify => "PUBLISH, changed",
            Self::Remove => "PUBLISH, removed",
            Self::Subscribe => "SUBSCRIBE",
            Self::Unsubscribe => "SUBSCRIBE, ended",
            Self::Options => "OPTIONS",
        })
    }
}
