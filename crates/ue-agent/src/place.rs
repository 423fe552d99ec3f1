//! Where the agent and its P-CSCF are.

use crate::config::{BadSetup, Bind, PcscfName};
use ims_runtime::config::{AddressFamily, DnsConfig, Millis};
use ims_runtime::dns::Locator;
use sip_message::Transport;
use sip_resolve::{Hop, Query, ResolveError, Target};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use ue_agent::Pcscf;

/// Ports tried before none counts as free for both UDP and TCP.
const PORT_TRIES: usize = 16;

/// Why there is no way to the P-CSCF yet.
#[derive(Debug)]
pub(crate) enum NoWay {
    /// The configuration has no name server, or one that hickory does not take.
    Dns,
    /// The name leads nowhere.
    Unresolved(ResolveError),
}

impl fmt::Display for NoWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns => BadSetup::DnsNeeded.fmt(f),
            Self::Unresolved(ResolveError::NoSuchDomain) => f.write_str("the P-CSCF's name does not exist"),
            Self::Unresolved(ResolveError::NoRecords) => f.write_str("the P-CSCF's name has no address"),
            Self::Unresolved(ResolveError::DnsFailed) => f.write_str("the name server does not answer"),
            Self::Unresolved(
                ResolveError::Unsupported | ResolveError::Busy | ResolveError::AllUnavailable(_),
            ) => f.write_str("the P-CSCF's name cannot be resolved"),
        }
    }
}

/// The command that moves the agent to a P-CSCF called by its name, with the address in its place.
pub(crate) async fn move_line(name: PcscfName, dns: Option<SocketAddr>) -> Result<String, NoWay> {
    let transport =
        name.transport.map_or_else(String::new, |transport| format!(";transport={}", transport.uri_token()));
    let Pcscf { address, .. } = locate(&name, dns).await?;
    Ok(format!("move {address}{transport}"))
}

/// The P-CSCF's address, by RFC 3263. The agent keeps to it: a registration belongs to one.
pub(crate) async fn locate(name: &PcscfName, dns: Option<SocketAddr>) -> Result<Pcscf, NoWay> {
    let host = name.uri.host().ok_or(NoWay::Dns)?;
    if let Some(ip) = host.address() {
        let address = SocketAddr::new(ip, name.uri.port().unwrap_or(5060));
        return Ok(Pcscf { address, transport: name.transport.unwrap_or(Transport::Udp) });
    }
    let config = DnsConfig {
        servers: vec![dns.ok_or(NoWay::Dns)?],
        families: vec![AddressFamily::Ipv4, AddressFamily::Ipv6],
        timeout_ms: Millis(1000),
        attempts: 2,
    };
    let mut locator = Locator::new(&config).map_err(|_| NoWay::Dns)?;
    let target = Target { host, port: name.uri.port(), transport: name.transport, secure: false };
    let hops = locator.locate(&Query::Sip(target), u64::from(std::process::id())).await;
    let Hop { address, transport } = hops
        .map_err(NoWay::Unresolved)?
        .into_iter()
        .next()
        .ok_or(NoWay::Unresolved(ResolveError::NoRecords))?;
    Ok(Pcscf { address, transport })
}

/// An address of our own from which the P-CSCF is reached. Without a port: on an address that was chosen 5060, if it is
/// free, else any that is.
pub(crate) fn own_address(bind: Bind, pcscf: SocketAddr) -> io::Result<SocketAddr> {
    match (bind.ip, bind.port) {
        (Some(ip), Some(port)) => Ok(SocketAddr::new(ip, port)),
        (Some(ip), None) => is_free(SocketAddr::new(ip, 5060)).or_else(|_| free_port(ip)),
        (None, _) => free_port(route_towards(pcscf)?),
    }
}

/// Another process may take it before we do; then opening it fails, and says so.
fn is_free(address: SocketAddr) -> io::Result<SocketAddr> {
    UdpSocket::bind(address)?;
    TcpListener::bind(address)?;
    Ok(address)
}

/// Connecting a datagram socket sends nothing, but chooses the address.
fn route_towards(remote: SocketAddr) -> io::Result<IpAddr> {
    let any = match remote {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(remote)?;
    Ok(socket.local_addr()?.ip())
}

fn free_port(ip: IpAddr) -> io::Result<SocketAddr> {
    let mut outcome = Err(io::ErrorKind::AddrInUse.into());
    for _ in 0..PORT_TRIES {
        let address = UdpSocket::bind((ip, 0))?.local_addr()?;
        outcome = is_free(address);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}
