//! The running HSS: takes batches of requests, keeps what they change, and then answers.

use crate::ask::{Ask, COMMANDS, Order};
use crate::batch::Waiter;
use crate::config::HssConfig;
use crate::seed::Subscribers;
use crate::store::{Store, StoreError};
use crate::telling::Unanswered;
use crate::told::{NotDone, Told};
use hss::{Hss, OperatorError};
use ims_runtime::Clock;
use ims_runtime::cli::{Failure, Start};
use ims_runtime::config::{ConfigFile, InvalidKey};
use ims_runtime::ctl::{Command, CtlRequest, CtlServer, Draining, Help, MAX_CONNECTIONS, Metrics};
use ims_runtime::cx::CxServer;
use ims_runtime::health::{self, Condition, Health, Readiness};
use ims_runtime::node::DRAIN;
use ims_runtime::signals::Signal;
use ims_runtime::state_lock::StateLock;
use std::path::Path;
use tokio::time::timeout;

/// Runs an HSS until it is told to end.
pub(crate) async fn run(start: Start<HssConfig>) -> Result<(), Failure> {
    let Start { config, file, mut signals, mut ctl } = start;
    let mut service = Service::open(&config, file.path()).await?;
    if service.health.met(Condition::Listening) {
        health::announce(config.host());
    }
    while !service.is_draining {
        let (events, mut orders) = tokio::select! {
            Some(batch) = service.server.next_batch() => (batch, Vec::new()),
            Some(request) = ctl.next() => (Vec::new(), Vec::from_iter(service.on_command(request))),
            signal = signals.next() => match signal {
                Signal::Drain => break,
                Signal::Reload => (Vec::new(), vec![(Waiter::Signal, Order::Reload)]),
            },
        };
        orders.extend(service.more_orders(&mut ctl));
        service.on_batch(events, orders).await?;
    }
    tracing::info!("draining");
    let finished = timeout(DRAIN, service.drain()).await;
    // Only answers to peers that do not take them are left behind; everything acknowledged is kept.
    finished.unwrap_or(Ok(()))
}

/// The store in memory and on disk, and those who ask.
pub(crate) struct Service {
    pub(crate) clock: Clock,
    pub(crate) hss: Hss,
    pub(crate) server: CxServer,
    /// Away while a commit is running, which is always waited for.
    pub(crate) store: Option<Store>,
    pub(crate) subscribers: ConfigFile<Subscribers>,
    /// Why the store could not be written when that was last tried.
    pub(crate) not_kept: Option<String>,
    /// What is wrong with that file. The store is what counts.
    pub(crate) bad_subscribers: Option<String>,
    pub(crate) requests_answered: u64,
    pub(crate) unanswered: Unanswered,
    health: Health,
    is_draining: bool,
    /// Held as long as the store is used.
    _lock: StateLock,
}

impl Service {
    async fn open(config: &HssConfig, file: &Path) -> Result<Self, Failure> {
        let lock = StateLock::take(config.state_dir())?;
        let mut store = Store::open(&config.store_path())?;
        let subscribers = config.subscribers();
        let mut stored = store.load()?;
        let mut bad_subscribers = None;
        if stored.is_empty() {
            let read =
                subscribers.load().map_err(|error| InvalidKey::new("subscribers", error.to_string()))?;
            stored = read.build()?;
            store.commit(&stored)?;
            tracing::info!(file = %subscribers.path().display(), "store filled from the subscribers file");
        } else if subscribers.path().exists() {
            bad_subscribers = subscribers.load().err().map(|error| error.to_string());
        }
        if let Some(error) = &bad_subscribers {
            tracing::error!(%error, "the subscribers file is not usable; the store is used");
        }
        let mut hss = Hss::new();
        let clock = Clock::start();
        let mut health = Health::waiting_for(&[Condition::Replay, Condition::Listening]);
        let all = stored.into_iter().all(|change| hss.apply(clock.now(), change).is_ok());
        if !all {
            return Err(StoreError::Damaged("two accounts with one identity").into());
        }
        health.met(Condition::Replay);
        let server = CxServer::bind(config.identity(file)?, &config.listen).await?;
        tracing::info!(addresses = ?server.addresses(), "listening for Cx");
        Ok(Self {
            clock,
            hss,
            server,
            store: Some(store),
            subscribers,
            not_kept: None,
            bad_subscribers,
            requests_answered: 0,
            unanswered: Unanswered::default(),
            health,
            is_draining: false,
            _lock: lock,
        })
    }

    /// A question is answered at once, by what is kept; an order is given back, to be part of a batch.
    fn on_command(&mut self, request: CtlRequest) -> Option<(Waiter, Order)> {
        let told = match Command::find(COMMANDS, &(), &request.words()) {
            Ok(Ask::Order(order)) => return Some((Waiter::Operator(request), order)),
            Ok(Ask::Health) => Told::Health(self.readiness()),
            Ok(Ask::Stats) => Told::Stats(self.stats()),
            Ok(Ask::List) => Told::Listed(self.hss.list()),
            Ok(Ask::Peers) => Told::Peers(self.server.hosts().map(Into::into).collect()),
            Ok(Ask::Explain(user)) => match self.hss.explain(&user) {
                Ok(account) => Told::Explained(Box::new(account)),
                Err(_) => Told::NotDone(NotDone::Operator(OperatorError::UnknownUser)),
            },
            Ok(Ask::Drain) => {
                self.is_draining = true;
                Told::Draining(Draining::BEGUN)
            }
            Ok(Ask::Help) => Told::Help(Help::of(Command::usages(COMMANDS))),
            Err(bad) => {
                request.answer(&bad);
                return None;
            }
        };
        request.answer(&told);
        None
    }

    /// What operators have ordered meanwhile.
    fn more_orders(&mut self, ctl: &mut CtlServer) -> Vec<(Waiter, Order)> {
        let waiting = std::iter::from_fn(|| ctl.next_now()).take(MAX_CONNECTIONS);
        waiting.filter_map(|request| self.on_command(request)).collect()
    }

    /// Commands are taken only after replay and with the sockets open.
    fn readiness(&self) -> Readiness {
        let mut readiness = self.health.readiness();
        if let Some(error) = &self.not_kept {
            readiness.remarks.push(format!("what would change a registration is refused: {error}").into());
        }
        if let Some(error) = &self.bad_subscribers {
            let remark = format!("the store is used, the subscribers file is not usable: {error}");
            readiness.remarks.push(remark.into());
        }
        readiness
    }

    fn stats(&self) -> Metrics {
        let counted = [
            ("cx_connections", self.server.hosts().count() as u64),
            ("requests_answered", self.requests_answered),
            ("wall_clock_stepped_s", self.clock.stepped().as_secs()),
        ];
        self.hss.metrics().into_iter().chain(counted).chain(self.unanswered.metrics()).collect()
    }

    async fn drain(&mut self) -> Result<(), Failure> {
        self.server.drain();
        while let Some(batch) = self.server.next_batch().await {
            self.on_batch(batch, Vec::new()).await?;
        }
        Ok(())
    }
}
