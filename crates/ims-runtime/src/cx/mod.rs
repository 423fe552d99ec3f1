//! Cx over real TCP: the client that every CSCF has, and the server of the HSS.
//!
//! Both are thin: `cx_protocol::Connection` decides, these move its octets. All addresses, secrets and names come from
//! the caller.

mod client;
mod driver;
mod held;
mod server;

pub use client::{CONNECT_DEADLINE, CxClientConfig, CxEvent, CxQuestion, CxResolver, CxSender, start};
pub use held::CONNECT_PATIENCE;
pub use server::{CxServer, CxServerEvent, MAX_BATCH, MAX_CONNECTIONS, PeerQuestion};

use cx_protocol::{LocalPeer, NONCE_LEN, Role, Secret};

/// Octets of the shortest secret that a configuration may have: the HSS takes no shorter one, and so nobody can have one.
pub const MIN_SECRET: usize = 16;

/// Who this node is to its Cx peers.
#[derive(Debug, Clone)]
pub struct CxIdentity {
    /// Its name; an S-CSCF takes the host of its S-CSCF name, so that RTR and PPR find it.
    pub host: Box<str>,
    /// Its domain.
    pub realm: Box<str>,
    /// The domain's secret.
    pub secret: Secret,
    /// Where the secret stands, file and key: for whoever has to compare it with the other side's.
    pub secret_in: Box<str>,
}

impl CxIdentity {
    /// This node on one new connection, with a fresh nonce; `None` if the system has no random octets.
    fn on_connection(&self, role: Role) -> Option<LocalPeer> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).ok()?;
        let Self { host, realm, secret, .. } = self.clone();
        Some(LocalPeer { role, host, realm, secret, nonce })
    }
}
