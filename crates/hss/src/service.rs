//! The running HSS: takes batches of requests, keeps what they change, and then answers.

use crate::config::HssConfig;
use crate::ctl;
use crate::seed::Subscribers;
use crate::store::{Store, StoreError};
use clock::{Mono, Now, Wall};
use cx_protocol::{Answer, CxFailure, Impu, Request, ResultCode, ScscfName, Token};
use hss::{Hss, StoreChange};
use ims_runtime::cli::{Failure, Start};
use ims_runtime::config::{ConfigFile, InvalidKey};
use ims_runtime::ctl::{CtlAnswer, CtlRequest};
use ims_runtime::cx::{CxServer, CxServerEvent, PeerQuestion};
use ims_runtime::health::{self, Health};
use ims_runtime::signals::Signal;
use ims_runtime::state_lock::StateLock;
use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, SystemTime};
use tokio::time::timeout;

/// How long what runs may take to finish after SIGTERM.
const DRAIN: Duration = Duration::from_secs(4);

/// RTRs and PPRs under way above which no reminder is sent: an S-CSCF that was down may have lost all its users.
const MAX_REMINDING: usize = 100;

/// Runs an HSS until it is told to end.
pub(crate) async fn run(start: Start<HssConfig>) -> Result<(), Failure> {
    let Start { config, file, mut signals, mut ctl } = start;
    let mut service = Service::open(&config, file.path()).await?;
    health::announce(config.host());
    loop {
        tokio::select! {
            Some(batch) = service.server.next_batch() => service.on_batch(batch).await?,
            Some(request) = ctl.next() => service.on_command(request).await?,
            signal = signals.next() => match signal {
                Signal::Drain => break,
                Signal::Reload => match service.reload().await? {
                    Ok(said) => tracing::info!("{said}; the configuration itself is read at start only"),
                    Err(error) => tracing::error!(%error, "subscribers not reloaded"),
                },
            },
        }
    }
    tracing::info!("draining");
    let finished = timeout(DRAIN, service.drain()).await;
    // Only answers to peers that do not take them are left behind; everything acknowledged is kept.
    finished.unwrap_or(Ok(()))
}

/// The store in memory and on disk, and those who ask.
pub(crate) struct Service {
    pub(crate) hss: Hss,
    pub(crate) server: CxServer,
    /// Away while a commit is running, which is always waited for.
    pub(crate) store: Option<Store>,
    pub(crate) subscribers: ConfigFile<Subscribers>,
    /// Why the store could not be written when that was last tried.
    pub(crate) not_kept: Option<String>,
    /// What is wrong with that file. The store is what counts.
    pub(crate) bad_subscribers: Option<String>,
    requests_answered: u64,
    requests_sent: u64,
    /// RTRs and PPRs that have not been answered, by number; each connection takes only so many.
    unanswered: HashMap<u64, (ScscfName, Told)>,
    /// Held as long as the store is used.
    _lock: StateLock,
}

/// What an S-CSCF was told.
#[derive(PartialEq, Eq)]
enum Told {
    /// That it has lost the user of these identities.
    Loss(Vec<Impu>),
    /// The profile of a set; this is the first identity of the set.
    Profile(Impu),
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
        let all = stored.into_iter().all(|change| hss.apply(now(), change).is_ok());
        if !all {
            return Err(StoreError::Damaged("two accounts with one identity").into());
        }
        let server = CxServer::bind(config.identity(file)?, &config.listen).await?;
        tracing::info!(addresses = ?server.addresses(), "listening for Cx");
        Ok(Self {
            hss,
            server,
            store: Some(store),
            subscribers,
            not_kept: None,
            bad_subscribers,
            requests_answered: 0,
            requests_sent: 0,
            unanswered: HashMap::new(),
            _lock: lock,
        })
    }

    /// Commands are taken only after replay and with the sockets open.
    pub(crate) fn health(&self) -> CtlAnswer {
        match (&self.not_kept, &self.bad_subscribers) {
            (Some(error), _) => CtlAnswer::Done(format!(
                "ready to read; what would change a registration is refused: {error}"
            )),
            (None, Some(error)) => CtlAnswer::Done(format!(
                "ready; the store is used, the subscribers file is not usable: {error}"
            )),
            (None, None) => Health::waiting_for(&[]).answer(),
        }
    }

    /// By name, a line each.
    pub(crate) fn stats(&self) -> String {
        let own = [
            ("cx_connections", self.server.hosts().count() as u64),
            ("requests_answered", self.requests_answered),
            ("requests_sent", self.requests_sent),
            ("requests_unanswered", self.unanswered.len() as u64),
        ];
        let metrics = self.hss.metrics().into_iter().chain(own);
        metrics.map(|(name, value)| format!("{name} {value}\n")).collect()
    }

    /// One transaction for all that came together. Who only reads is answered first, by what is kept; every other answer waits
    /// for the transaction, because each may tell of a state that is not kept yet. When it cannot be kept, that state is undone, and
    /// who needed it is told to come again.
    async fn on_batch(&mut self, batch: Vec<CxServerEvent>) -> Result<(), Failure> {
        let now = now();
        let (mut changes, mut answers, mut connected) = (Vec::new(), Vec::new(), Vec::new());
        for event in self.answer_readers(now, batch) {
            match event {
                CxServerEvent::Question(question) => {
                    let (answer, changed) = self.answer(now, &question);
                    changes.extend(changed);
                    answers.push((question, answer));
                }
                CxServerEvent::Answer(token, result) => changes.extend(self.on_answer(now, token, result)),
                CxServerEvent::Connected(host) => connected.push(host),
            }
        }
        let is_kept = self.keep(changes).await?.is_ok();
        if is_kept {
            // A user who has come back leaves nothing to be told of the account that had its identities before.
            let dropped = self.hss.drop_settled();
            // What cannot be kept now is dropped again by the next process.
            let _ = self.keep(dropped).await?;
        }
        for (question, answer) in answers {
            let busy = || question.request.answer(ResultCode::TooBusy);
            let answer = if is_kept { answer } else { busy() };
            question.answer(answer);
        }
        self.send_requests();
        // Last, because a peer may have taken a user back in this batch.
        for host in connected {
            // What was under way on an earlier connection is lost with it.
            self.unanswered.retain(|_, (scscf, _)| !scscf.host().eq_ignore_ascii_case(&host));
            self.hss.connected(&host);
        }
        self.send_reminders();
        Ok(())
    }

    fn answer(&mut self, now: Now, question: &PeerQuestion) -> (Answer, Vec<StoreChange>) {
        let (answer, changes) = self.hss.answer(now, &question.peer, &question.request);
        self.requests_answered += 1;
        let (command, result) = (question.request.command(), answer.result().code());
        tracing::debug!(peer = %question.peer, ?command, result, "answered");
        (answer, changes)
    }

    /// Gives what is no mere question.
    fn answer_readers(&mut self, now: Now, batch: Vec<CxServerEvent>) -> Vec<CxServerEvent> {
        let (readers, others): (Vec<_>, Vec<_>) = batch.into_iter().partition(
            |event| matches!(event, CxServerEvent::Question(question) if only_reads(&question.request)),
        );
        for event in readers {
            if let CxServerEvent::Question(question) = event {
                let (answer, _) = self.answer(now, &question);
                question.answer(answer);
            }
        }
        others
    }

    /// What became of a request of the HSS's own. Gives what has to be kept.
    fn on_answer(
        &mut self,
        now: Now,
        Token(number): Token,
        result: Result<Box<Answer>, CxFailure>,
    ) -> Vec<StoreChange> {
        let told = self.unanswered.remove(&number);
        let confirmed = match result {
            Ok(answer) => {
                let result = answer.result();
                tracing::info!(number, command = ?answer.command(), result = result.code(), "was answered");
                result.is_success()
            }
            Err(failure) => {
                tracing::warn!(number, ?failure, "was not answered");
                false
            }
        };
        // What was told again since is confirmed by the answer to that.
        let is_latest = |(scscf, told): &(ScscfName, Told)| {
            !self.unanswered.values().any(|(other, later)| other == scscf && later == told)
        };
        match told.filter(|_| confirmed).filter(is_latest) {
            Some((scscf, Told::Loss(impus))) => self.hss.confirmed(now, &scscf, &impus),
            Some((scscf, Told::Profile(impu))) => self.hss.profile_confirmed(now, &scscf, &impu),
            None => Vec::new(),
        }
    }

    async fn on_command(&mut self, request: CtlRequest) -> Result<(), Failure> {
        let answer = ctl::execute(self, &request.words()).await?;
        request.answer(answer);
        Ok(())
    }

    /// Sends what the HSS asks in turn; one line for each, as the operator reads it.
    pub(crate) fn send_requests(&mut self) -> Vec<String> {
        let mut said = Vec::new();
        while let Some((scscf, request)) = self.hss.poll_request() {
            let command = request.command();
            said.push(match self.send(&scscf, request) {
                Ok(()) => format!("{scscf} was told ({command:?})"),
                Err(failure) => {
                    format!("{scscf} could not be told ({command:?}: {failure:?}) and will be when it connects again")
                }
            });
        }
        said
    }

    fn send_reminders(&mut self) {
        while self.unanswered.len() < MAX_REMINDING
            && let Some((scscf, request)) = self.hss.poll_reminder()
        {
            // What cannot be sent now waits for the next connection.
            let _ = self.send(&scscf, request);
        }
    }

    fn send(&mut self, scscf: &ScscfName, request: Request) -> Result<(), CxFailure> {
        self.requests_sent += 1;
        let number = self.requests_sent;
        let command = request.command();
        let told = told(&request);
        let sent = self.server.request(scscf.host(), Token(number), request);
        tracing::info!(number, %scscf, ?command, ?sent, "request of the HSS");
        if let (Ok(()), Some(told)) = (sent, told) {
            self.unanswered.insert(number, (scscf.clone(), told));
        }
        sent
    }

    async fn drain(&mut self) -> Result<(), Failure> {
        self.server.drain();
        while let Some(batch) = self.server.next_batch().await {
            self.on_batch(batch).await?;
        }
        Ok(())
    }
}

/// Whether a request changes nothing, whoever asks.
const fn only_reads(request: &Request) -> bool {
    match request {
        Request::Uar(_) | Request::Lir(_) | Request::Udr(_) => true,
        Request::Mar(_) | Request::Sar(_) | Request::Rtr(_) | Request::Ppr(_) => false,
    }
}

/// What is told by a request of the HSS's own.
fn told(request: &Request) -> Option<Told> {
    match request {
        Request::Rtr(rtr) => Some(Told::Loss(rtr.impus.clone())),
        Request::Ppr(ppr) => {
            let identity = ppr.profile.identities.identities.first();
            identity.map(|identity| Told::Profile(identity.impu.clone()))
        }
        Request::Uar(_) | Request::Sar(_) | Request::Lir(_) | Request::Mar(_) | Request::Udr(_) => None,
    }
}

/// The time, for the record: the HSS has no timers.
#[expect(
    clippy::disallowed_methods,
    reason = "the HSS has no node, so its shell reads the wall clock itself"
)]
pub(crate) fn now() -> Now {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
    Now { mono: Mono::ZERO, wall: Wall::from_unix_millis(millis) }
}
