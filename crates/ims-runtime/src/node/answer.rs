//! The operator's commands.

use super::asks::Waits;
use super::driver::Driver;
use super::source::Inquiry;
use crate::cli::Failure;
use crate::config::Configuration;
use crate::ctl::{BadWords, Command, CtlRequest, Draining, Help, Metrics, NotReloaded, Reloaded, Unanswered};
use crate::health;
use crate::signals::Signal;
use ims_node::{AskAnswer, AskId, Input, Role};
use tokio::sync::oneshot;

/// Who waits for an answer of the role.
#[derive(Debug)]
pub(super) enum Waiter<T> {
    Operator(CtlRequest),
    /// One who asks by another protocol, and learns by the end of the channel that there will be no answer.
    Source(oneshot::Sender<T>),
}

impl<T> Waiter<T> {
    fn is_gone(&self) -> bool {
        match self {
            Self::Operator(_) => false,
            Self::Source(answer) => answer.is_closed(),
        }
    }

    fn goes_without(self, why: Unanswered) {
        match self {
            Self::Operator(request) => request.answer(&why),
            Self::Source(_) => {}
        }
    }
}

/// What every node is asked, whatever its role is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NodeAsk {
    Health,
    Stats,
    Reload,
    Drain,
    Help,
}

const COMMANDS: &[Command<(), NodeAsk>] = &[
    Command::new(health::WORD, "whether the node is ready", |(), _| Ok(NodeAsk::Health)),
    Command::new("stats", "counters and sizes", |(), _| Ok(NodeAsk::Stats)),
    Command::new("reload", "read the configuration again and take over what can change", |(), _| {
        Ok(NodeAsk::Reload)
    }),
    Command::new("drain", "end, as on SIGTERM", |(), _| Ok(NodeAsk::Drain)),
    Command::new("help", "these lines", |(), _| Ok(NodeAsk::Help)),
];

impl<C, R> Driver<C, R>
where
    C: Configuration,
    R: Role<Told: AskAnswer>,
{
    pub(super) fn on_command(&mut self, request: CtlRequest) {
        match Command::find(COMMANDS, &(), &request.words()) {
            Ok(NodeAsk::Health) => request.answer(&self.health.readiness()),
            Ok(NodeAsk::Stats) => request.answer(&self.stats()),
            Ok(NodeAsk::Reload) => {
                let reloaded = self.reload().map_err(|failure| NotReloaded::because(&failure));
                request.answer_either(reloaded.as_ref());
            }
            Ok(NodeAsk::Drain) => {
                self.drain();
                request.answer(&Draining::BEGUN);
            }
            Ok(NodeAsk::Help) => {
                let of_role = Command::usages(self.operator.blueprint.commands);
                request.answer(&Help::of(Command::usages(COMMANDS).chain(of_role)));
            }
            Err(bad @ (BadWords::Usage(_) | BadWords::Argument { .. })) => request.answer(&bad),
            Err(BadWords::Unknown) => self.ask_role(request),
        }
    }

    fn ask_role(&mut self, request: CtlRequest) {
        let operator = &self.operator;
        let ask = match Command::find(operator.blueprint.commands, &operator.config, &request.words()) {
            Ok(ask) => ask,
            Err(bad) => return request.answer(&bad),
        };
        match self.asks.open(self.clock.now().mono, Waiter::Operator(request), Waits::Briefly) {
            Ok(id) => self.handle(Input::Ask { id, ask }),
            Err(waiter) => waiter.goes_without(Unanswered::TooMany),
        }
    }

    /// Somebody asks by another protocol.
    pub(super) fn on_inquiry(&mut self, Inquiry { ask, answer }: Inquiry<R::Ask, R::Told>) {
        let now = self.clock.now().mono;
        let opened = self.asks.open(now, Waiter::Source(answer), Waits::Patiently).or_else(|waiter| {
            // A connection may have ended that waited for something.
            self.asks.forget(Waiter::is_gone);
            self.asks.open(now, waiter, Waits::Patiently)
        });
        match opened {
            Ok(id) => self.handle(Input::Ask { id, ask }),
            Err(waiter) => waiter.goes_without(Unanswered::TooMany),
        }
    }

    /// The role has answered.
    pub(super) fn tell(&mut self, id: AskId, told: R::Told) {
        match self.asks.close(id) {
            Some(Waiter::Operator(request)) => request.answer(&told),
            // Whoever asked may have gone.
            Some(Waiter::Source(answer)) => drop(answer.send(told)),
            None => {}
        }
    }

    /// Whoever has waited too long for the role is told so.
    pub(super) fn expire_asks(&mut self) {
        while let Some(waiter) = self.asks.pop_late(self.clock.now().mono) {
            waiter.goes_without(Unanswered::Late);
        }
    }

    pub(super) fn on_signal(&mut self, signal: Signal) {
        match signal {
            Signal::Drain => self.drain(),
            Signal::Reload => match self.reload() {
                Ok(reloaded) => tracing::info!(taken_over = ?reloaded.taken_over, "reloaded"),
                Err(why) => tracing::error!("not reloaded: {why}"),
            },
        }
    }

    fn reload(&mut self) -> Result<Reloaded, Failure> {
        let config = self.operator.file.load()?;
        let (role, fx) = self.node.role_mut();
        let mut reloaded = (self.operator.blueprint.reload)(&config, self.clock.now(), role, fx)?;
        // What the role has started begins with the next input.
        self.handle(Input::Timeout);
        let node = (self.operator.blueprint.node)(&config).clone();
        if node.peers != self.config.peers {
            let peers = node.settings().peers;
            self.sockets.set_peers(peers.clone());
            self.node.set_peers(peers);
            self.config.peers.clone_from(&node.peers);
            reloaded.taken_over.push("peers of [node]".into());
        }
        if node != self.config {
            reloaded.needs_restart.push("what else has changed in [node]".into());
        }
        self.operator.config = config;
        Ok(reloaded)
    }

    fn stats(&self) -> Metrics {
        let journal = self.journal.as_ref().map(|journal| journal.status()).unwrap_or_default();
        let counted = [
            ("refused", self.refused),
            ("dropped_in", self.dropped_in),
            ("held", self.held.count() as u64),
            ("held_dropped", self.held.dropped()),
            ("journal_bytes", journal.file),
            ("journal_live_bytes", journal.live),
            ("dns_refused", self.dns.refused()),
            ("wall_clock_stepped_s", self.clock.stepped().as_secs()),
        ];
        let counted = self.sockets.metrics().chain(counted).map(|(name, value)| (name.to_owned(), value));
        counted.chain(self.node.metrics()).collect()
    }
}
