//! Sockets, and what the operator asks for.

use crate::config::NameserverConfig;
use crate::zone::{Summary, Zone, ZoneError};
use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::proto::op::ResponseCode;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::Catalog;
use ims_runtime::cli::{Failure, Occasion, Start};
use ims_runtime::config::{InvalidKey, Relocation, Seconds};
use ims_runtime::ctl::{
    AskAnswer, Command, CtlRequest, Draining, Help, Metrics, NotReloaded, Reloaded, write_lines,
};
use ims_runtime::health::{self, Condition, Health};
use ims_runtime::signals::Signal;
use serde::Serialize;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};
use tokio::time::timeout;

/// Answers that may wait on one TCP connection for a client that does not read; then it is served no more.
const TCP_ANSWERS: usize = 16;
/// How long open TCP connections may hold up the end of the process.
const DRAIN: Duration = Duration::from_secs(2);

/// A name server that answers everybody alike.
pub struct Nameserver {
    server: Server<Counting>,
    counts: Arc<Counts>,
    zones: Vec<Zone>,
}

/// What has been answered.
#[derive(Default)]
struct Counts {
    answered: AtomicU64,
    /// Of them, those for names that there are not.
    no_such_name: AtomicU64,
    /// Of them, with another error.
    refused: AtomicU64,
}

/// Answers, and counts.
struct Counting {
    catalog: Catalog,
    counts: Arc<Counts>,
}

#[async_trait::async_trait]
impl RequestHandler for Counting {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        respond: R,
    ) -> ResponseInfo {
        let info = self.catalog.handle_request::<R, T>(request, respond).await;
        self.counts.answered.fetch_add(1, Relaxed);
        let code = info.response_code;
        if code == ResponseCode::NXDomain {
            self.counts.no_such_name.fetch_add(1, Relaxed);
        } else if code != ResponseCode::NoError {
            self.counts.refused.fetch_add(1, Relaxed);
        }
        info
    }
}

impl Nameserver {
    /// A name server for `zones`, without sockets yet.
    #[must_use]
    pub fn new(zones: Vec<Zone>) -> Self {
        let mut catalog = Catalog::new();
        for zone in &zones {
            catalog.upsert(zone.origin().into(), vec![zone.handler()]);
        }
        let counts = Arc::new(Counts::default());
        let server = Server::new(Counting { catalog, counts: Arc::clone(&counts) });
        Self { server, counts, zones }
    }

    /// Answers on `address` too, over UDP and TCP; gives the address, with the port that the system chose for port 0.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn listen(&mut self, address: SocketAddr, idle: Seconds) -> io::Result<SocketAddr> {
        let refused = |error: io::Error| {
            io::Error::new(error.kind(), format!("a socket at {address} cannot be opened: {error}"))
        };
        let udp = UdpSocket::bind(address).await.map_err(refused)?;
        let address = udp.local_addr()?;
        let tcp = TcpListener::bind(address).await.map_err(refused)?;
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

/// What operators ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Health,
    Stats,
    Zones,
    Reload,
    Drain,
    Help,
}

const COMMANDS: &[Command<(), Ask>] = &[
    Command::new(health::WORD, "whether the name server is ready", |(), _| Ok(Ask::Health)),
    Command::new("stats", "counters and sizes", |(), _| Ok(Ask::Stats)),
    Command::new("zones", "the zones, with their serial numbers", |(), _| Ok(Ask::Zones)),
    Command::new("reload", "read every zone file again", |(), _| Ok(Ask::Reload)),
    Command::new("drain", "end, as on SIGTERM", |(), _| Ok(Ask::Drain)),
    Command::new("help", "these lines", |(), _| Ok(Ask::Help)),
];

/// The answer to `zones`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Zones(Vec<Summary>);

impl fmt::Display for Zones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(f, &self.0)
    }
}

impl AskAnswer for Zones {}

/// All views together.
fn stats(views: &[Nameserver]) -> Metrics {
    let sum = |count: fn(&Counts) -> &AtomicU64| -> u64 {
        views.iter().map(|view| count(&view.counts).load(Relaxed)).sum()
    };
    let counted = [
        ("zones", views.iter().map(|view| view.zones.len() as u64).sum()),
        ("questions_answered", sum(|counts| &counts.answered)),
        ("no_such_name", sum(|counts| &counts.no_such_name)),
        ("refused", sum(|counts| &counts.refused)),
    ];
    counted.into_iter().collect()
}

/// Whether the name server goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Serving,
    Draining,
}

async fn answer(views: &[Nameserver], health: &Health, request: CtlRequest) -> Course {
    match Command::find(COMMANDS, &(), &request.words()) {
        Ok(Ask::Health) => request.answer(&health.readiness()),
        Ok(Ask::Stats) => request.answer(&stats(views)),
        Ok(Ask::Reload) => {
            let reloaded = reload_and_log(views).await.map_err(|error| NotReloaded::because(&error));
            request.answer_either(reloaded.as_ref());
        }
        Ok(Ask::Zones) => {
            let mut zones = Zones(Vec::new());
            for zone in views.iter().flat_map(|view| &view.zones) {
                zones.0.push(zone.summary().await);
            }
            request.answer(&zones);
        }
        Ok(Ask::Drain) => {
            request.answer(&Draining::BEGUN);
            return Course::Draining;
        }
        Ok(Ask::Help) => request.answer(&Help::of(Command::usages(COMMANDS))),
        Err(bad) => request.answer(&bad),
    }
    Course::Serving
}

async fn reload_and_log(views: &[Nameserver]) -> Result<Reloaded, ZoneError> {
    match reload(views).await {
        Ok(()) => {
            tracing::info!("zone files read again");
            Ok(Reloaded::taken_over("zone files"))
        }
        Err(error) => {
            tracing::error!(%error, "zone files refused, the old zones stay");
            Err(error)
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
                    // The log has what came of it.
                    let _ = reload_and_log(&views).await;
                }
            },
            Some(request) = ctl.next() => if answer(&views, &health, request).await == Course::Draining {
                break;
            },
        }
    }
    for view in views {
        view.stop().await;
    }
    Ok(())
}
