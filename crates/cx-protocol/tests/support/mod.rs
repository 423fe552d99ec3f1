//! Two sides of a connection, joined in memory.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "a test helper may fail its test, and each test uses a part of it"
)]

use clock::Mono;
use cx_protocol::{
    Connection, Frame, FrameKind, Impi, Impu, Input, Leg, Lir, LirType, LocalPeer, Output, Request, Role,
    ScscfName, Secret, Token,
};
use std::time::Duration;

pub fn at(ms: u64) -> Mono {
    Mono::at(Duration::from_millis(ms))
}

pub fn impi(username: &str) -> Impi {
    Impi::new(username).unwrap()
}

pub fn impu(uri: &str) -> Impu {
    Impu::new(uri).unwrap()
}

pub fn scscf(uri: &str) -> ScscfName {
    ScscfName::new(uri).unwrap()
}

pub fn lir() -> Request {
    Request::Lir(Lir { impu: impu("sip:alice@home1.test"), leg: Leg::Terminating, kind: LirType::Location })
}

pub fn local(role: Role, secret: &str) -> LocalPeer {
    let (host, nonce) = match role {
        Role::Initiator => ("ICSCF1.home1.test", [1; 32]),
        Role::Acceptor => ("hss1.home1.test", [2; 32]),
    };
    let secret = Secret::new(secret.as_bytes()).unwrap();
    LocalPeer { role, host: host.into(), realm: "home1.test".into(), secret, nonce }
}

pub fn outputs(connection: &mut Connection) -> Vec<Output> {
    std::iter::from_fn(|| connection.poll_output()).collect()
}

/// A frame of the version spoken, ready to be received.
pub fn frame(kind: FrameKind, command: u16, hop_by_hop: u32, body: &[u8]) -> Vec<u8> {
    Frame { version: 1, kind, command, hop_by_hop, body: body.to_vec().into() }.encode().unwrap().to_vec()
}

pub fn ask(connection: &mut Connection, now: Mono, token: u64, request: Request) {
    connection.handle(now, Input::Request { token: Token(token), request: Box::new(request) });
}

pub struct Pair {
    pub cscf: Connection,
    pub hss: Connection,
}

impl Pair {
    pub fn new(cscf_secret: &str, hss_secret: &str) -> Self {
        Self {
            cscf: Connection::new(at(0), local(Role::Initiator, cscf_secret)),
            hss: Connection::new(at(0), local(Role::Acceptor, hss_secret)),
        }
    }

    /// A pair that has said hello at time zero, its hello outputs taken.
    pub fn established() -> Self {
        let mut pair = Self::new("secret", "secret");
        let (cscf, hss) = pair.run(at(0));
        assert!(matches!(&cscf[..], [Output::Established { .. }]), "{cscf:?}");
        assert!(matches!(&hss[..], [Output::Established { .. }]), "{hss:?}");
        pair
    }

    /// Carries octets both ways until both are quiet; what else came out, of the CSCF and of the HSS.
    pub fn run(&mut self, now: Mono) -> (Vec<Output>, Vec<Output>) {
        let (mut of_cscf, mut of_hss) = (Vec::new(), Vec::new());
        loop {
            let moved = carry(&mut self.cscf, &mut self.hss, &mut of_cscf, now)
                | carry(&mut self.hss, &mut self.cscf, &mut of_hss, now);
            if !moved {
                return (of_cscf, of_hss);
            }
        }
    }
}

/// Octet by octet, so that every test also cuts its frames everywhere.
fn carry(from: &mut Connection, to: &mut Connection, others: &mut Vec<Output>, now: Mono) -> bool {
    let mut moved = false;
    for output in outputs(from) {
        match output {
            Output::Write(octets) => {
                octets.iter().for_each(|octet| to.handle(now, Input::Received(&[*octet])));
                moved = true;
            }
            other @ (Output::Established { .. }
            | Output::Request { .. }
            | Output::Answer { .. }
            | Output::Close(_)) => {
                others.push(other);
            }
        }
    }
    moved
}
