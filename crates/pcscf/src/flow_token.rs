//! Flow tokens (RFC 5626 section 5.2): a flow and who registered on it, written into the user part of a URI and signed, so
//! that nothing has to be kept to find the flow again and nobody can make one up. With them the marks of dialogs (rule RT-P-07).

use crate::bindings::Tag;
use ims_node::way::where_to;
use ims_node::{Flow, ListenerId, SIGNATURE, SigningKey, base64url};
use sip_message::{NameAddr, Transport};
use std::net::{IpAddr, SocketAddr};
use subtle::ConstantTimeEq;

/// Begins every token, so that it is told from other user parts.
pub(crate) const PREFIX: &str = "ft";

/// What is signed for what: the one is of no use as the other, whatever Call-ID a phone thinks up.
const TOKEN: &str = "flow token";
const SUBSCRIBER: &str = "dialog of a subscriber";
const NOTIFIER: &str = "dialog of a notifier";

/// The key that tokens and marks are signed with; it outlives the process, because phones keep them.
#[derive(Debug)]
pub(crate) struct FlowKey(SigningKey);

/// A dialog as a phone on the Gm side has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialog<'a> {
    /// The token in our Record-Route entry.
    pub(crate) token: &'a str,
    pub(crate) call_id: &'a str,
    pub(crate) phone: Phone<'a>,
    /// The tag of the other side.
    pub(crate) remote_tag: &'a str,
}

/// What a phone is in a dialog.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Phone<'a> {
    /// The subscriber, with its tag.
    Subscriber(&'a str),
    /// The notifier. It takes its route set from the SUBSCRIBE, before it has a tag.
    Notifier,
}

impl FlowKey {
    pub(crate) const fn new(key: [u8; 32]) -> Self {
        Self(SigningKey::new(key))
    }

    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        self.0.bytes()
    }

    /// The token of a binding: its flow, and its tag.
    pub(crate) fn token(&self, flow: Flow, tag: Tag) -> String {
        let mut bytes = tag.to_vec();
        bytes.extend(encode(flow));
        let signature = self.0.sign(TOKEN, &[&bytes]);
        bytes.extend(signature);
        format!("{PREFIX}{}", base64url::encode(&bytes))
    }

    /// Flow and tag of a token that we made.
    pub(crate) fn read(&self, token: &str) -> Option<(Flow, Tag)> {
        let bytes = base64url::decode(token.strip_prefix(PREFIX)?)?;
        let (bytes, _) = bytes.split_last_chunk::<SIGNATURE>()?;
        let (tag, flow) = bytes.split_first_chunk()?;
        let flow = decode(flow)?;
        // The same octets in any other letters are no token of ours.
        bool::from(self.token(flow, *tag).as_bytes().ct_eq(token.as_bytes())).then_some((flow, *tag))
    }

    /// A mark that ties a dialog to a flow and to the way behind us (`ahead`, the nearest entry first): only who got it from us
    /// in a Record-Route can send it back, and only with these Route entries behind it.
    pub(crate) fn mark<'a>(&self, dialog: Dialog<'_>, ahead: impl Iterator<Item = &'a str>) -> String {
        let Dialog { token, call_id, phone, remote_tag } = dialog;
        let (what_for, own_tag) = match phone {
            Phone::Subscriber(tag) => (SUBSCRIBER, tag),
            Phone::Notifier => (NOTIFIER, ""),
        };
        let ahead: Vec<String> = ahead.map(entry).collect();
        let parts = [token, call_id, own_tag, remote_tag].into_iter().chain(ahead.iter().map(String::as_str));
        self.0.mark(what_for, &parts.map(str::as_bytes).collect::<Vec<_>>())
    }

    /// Whether the mark is the one of this dialog and way.
    pub(crate) fn is_mark<'a>(
        &self,
        mark: &str,
        dialog: Dialog<'_>,
        ahead: impl Iterator<Item = &'a str>,
    ) -> bool {
        self.mark(dialog, ahead).as_bytes().ct_eq(mark.as_bytes()).into()
    }
}

/// What a client keeps of a Route entry, whatever it does to its parameters: user, and where it leads.
fn entry(written: &str) -> String {
    let uri = NameAddr::parse(written).ok().and_then(|address| address.uri().ok());
    let Some(uri) = uri else { return written.to_owned() };
    // A strict router puts another URI behind it.
    let strict = if uri.is_loose_route() { "" } else { " strict" };
    format!("{}@{}{strict}", uri.user().unwrap_or_default(), where_to(&uri))
}

fn encode(flow: Flow) -> Vec<u8> {
    let mut bytes = vec![
        flow.listener.0,
        match flow.transport {
            Transport::Udp => 0,
            Transport::Tcp => 1,
        },
    ];
    bytes.extend(flow.remote.port().to_be_bytes());
    match flow.remote.ip() {
        IpAddr::V4(ip) => bytes.extend(ip.octets()),
        IpAddr::V6(ip) => bytes.extend(ip.octets()),
    }
    bytes.extend(flow.connection.map(u64::to_be_bytes).into_iter().flatten());
    bytes
}

fn decode(bytes: &[u8]) -> Option<Flow> {
    let (&[listener, transport, high, low], rest) = bytes.split_first_chunk::<4>()?;
    let (transport, connection) = match transport {
        0 => (Transport::Udp, 0),
        1 => (Transport::Tcp, 8),
        _ => return None,
    };
    let (ip, connection) = rest.split_at_checked(rest.len().checked_sub(connection)?)?;
    let ip: IpAddr = match *ip {
        [a, b, c, d] => IpAddr::from([a, b, c, d]),
        _ => IpAddr::from(<[u8; 16]>::try_from(ip).ok()?),
    };
    Some(Flow {
        listener: ListenerId(listener),
        transport,
        remote: SocketAddr::new(ip, u16::from_be_bytes([high, low])),
        connection: <[u8; 8]>::try_from(connection).ok().map(u64::from_be_bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: Tag = [1, 2, 3, 4, 5, 6];

    fn flows() -> [Flow; 3] {
        let udp = Flow {
            listener: ListenerId(0),
            transport: Transport::Udp,
            remote: "127.0.0.1:5080".parse().unwrap(),
            connection: None,
        };
        let tcp = Flow { transport: Transport::Tcp, connection: Some(77), ..udp };
        [udp, tcp, Flow { remote: "[2001:db8::1]:5060".parse().unwrap(), ..tcp }]
    }

    #[test]
    fn rfc5626_5_2_a_token_reads_back_as_its_flow_and_binding() {
        let key = FlowKey::new([7; 32]);
        for flow in flows() {
            assert_eq!(key.read(&key.token(flow, TAG)), Some((flow, TAG)));
        }
    }

    #[test]
    fn rfc5626_5_2_a_token_of_somebody_else_is_none() {
        let key = FlowKey::new([7; 32]);
        let token = FlowKey::new([8; 32]).token(flows()[0], TAG);
        assert_eq!(key.read(&token), None);
        let ours = key.token(flows()[0], TAG);
        for at in 0..ours.len() {
            let mut text = ours.clone().into_bytes();
            text[at] = if text[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(key.read(std::str::from_utf8(&text).unwrap()), None, "byte {at}");
            assert_eq!(key.read(&ours[..at]), None, "cut at {at}");
        }
    }

    #[test]
    fn rt_p_07_a_mark_is_of_one_flow_one_dialog_and_one_way() {
        let key = FlowKey::new([7; 32]);
        let [udp, tcp, _] = flows().map(|flow| key.token(flow, TAG));
        let way = ["<sip:rr-o@scscf1a.home1.test;lr>", "<sip:rr@icscf2.home2.test;lr>"];
        let dialog = Dialog { token: &udp, call_id: "c", phone: Phone::Subscriber("1"), remote_tag: "2" };
        let mark = key.mark(dialog, way.into_iter());
        // What clients do to an entry on its way back.
        let as_sent =
            ["<sip:rr-o@SCSCF1A.home1.test:5060;lr=on>", "<sip:rr@icscf2.home2.test;lr;transport=udp>"];
        assert_eq!(key.mark(dialog, as_sent.into_iter()), mark);
        let others = [
            ("another flow", Dialog { token: &tcp, ..dialog }),
            ("another Call-ID", Dialog { call_id: "d", ..dialog }),
            ("another own tag", Dialog { phone: Phone::Subscriber("3"), ..dialog }),
            ("another remote tag", Dialog { remote_tag: "3", ..dialog }),
            ("the other side", Dialog { phone: Phone::Notifier, ..dialog }),
        ];
        for (what, other) in others {
            assert_ne!(key.mark(other, way.into_iter()), mark, "{what}");
        }
        let ways = [
            vec![],
            vec![way[0]],
            vec![way[1], way[0]],
            vec!["<sip:rr-t@scscf1a.home1.test;lr>", way[1]],
            vec![way[0], "<sip:rr@icscf2.home2.test:6379;lr>"],
            vec![way[0], "<sip:rr@icscf2.home2.test;maddr=10.0.0.9;lr>"],
            vec![way[0], way[1], "<sip:10.0.0.9:6379;lr>"],
            vec![way[0], "<sip:rr@icscf2.home2.test>"],
        ];
        for other in ways {
            assert_ne!(key.mark(dialog, other.iter().copied()), mark, "{other:?}");
        }
    }
}
