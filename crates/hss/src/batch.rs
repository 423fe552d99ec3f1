//! Everything that has come since the last look, done in one transaction: questions over Cx, and operators' orders.

use crate::ask::Order;
use crate::keeping::Read;
use crate::service::Service;
use crate::store::StoreError;
use crate::told::{NotDone, ReloadedSubscribers, Told};
use clock::Now;
use cx_protocol::{Answer, Request, ResultCode, ScscfName};
use hss::{OperatorError, StoreChange};
use ims_runtime::cli::Failure;
use ims_runtime::ctl::CtlRequest;
use ims_runtime::cx::{CxServerEvent, PeerQuestion};

/// Who waits for an order to be carried out.
#[derive(Debug)]
pub(crate) enum Waiter {
    Operator(CtlRequest),
    /// SIGHUP: the log is told.
    Signal,
}

impl Waiter {
    fn tell(self, told: &Told) {
        match (self, told) {
            (Self::Operator(request), told) => request.answer(told),
            (Self::Signal, Told::NotDone(error)) => tracing::error!(%error, "subscribers not reloaded"),
            (Self::Signal, told) => tracing::info!("{told}; the configuration itself is read at start only"),
        }
    }
}

/// An order that is carried out as soon as it is kept.
struct Ordered {
    waiter: Waiter,
    requests: Vec<(ScscfName, Request)>,
    reloaded: Option<ReloadedSubscribers>,
}

impl Service {
    /// One transaction for all that came together. Who only reads is answered first, by what is kept; every other answer waits
    /// for the transaction, because each may tell of a state that is not kept yet. When it cannot be kept, that state is undone, and
    /// who needed it is told to come again.
    pub(crate) async fn on_batch(
        &mut self,
        events: Vec<CxServerEvent>,
        orders: Vec<(Waiter, Order)>,
    ) -> Result<(), Failure> {
        let now = self.clock.now();
        // Where accounts come and go, registrations as they were are not all that has to be undone.
        let is_large = |(_, order): &(Waiter, Order)| matches!(order, Order::Remove(_) | Order::Reload);
        let before = orders.iter().any(is_large).then(|| self.hss.clone());
        let (mut changes, mut answers, mut connected) = (Vec::new(), Vec::new(), Vec::new());
        for event in self.answer_readers(now, events) {
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
        let requests = self.requests();
        let ordered = self.obey_all(now, orders, &mut changes)?;
        let kept = self.commit(changes).await?;
        if kept.is_ok() {
            // A user who has come back leaves nothing to be told of the account that had its identities before.
            let dropped = self.hss.drop_settled();
            // What cannot be kept now is dropped again by the next process.
            let _ = self.commit(dropped).await?;
        } else if let Some(before) = before {
            self.hss = before;
        }
        for (question, answer) in answers {
            let busy = || question.request.answer(ResultCode::TooBusy);
            let answer = if kept.is_ok() { answer } else { busy() };
            question.answer(answer);
        }
        if kept.is_ok() {
            self.send_all(requests);
            self.send_notices();
        }
        for order in ordered {
            self.conclude(order, kept.as_ref().err());
        }
        // Last, because a peer may have taken a user back in this batch.
        for host in connected {
            self.unanswered.forget(&host);
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

    /// Carries out orders in memory, and adds what has to be kept to `changes`. Who has ordered what cannot be is told at once.
    fn obey_all(
        &mut self,
        now: Now,
        orders: Vec<(Waiter, Order)>,
        changes: &mut Vec<StoreChange>,
    ) -> Result<Vec<Ordered>, Failure> {
        let mut ordered = Vec::new();
        for (waiter, order) in orders {
            match self.obey(now, order, changes)? {
                Ok(reloaded) => ordered.push(Ordered { waiter, requests: self.requests(), reloaded }),
                Err(why) => waiter.tell(&Told::NotDone(why)),
            }
        }
        Ok(ordered)
    }

    fn obey(
        &mut self,
        now: Now,
        order: Order,
        changes: &mut Vec<StoreChange>,
    ) -> Result<Result<Option<ReloadedSubscribers>, NotDone>, Failure> {
        let unknown = |_| OperatorError::UnknownUser;
        let changed = match order {
            Order::Reassign(user, scscf) => self.hss.reassign(now, &user, scscf),
            Order::Deregister(user) => self.hss.deregister(now, &user).map_err(unknown),
            Order::Remove(user) => self.hss.remove(now, &user).map_err(unknown),
            Order::Push(user) => self.hss.push(now, &user).map_err(unknown),
            Order::Reload => {
                return Ok(match self.read_subscribers(now)? {
                    Read::TakenOver(more, reloaded) => {
                        changes.extend(more);
                        Ok(Some(reloaded))
                    }
                    Read::Refused(error) => Err(NotDone::File(error)),
                });
            }
        };
        Ok(match changed {
            Ok(more) => {
                changes.extend(more);
                Ok(None)
            }
            Err(error) => Err(NotDone::Operator(error)),
        })
    }

    /// The S-CSCFs are told, and then whoever has ordered it.
    fn conclude(&mut self, Ordered { waiter, requests, reloaded }: Ordered, failed: Option<&StoreError>) {
        let told = match (failed, reloaded) {
            (Some(error), _) => Told::NotDone(NotDone::NotKept(error.to_string().into())),
            (None, None) => Told::Done(self.send_all(requests)),
            (None, Some(reloaded)) => {
                Told::Reloaded(ReloadedSubscribers { told: self.send_all(requests), ..reloaded })
            }
        };
        waiter.tell(&told);
    }
}

/// Whether a request changes nothing, whoever asks.
const fn only_reads(request: &Request) -> bool {
    match request {
        Request::Uar(_) | Request::Lir(_) | Request::Udr(_) => true,
        Request::Mar(_) | Request::Sar(_) | Request::Rtr(_) | Request::Ppr(_) => false,
    }
}
