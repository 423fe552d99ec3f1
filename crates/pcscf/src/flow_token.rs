//! Flow tokens (RFC 5626 section 5.2): a flow written into the user part of a URI, signed, so that nothing has to be
//! kept to find the flow again and nobody can make one up.

use hmac::{Hmac, KeyInit, Mac};
use ims_node::{Flow, ListenerId, base64url};
use sha2::Sha256;
use sip_message::Transport;
use std::net::{IpAddr, SocketAddr};
use subtle::ConstantTimeEq;

/// Begins every token, so that it is told from other user parts.
pub(crate) const PREFIX: &str = "ft";

/// Bytes of the signature that are written.
const SIGNATURE: usize = 10;

/// What a signature is for: the one is of no use as the other, whatever Call-ID a phone thinks up.
#[derive(Debug, Clone, Copy)]
enum Use {
    Token = 1,
    Mark = 2,
}

/// The key tokens are signed with; it outlives the process, because phones keep the tokens.
pub(crate) struct FlowKey([u8; 32]);

impl FlowKey {
    pub(crate) const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The token of a flow.
    pub(crate) fn token(&self, flow: Flow) -> String {
        let mut bytes = encode(flow);
        let signature = self.sign(Use::Token, &bytes);
        bytes.extend(signature);
        format!("{PREFIX}{}", base64url::encode(&bytes))
    }

    /// The flow of a token that we made.
    pub(crate) fn flow(&self, token: &str) -> Option<Flow> {
        let bytes = base64url::decode(token.strip_prefix(PREFIX)?)?;
        let (bytes, signature) = bytes.split_last_chunk::<SIGNATURE>()?;
        same(&self.sign(Use::Token, bytes), signature).then(|| decode(bytes)).flatten()
    }

    /// A mark that ties a dialog to a flow: only who got it from us in a Record-Route can send it back.
    pub(crate) fn dialog_mark(&self, flow: Flow, call_id: &str) -> String {
        let mut bytes = encode(flow);
        bytes.extend_from_slice(call_id.as_bytes());
        base64url::encode(&self.sign(Use::Mark, &bytes))
    }

    /// Whether the mark is the one of this flow and Call-ID.
    pub(crate) fn is_dialog_mark(&self, mark: &str, flow: Flow, call_id: &str) -> bool {
        same(self.dialog_mark(flow, call_id).as_bytes(), mark.as_bytes())
    }

    fn sign(&self, what_for: Use, bytes: &[u8]) -> [u8; SIGNATURE] {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return [0; SIGNATURE] };
        mac.update(&[what_for as u8]);
        mac.update(bytes);
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        std::array::from_fn(|at| whole.get(at).copied().unwrap_or_default())
    }
}

impl std::fmt::Debug for FlowKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FlowKey(<hidden>)")
    }
}

/// Compares without telling by its time how much agreed.
fn same(ours: &[u8], theirs: &[u8]) -> bool {
    ours.ct_eq(theirs).into()
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
    fn rfc5626_5_2_a_token_reads_back_as_its_flow() {
        let key = FlowKey::new([7; 32]);
        for flow in flows() {
            assert_eq!(key.flow(&key.token(flow)), Some(flow));
        }
    }

    #[test]
    fn rfc5626_5_2_a_token_of_somebody_else_is_none() {
        let key = FlowKey::new([7; 32]);
        let token = FlowKey::new([8; 32]).token(flows()[0]);
        assert_eq!(key.flow(&token), None);
        let ours = key.token(flows()[0]);
        for at in 0..ours.len() {
            let mut text = ours.clone().into_bytes();
            text[at] = if text[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(key.flow(std::str::from_utf8(&text).unwrap()), None, "byte {at}");
            assert_eq!(key.flow(&ours[..at]), None, "cut at {at}");
        }
    }

    #[test]
    fn rt_p_07_a_dialog_mark_is_of_one_flow_and_call() {
        let key = FlowKey::new([7; 32]);
        let [udp, tcp, _] = flows();
        let mark = key.dialog_mark(udp, "c1");
        assert!(key.is_dialog_mark(&mark, udp, "c1"));
        assert!(!key.is_dialog_mark(&mark, udp, "c2") && !key.is_dialog_mark(&mark, tcp, "c1"));
    }
}
