//! A node without an operator: sockets and clock alone, for a program that drives it itself, such as a user agent.
//!
//! It keeps no journal, asks no HSS and no DNS: its role sends on flows it knows.

use super::NodeError;
use super::log::log;
use super::sockets::{BATCH, Datagram, Happened, Sockets};
use crate::Clock;
use crate::recording::Recorder;
use clock::{Mono, Now, Wall};
use cx_protocol::CxFailure;
use ims_node::{AskId, Input, Node, NodeSettings, Output, Role};
use sip_resolve::DnsAnswer;
use std::collections::VecDeque;
use std::path::Path;
use tokio::time::sleep_until;

/// A node and its sockets.
pub struct Endpoint<R: Role> {
    clock: Clock,
    node: Node<R>,
    sockets: Sockets,
    /// What else happened in consequence of outputs; taken before anything new.
    inputs: VecDeque<Input>,
    last_ask: u64,
    /// The answer to the last ask, until it is taken.
    told: Option<(AskId, R::Told)>,
}

impl<R: Role> Endpoint<R> {
    /// Opens the sockets of `settings`; with `recording`, everything read and written is appended to that file. Needs a
    /// tokio runtime.
    ///
    /// # Errors
    /// A socket or the recording cannot be opened, or there is no seed.
    pub fn open(settings: NodeSettings, role: R, recording: Option<&Path>) -> Result<Self, NodeError> {
        let recorder = recording.map(|path| {
            Recorder::open(path, &settings.name).map_err(|error| NodeError::Recording(path.to_owned(), error))
        });
        let sockets = Sockets::open(&settings, recorder.transpose()?)?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|_| NodeError::NoSeed)?;
        let (clock, node) = (Clock::start(), Node::new(settings, role, seed));
        Ok(Self { clock, node, sockets, inputs: VecDeque::new(), last_ask: 0, told: None })
    }

    /// What the clocks show.
    #[must_use]
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// The role, to look at.
    #[must_use]
    pub const fn role(&self) -> &R {
        self.node.role()
    }

    /// The role, to take from it what it has gathered.
    pub const fn role_mut(&mut self) -> &mut R {
        self.node.role_mut().0
    }

    /// Asks the role for something, and does what comes of it. `None` if it has not answered at once: nobody waits any longer here.
    pub fn ask(&mut self, ask: R::Ask) -> Option<R::Told> {
        self.last_ask += 1;
        let id = AskId(self.last_ask);
        self.handle(Input::Ask { id, ask });
        self.carry_out_all();
        self.told.take().filter(|(answered, _)| *answered == id).map(|(_, told)| told)
    }

    /// Waits for what happens next, and does what comes of it; dropping the future loses nothing.
    pub async fn work(&mut self) {
        self.keep_order().await;
        let wake = self.wake_at();
        tokio::select! {
            happened = self.sockets.next() => self.on_sockets(happened),
            () = sleep_until(self.clock.instant(wake.unwrap_or_default())), if wake.is_some() => {
                self.sockets.flush();
                self.handle(Input::Timeout);
            }
        }
        self.carry_out_all();
        self.sockets.flush_recording();
    }

    async fn keep_order(&mut self) {
        while self.sockets.keep_order().await {
            self.carry_out_all();
        }
    }

    /// Closes the connections once what is queued on them is written.
    pub async fn close(mut self) {
        self.keep_order().await;
        self.sockets.close().await;
    }

    fn wake_at(&self) -> Option<Mono> {
        let flush = self.sockets.flush_at(self.clock.now().mono);
        [self.node.poll_timeout(), flush].into_iter().flatten().min()
    }

    fn on_sockets(&mut self, happened: Happened) {
        match happened {
            Happened::Datagrams => self.on_datagrams(),
            Happened::Events(events) => {
                for event in events {
                    if let Some(input) = self.sockets.on_event(event) {
                        self.handle(input.of_any());
                    }
                    self.carry_out_all();
                }
            }
        }
    }

    fn on_datagrams(&mut self) {
        for _ in 0..BATCH {
            match self.sockets.receive() {
                Datagram::None => break,
                Datagram::KeepAlive => {}
                Datagram::Message(flow, bytes) => {
                    if self.node.hears(self.clock.now(), flow, &bytes) {
                        self.handle(Input::message(flow, bytes));
                        self.carry_out_all();
                    }
                }
            }
        }
    }

    fn handle(&mut self, input: Input<R::Ask>) {
        self.node.handle(self.clock.now(), input);
    }

    /// Does what the node wants until nothing more comes of it.
    fn carry_out_all(&mut self) {
        loop {
            while let Some(output) = self.node.poll_output() {
                self.carry_out(output);
            }
            let input = self.sockets.next_input().or_else(|| self.inputs.pop_front());
            match input {
                Some(input) => self.handle(input.of_any()),
                None => return,
            }
        }
    }

    fn carry_out(&mut self, output: Output<R::Told>) {
        match output {
            Output::Transmit(transmit) => self.sockets.transmit(transmit),
            Output::Close(flow) => self.sockets.close_flow(flow),
            Output::Claim { flow, is_claimed } => self.sockets.claim(flow, is_claimed),
            Output::AskDns(question) => {
                self.inputs.push_back(Input::Dns { question, answer: DnsAnswer::Failed });
            }
            Output::AskHss { token, .. } => {
                self.inputs.push_back(Input::Hss { token, answer: Err(CxFailure::NotConnected) });
            }
            // Nothing is kept, so that what waits for it need not wait.
            Output::Persist { seq, .. } => self.inputs.push_back(Input::Synced(seq)),
            Output::Told { id, told, .. } => self.told = Some((id, told)),
            // There is no HSS that asks.
            Output::HssReply { .. } => {}
            Output::Log(event) => log(&event),
        }
    }
}

/// What the wall clock shows, before there is an endpoint.
#[must_use]
pub fn wall() -> Wall {
    Clock::start().now().wall
}
