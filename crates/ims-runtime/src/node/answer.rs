//! The operator's commands.

use super::driver::Driver;
use crate::config::Configuration;
use crate::ctl::{self, CtlAnswer, CtlRequest};
use crate::health;
use crate::signals::Signal;
use ims_node::{CommandId, Input, Role};

const HELP: &str = "\
health: whether the node is ready
stats: counters and sizes
reload: read the configuration again and take over what can change
drain: end, as on SIGTERM
help: these lines";

impl<C: Configuration, R: Role> Driver<C, R> {
    pub(super) fn on_command(&mut self, request: CtlRequest) {
        let answer = match request.words().as_slice() {
            [health::WORD] => self.health.answer(),
            ["stats"] => CtlAnswer::Done(self.stats()),
            ["reload"] => into_answer(self.reload()),
            ["drain"] => {
                self.drain();
                CtlAnswer::Done(String::new())
            }
            words => {
                let words = words.iter().map(|word| (*word).to_owned()).collect();
                return self.ask_role(words, request);
            }
        };
        request.answer(answer);
    }

    fn ask_role(&mut self, words: Vec<String>, request: CtlRequest) {
        self.last_command += 1;
        let id = CommandId(self.last_command);
        self.commands.insert(id, request);
        self.handle(Input::Command { id, words });
    }

    /// The role has answered; what it says to `help` comes behind our own.
    pub(super) fn command_done(&mut self, id: CommandId, answer: Result<String, String>) {
        let Some(request) = self.commands.remove(&id) else { return };
        let answer = match (request.words().as_slice(), answer) {
            (["help"], Ok(text)) => Ok(ctl::help(&format!("{HELP}\n{text}"))),
            (["help"], Err(_)) => Ok(ctl::help(HELP)),
            (_, answer) => answer,
        };
        request.answer(into_answer(answer));
    }

    pub(super) fn on_signal(&mut self, signal: Signal) {
        match signal {
            Signal::Drain => self.drain(),
            Signal::Reload => match self.reload() {
                Ok(text) => tracing::info!("{}", text.trim_end()),
                Err(why) => tracing::error!("not reloaded: {why}"),
            },
        }
    }

    fn reload(&mut self) -> Result<String, String> {
        let config = self.operator.file.load().map_err(|error| error.to_string())?;
        let (role, fx) = self.node.role_mut();
        let mut said = (self.operator.blueprint.reload)(&config, self.clock.now(), role, fx)?;
        // What the role has started begins with the next input.
        self.handle(Input::Timeout);
        let node = (self.operator.blueprint.node)(&config).clone();
        if node.peers != self.config.peers {
            let peers = node.settings().peers;
            self.tcp.set_peers(peers.clone());
            self.node.set_peers(peers);
            self.config.peers.clone_from(&node.peers);
            said.push_str("\npeers of [node] taken over");
        }
        if node != self.config {
            said.push_str("\nwhat else has changed in [node] needs a restart");
        }
        Ok(said)
    }

    fn stats(&self) -> String {
        let journal = self.journal.as_ref().map(|journal| journal.status()).unwrap_or_default();
        let own = [
            ("held", self.held.count() as u64),
            ("journal_bytes", journal.file),
            ("journal_live_bytes", journal.live),
            ("dns_refused", self.dns.refused()),
            ("wall_clock_stepped_s", self.clock.stepped().as_secs()),
        ];
        let own = self.tcp.metrics().chain(own).map(|(name, value)| (name.to_owned(), value));
        self.stats.render(own.chain(self.node.metrics()))
    }
}

fn into_answer(answer: Result<String, String>) -> CtlAnswer {
    answer.map_or_else(CtlAnswer::Refused, CtlAnswer::Done)
}
