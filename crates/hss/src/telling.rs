//! Requests that the HSS itself sends: it tells an S-CSCF that a user is lost to it (RTR), or what the user's profile is
//! now (PPR), again and again until the S-CSCF confirms what it was told.

use crate::service::Service;
use crate::told::ToldScscf;
use clock::Now;
use cx_protocol::{Answer, CxFailure, Impu, Request, ScscfName, Token};
use hss::StoreChange;
use std::collections::HashMap;

/// RTRs and PPRs under way above which no reminder is sent: an S-CSCF that was down may have lost all its users.
const MAX_REMINDING: usize = 100;

/// What an S-CSCF was told.
#[derive(Debug, PartialEq, Eq)]
enum Content {
    /// The S-CSCF has lost the user who has these identities.
    Loss(Vec<Impu>),
    /// The S-CSCF has a new profile to use for a set of identities, whose first identity this is.
    Profile(Impu),
}

/// RTRs and PPRs that have not been answered, by number; each connection takes only so many.
#[derive(Debug, Default)]
pub(crate) struct Unanswered {
    open: HashMap<u64, (ScscfName, Content)>,
    sent: u64,
}

impl Unanswered {
    fn next_number(&mut self) -> u64 {
        self.sent += 1;
        self.sent
    }

    /// What was under way on an earlier connection is lost with it.
    pub(crate) fn forget(&mut self, host: &str) {
        self.open.retain(|_, (scscf, _)| !scscf.host().eq_ignore_ascii_case(host));
    }

    /// An answer: what it confirms, unless that was told again since; then the answer to that counts.
    fn take(&mut self, number: u64) -> Option<(ScscfName, Content)> {
        let told = self.open.remove(&number)?;
        self.open.values().all(|later| *later != told).then_some(told)
    }

    /// Counters, by name.
    pub(crate) fn metrics(&self) -> [(&'static str, u64); 2] {
        [("requests_sent", self.sent), ("requests_unanswered", self.open.len() as u64)]
    }
}

impl Service {
    /// What became of a request of the HSS's own. Gives what has to be kept.
    pub(crate) fn on_answer(
        &mut self,
        now: Now,
        Token(number): Token,
        result: Result<Box<Answer>, CxFailure>,
    ) -> Vec<StoreChange> {
        let told = self.unanswered.take(number);
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
        match told.filter(|_| confirmed) {
            Some((scscf, Content::Loss(impus))) => self.hss.confirmed(now, &scscf, &impus),
            Some((scscf, Content::Profile(impu))) => self.hss.profile_confirmed(now, &scscf, &impu),
            None => Vec::new(),
        }
    }

    /// What the HSS asks in consequence of what was just done; to be sent when that is kept.
    pub(crate) fn requests(&mut self) -> Vec<(ScscfName, Request)> {
        std::iter::from_fn(|| self.hss.poll_request()).collect()
    }

    /// Sends what the HSS asks.
    pub(crate) fn send_all(&mut self, requests: Vec<(ScscfName, Request)>) -> Vec<ToldScscf> {
        let told = requests.into_iter().map(|(scscf, request)| {
            let command = request.command();
            let failure = self.send(&scscf, request).err();
            ToldScscf { scscf, command, failure }
        });
        told.collect()
    }

    /// Tells hosts that have read a user's data by UDR that the data have changed.
    pub(crate) fn send_notices(&mut self) {
        while let Some((host, request)) = self.hss.poll_notice() {
            let number = self.unanswered.next_number();
            // Whoever cannot be told forgets it with its connection.
            let sent = self.server.request(&host, Token(number), request);
            tracing::info!(number, %host, ?sent, "a reader is told what is no longer true");
        }
    }

    pub(crate) fn send_reminders(&mut self) {
        while self.unanswered.open.len() < MAX_REMINDING
            && let Some((scscf, request)) = self.hss.poll_reminder()
        {
            // What cannot be sent now waits for the next connection.
            let _ = self.send(&scscf, request);
        }
    }

    fn send(&mut self, scscf: &ScscfName, request: Request) -> Result<(), CxFailure> {
        let number = self.unanswered.next_number();
        let command = request.command();
        let content = content(&request);
        let sent = self.server.request(scscf.host(), Token(number), request);
        tracing::info!(number, %scscf, ?command, ?sent, "request of the HSS");
        if let (Ok(()), Some(content)) = (sent, content) {
            self.unanswered.open.insert(number, (scscf.clone(), content));
        }
        sent
    }
}

/// What is told by a request of the HSS's own.
fn content(request: &Request) -> Option<Content> {
    match request {
        Request::Rtr(rtr) => Some(Content::Loss(rtr.impus.clone())),
        Request::Ppr(ppr) => {
            let identity = ppr.profile.identities.identities.first();
            identity.map(|identity| Content::Profile(identity.impu.clone()))
        }
        Request::Uar(_) | Request::Sar(_) | Request::Lir(_) | Request::Mar(_) | Request::Udr(_) => None,
    }
}
