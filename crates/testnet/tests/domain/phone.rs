//! A phone that sends what a test writes, where a user agent would be too well behaved.

use super::{DOMAIN, address};
use cx_protocol::Command;
use figure::Wire;
use ims_node::digest;
use sip_message::{Challenge, Credentials, Draft, HeaderName, Message, Method, StatusCode, Transport, Uri};
use sip_resolve::Hop;
use std::net::SocketAddr;
use testnet::{ScriptUe, World};

/// Where grace's phone is.
pub(crate) const PHONE: u8 = 34;

/// A phone's way into the network, and its counters.
pub(crate) struct Line {
    node: &'static str,
    user: &'static str,
    local: SocketAddr,
    to: Hop,
    sent: u32,
}

impl Line {
    /// Adds grace's phone, registered.
    pub(crate) fn registered(world: &mut World, transport: Transport) -> Self {
        let local = address(PHONE, 5060);
        world.add("phone", vec![local], move |_| ScriptUe::new(local));
        let mut line = Self {
            node: "phone",
            user: "grace",
            local,
            to: Hop { address: address(11, 5060), transport },
            sent: 0,
        };
        let first = line.register(world, None, 3600);
        let challenge = line.response(world, &first);
        assert_eq!(code(&challenge), 401);
        let second = line.register(world, challenge.value(HeaderName::WwwAuthenticate), 3600);
        assert_eq!(code(&line.response(world, &second)), 200);
        line
    }

    fn register(&mut self, world: &mut World, challenge: Option<&str>, expires: u32) -> String {
        let (user, home) = (format!("{}@{DOMAIN}", self.user), format!("sip:{DOMAIN}"));
        let draft = self
            .draft(Method::Register, &home, &format!("sip:{user}"), "r-phone")
            .header(HeaderName::Contact, self.contact())
            .header(HeaderName::Expires, expires);
        let draft = match challenge {
            Some(challenge) => {
                let authorization = authorize(&user, &format!("{}-secret", self.user), &home, challenge);
                draft.header(HeaderName::Authorization, authorization)
            }
            None => draft,
        };
        self.send(world, &draft.without_body())
    }

    /// Ends its registration.
    pub(crate) fn leave(&mut self, world: &mut World) {
        let first = self.register(world, None, 0);
        let challenge = self.response(world, &first);
        let second = self.register(world, challenge.value(HeaderName::WwwAuthenticate), 0);
        assert_eq!(code(&self.response(world, &second)), 200);
    }

    /// Its Contact, an address and no GRUU.
    pub(crate) fn contact(&self) -> String {
        let transport = if self.to.transport == Transport::Tcp { ";transport=tcp" } else { "" };
        format!("<sip:{}@{}{transport}>", self.user, self.local)
    }

    /// A request of its user outside of dialogs, without Contact and body.
    pub(crate) fn draft(&mut self, method: Method, uri: &str, to: &str, call_id: &str) -> Draft {
        self.sent += 1;
        let cseq = format!("{} {method}", self.sent);
        Draft::new(method, Uri::parse(uri).unwrap())
            .header(HeaderName::From, format!("<sip:{}@{DOMAIN}>;tag=phone", self.user))
            .header(HeaderName::To, format!("<{to}>"))
            .header(HeaderName::CallId, call_id)
            .header(HeaderName::CSeq, cseq)
            .header(HeaderName::MaxForwards, 70)
    }

    /// A PUBLISH of its user: of `note`, or a refresh of what is there.
    pub(crate) fn publish(&mut self, note: Option<&str>, tag: Option<&str>) -> Draft {
        let own = format!("sip:{}@{DOMAIN}", self.user);
        let call_id = format!("p-{}", self.sent);
        let mut draft = self
            .draft(Method::Publish, &own, &own, &call_id)
            .header(HeaderName::Event, "presence")
            .header(HeaderName::Expires, 3600);
        if let Some(tag) = tag {
            draft = draft.header(HeaderName::SipIfMatch, tag);
        }
        let Some(note) = note else { return draft.without_body() };
        let body = format!(
            "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='{own}'><tuple id='t'><status><basic>open\
             </basic></status><note>{note}</note></tuple></presence>"
        );
        draft.with_body("application/pidf+xml", body.into())
    }

    /// Sends a request; gives its branch.
    pub(crate) fn send(&self, world: &mut World, draft: &Draft) -> String {
        world.with(self.node, |ue: &mut ScriptUe, now| ue.send(now, draft, self.to)).unwrap()
    }

    /// Waits for the final response to a request.
    pub(crate) fn response(&self, world: &mut World, branch: &str) -> Message {
        let there = |world: &World| world.node::<ScriptUe>(self.node).unwrap().response(branch).is_some();
        world.run_until(there, super::secs(33)).unwrap();
        world.node::<ScriptUe>(self.node).unwrap().response(branch).unwrap().clone()
    }

    /// Sends a request and waits for its final response.
    pub(crate) fn ask(&self, world: &mut World, draft: &Draft) -> Message {
        let branch = self.send(world, draft);
        self.response(world, &branch)
    }
}

pub(crate) fn code(response: &Message) -> u16 {
    response.status().map_or(0, StatusCode::code)
}

fn authorize(username: &str, password: &str, uri: &str, challenge: &str) -> String {
    let challenge = Challenge::parse(challenge).unwrap();
    let algorithm = challenge.algorithm.unwrap();
    let credentials = Credentials {
        username,
        realm: challenge.realm,
        nonce: challenge.nonce,
        uri,
        algorithm: Some(algorithm.as_str()),
        cnonce: Some("c"),
        qop: Some("auth"),
        nc: Some("00000001"),
        ..Credentials::default()
    };
    let ha1 = digest::ha1(algorithm, username, challenge.realm, password);
    let response = digest::response(algorithm, &ha1, "REGISTER", &credentials);
    Credentials { response: &response, ..credentials }.to_string()
}

/// How often a Cx request of this command was sent.
pub(crate) fn asked(world: &World, command: Command) -> usize {
    let is_it = |wire: &Wire| matches!(wire, Wire::Cx { command: c, is_request: true, .. } if *c == command);
    world.recording().messages().iter().filter(|message| is_it(&message.wire)).count()
}
