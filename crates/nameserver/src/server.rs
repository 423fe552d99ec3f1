//! Sockets, and what the operator asks for.

use crate::config::NameserverConfig;
use crate::zone::{Zone, ZoneError};
use hickory_server::Server;
use hickory_server::zone_handler::Catalog;
use ims_runtime::cli::{Failure, Occasion, Start};
use ims_runtime::config::{InvalidKey, Relocation, Seconds};
use ims_runtime::ctl::{CtlAnswer, CtlRequest};
use ims_runtime::health::{self, Condition, Health};
use ims_runtime::signals::Signal;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};
use tokio::time::timeout;

/// Answers that may wait on one TCP connection for a client that does not read; then it is served no more.
const TCP_ANSWERS: usize = 16;
/// How long open TCP connections may hold up the end of the process.
const DRAIN: Duration = Duration::from_secs(2);

/// A name server that answers everybody alike.
pub struct Nameserver {
    server: Server<Catalog>,
    zones: Vec<Zone>,
}

impl Nameserver {
    /// A name server for `zones`, without sockets yet.
    #[must_use]
    pub fn new(zones: Vec<Zone>) -> Self {
        let mut catalog = Catalog::new();
        for zone in &zones {
            catalog.upsert(zone.origin().into(), vec![zone.handler()]);
        }
        Self { server: Server::new(catalog), zones }
    }

    /// Answers on `address` too, over UDP and TCP; gives the address, with the port that the system chose for port 0.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn listen(&mut self, address: SocketAddr, idle: Seconds) -> io::Result<SocketAddr> {
        let udp = UdpSocket::bind(address).await?;
        let address = udp.local_addr()?;
        let tcp = TcpListener::bind(address).await?;
        self.server.register_socket(udp);
        self.server.register_listener(tcp, idle.duration(), TCP_ANSWERS);
        Ok(address)
    }

    /// Stops answering.
    pub async fn stop(mut self) {
        // What is still open after that is dropped with the server.
        let _ = timeout(DRAIN, self.server.shutdown_gracefully()).await;
    }
}

/// Reads every zone file again; the zones of all views change together.
///
/// # Errors
/// The first file that is wrong; then all zones stay as they were.
pub async fn reload(views: &[Nameserver]) -> Result<(), ZoneError> {
    let zones = || views.iter().flat_map(|view| &view.zones);
    let newer = zones().map(Zone::reload).collect::<Result<Vec<Zone>, ZoneError>>()?;
    for (zone, newer) in zones().zip(&newer) {
        zone.replace(newer).await;
    }
    Ok(())
}

async fn answer(views: &[Nameserver], health: &Health, request: CtlRequest) {
    let answer = match request.words().as_slice() {
        ["health"] => health.answer(),
        ["reload"] => reload_and_say(views).await,
        ["zones"] => {
            let mut text = String::new();
            for zone in views.iter().flat_map(|view| &view.zones) {
                text.push_str(&zone.summary().await);
            }
            CtlAnswer::Done(text)
        }
        ["help"] => CtlAnswer::Done("health\nreload\nzones\n".to_owned()),
        _ => CtlAnswer::Refused("unknown command; there are: health, reload, zones".to_owned()),
    };
    request.answer(answer);
}

async fn reload_and_say(views: &[Nameserver]) -> CtlAnswer {
    match reload(views).await {
        Ok(()) => {
            tracing::info!("zone files read again");
            CtlAnswer::Done("zone files read again".to_owned())
        }
        Err(error) => {
            tracing::error!(%error, "zone files refused, the old zones stay");
            CtlAnswer::Refused(format!("{error}; the old zones stay"))
        }
    }
}

/// Looks at the zone files.
///
/// # Errors
/// The key of a zone whose file is wrong, with the file and the line in it.
pub fn check(config: &NameserverConfig, _: Occasion) -> Result<(), Failure> {
    load(config).map(|_| ()).map_err(Failure::from)
}

/// The zones as one network sees them, and where it asks.
struct View {
    zones: Vec<Zone>,
    listen: Vec<SocketAddr>,
}

fn load(config: &NameserverConfig) -> Result<Vec<View>, InvalidKey> {
    let mut views = Vec::new();
    if !config.listen.is_empty() {
        views.push(View { zones: zones(config, &Relocation::default())?, listen: config.listen.clone() });
    }
    for (index, view) in config.views.iter().enumerate() {
        let relocation = Relocation::load(&view.relocation)
            .map_err(|error| InvalidKey::new(format!("views[{index}].relocation"), error.to_string()))?;
        views.push(View { zones: zones(config, &relocation)?, listen: view.listen.clone() });
    }
    Ok(views)
}

fn zones(config: &NameserverConfig, relocation: &Relocation) -> Result<Vec<Zone>, InvalidKey> {
    let loaded = config.zones.iter().enumerate().map(|(index, zone)| {
        Zone::load(&zone.origin, &zone.file, relocation).map_err(|error| {
            let key = match error {
                ZoneError::BadOrigin(_) => "origin",
                ZoneError::Unreadable { .. } | ZoneError::TooLarge { .. } | ZoneError::Broken { .. } => {
                    "file"
                }
            };
            InvalidKey::new(format!("zones[{index}].{key}"), error.to_string())
        })
    });
    loaded.collect()
}

/// Serves until SIGTERM.
///
/// # Errors
/// When a zone or an address cannot be had.
pub async fn run(start: Start<NameserverConfig>) -> Result<(), Failure> {
    let Start { config, mut signals, mut ctl, .. } = start;
    let mut views = Vec::new();
    let mut health = Health::waiting_for(&[Condition::Listening]);
    for view in load(&config)? {
        let mut nameserver = Nameserver::new(view.zones);
        for address in view.listen {
            let address = nameserver.listen(address, config.tcp_idle_s).await?;
            tracing::info!(%address, "answering over UDP and TCP");
        }
        views.push(nameserver);
    }
    health.met(Condition::Listening);
    health::announce("nameserver");
    loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Signal::Drain => break,
                Signal::Reload => {
                    tracing::info!("SIGHUP: only zone files are read again, addresses and origins need a restart");
                    reload_and_say(&views).await;
                }
            },
            Some(request) = ctl.next() => answer(&views, &health, request).await,
        }
    }
    for view in views {
        view.stop().await;
    }
    Ok(())
}
