//! The node's way to its HSS.

use crate::config::DnsConfig;
use crate::cx::{self, CxClientConfig, CxEvent, CxIdentity, CxQuestion, CxResolver, CxSender};
use crate::dns::Locator;
use crate::node_config::NodeConfig;
use crate::recording::Recorder;
use cx_protocol::{Answer, CxFailure, Request, Token};
use hickory_resolver::net::NetError;
use ims_node::{HssRequestId, HssToken, Input};
use sip_message::Transport;
use sip_resolve::Query;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use tokio::sync::mpsc;

/// The Cx client, seen from the node.
#[derive(Debug)]
pub(super) struct Hss {
    sender: CxSender,
    events: mpsc::Receiver<CxEvent>,
    /// What the HSS has asked; the node answers each before anything else happens.
    asked: HashMap<HssRequestId, CxQuestion>,
    last_id: u64,
}

impl Hss {
    /// Starts the client, if the configuration has one.
    pub(super) fn start(
        config: &NodeConfig,
        file: &Path,
        recorder: Option<Recorder>,
    ) -> Result<Option<Self>, NetError> {
        let Some(cx) = &config.cx else { return Ok(None) };
        let Some(secret) = cx.secret.secret() else { return Ok(None) };
        let secret_in = format!("secret of [node.cx] in {}", file.display()).into();
        let identity =
            CxIdentity { host: config.name.clone(), realm: config.domain.clone(), secret, secret_in };
        let local_address = config.listen.first().map(|listen| listen.address.ip());
        let finder = Finder::new(&config.dns, cx.hss_domain.as_deref().unwrap_or(&config.domain))?;
        let (sender, events) = cx::start(CxClientConfig { identity, local_address, recorder }, finder);
        Ok(Some(Self { sender, events, asked: HashMap::new(), last_id: 0 }))
    }

    /// Asks; what cannot even be asked is an input at once.
    pub(super) fn ask(&self, token: HssToken, request: Request) -> Option<Input> {
        let refused = self.sender.request(Token(token.0), request).err()?;
        Some(Input::Hss { token, answer: Err(refused) })
    }

    /// Answers.
    pub(super) fn reply(&mut self, id: HssRequestId, answer: Answer) {
        let Some(question) = self.asked.remove(&id) else { return };
        if self.sender.answer(question, answer).is_err() {
            tracing::warn!("an answer to the HSS was dropped: too many wait");
        }
    }

    /// Waits for the next event; dropping the future loses none.
    pub(super) async fn next(&mut self) -> CxEvent {
        match self.events.recv().await {
            Some(event) => event,
            // Its task has ended, and that says why in the log.
            None => std::future::pending().await,
        }
    }

    /// What an event is to the node.
    pub(super) fn input(&mut self, event: CxEvent) -> Option<Input> {
        match event {
            CxEvent::Connected(..) => None,
            CxEvent::Disconnected(_) => Some(Input::HssLost),
            CxEvent::Answer(Token(token), result) => {
                Some(Input::Hss { token: HssToken(token), answer: result.map(|answer| *answer) })
            }
            CxEvent::Question(question, request) => {
                self.last_id += 1;
                let id = HssRequestId(self.last_id);
                self.asked.insert(id, question);
                Some(Input::HssRequest { id, request: *request })
            }
        }
    }
}

/// What a node without an HSS hears when it asks one.
pub(super) fn none(token: HssToken) -> Input {
    Input::Hss { token, answer: Err(CxFailure::NotConnected) }
}

/// Finds the HSS of a domain (SRV `_cx._tcp.DOMAIN`).
struct Finder {
    locator: Locator,
    query: Query,
}

impl Finder {
    fn new(dns: &DnsConfig, domain: &str) -> Result<Self, NetError> {
        let name = format!("_cx._tcp.{domain}").into();
        let query = Query::Service { name, transport: Transport::Tcp };
        Ok(Self { locator: Locator::new(dns)?, query })
    }
}

impl CxResolver for Finder {
    async fn addresses(&mut self) -> Vec<SocketAddr> {
        let mut seed = [0; 8];
        // Without random octets the servers of one priority are tried in one order.
        let _ = getrandom::fill(&mut seed);
        match self.locator.locate(&self.query, u64::from_le_bytes(seed)).await {
            Ok(hops) => hops.into_iter().map(|hop| hop.address).collect(),
            Err(error) => {
                tracing::warn!(%error, "the HSS cannot be found");
                Vec::new()
            }
        }
    }
}
