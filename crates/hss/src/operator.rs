//! What the operator does to a user's registration.

use crate::hss::{Hss, StoreChange, UnknownUser};
use clock::Now;
use cx_protocol::{RtrReason, ScscfName};

/// Why an operator's command is not carried out; the operator's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorError {
    /// Nobody has that name.
    UnknownUser,
    /// It is none of the S-CSCFs of this network.
    UnknownScscf,
}

impl std::fmt::Display for OperatorError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::UnknownUser => "no such user",
            Self::UnknownScscf => "no such S-CSCF in this network",
        })
    }
}

impl std::error::Error for OperatorError {}

impl From<UnknownUser> for OperatorError {
    fn from(UnknownUser: UnknownUser) -> Self {
        Self::UnknownUser
    }
}

impl Hss {
    /// The operator gives a user to another S-CSCF: the present one is told to drop it (RTR, server change), and the
    /// next registration goes to the new one.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub fn reassign(
        &mut self,
        now: Now,
        user: &str,
        to: ScscfName,
    ) -> Result<Vec<StoreChange>, OperatorError> {
        if !self.directory.may_name(&to) {
            return Err(OperatorError::UnknownScscf);
        }
        Ok(self.terminate(now, user, RtrReason::ServerChange, Some(to))?)
    }

    /// The operator ends a user's registration (RTR, permanent termination).
    ///
    /// # Errors
    /// [`UnknownUser`].
    pub fn deregister(&mut self, now: Now, user: &str) -> Result<Vec<StoreChange>, UnknownUser> {
        self.terminate(now, user, RtrReason::PermanentTermination, None)
    }

    /// Sends the present profiles of a user to the S-CSCF that has it (PPR), again whenever it connects until it has confirmed
    /// them; nothing to send if none has. Gives what has to be kept.
    ///
    /// # Errors
    /// [`UnknownUser`].
    pub fn push(&mut self, now: Now, user: &str) -> Result<Vec<StoreChange>, UnknownUser> {
        let name = self.account_of(user).ok_or(UnknownUser)?;
        let subscriber = self.subscribers.get_mut(&name).ok_or(UnknownUser)?;
        let mut changes = Vec::new();
        let sets = 0..subscriber.account.sets.len();
        let pushed: Vec<usize> = subscriber
            .change(now, &mut changes, |registration| sets.filter(|set| registration.push(*set)).collect());
        if let Some(scscf) = &subscriber.registration.scscf {
            let requests = pushed.into_iter().filter_map(|set| subscriber.profile_push(set));
            self.requests.extend(requests.map(|request| (scscf.clone(), request)));
        }
        Ok(changes)
    }

    fn terminate(
        &mut self,
        now: Now,
        user: &str,
        reason: RtrReason,
        next: Option<ScscfName>,
    ) -> Result<Vec<StoreChange>, UnknownUser> {
        let name = self.account_of(user).ok_or(UnknownUser)?;
        let subscriber = self.subscribers.get_mut(&name).ok_or(UnknownUser)?;
        let mut changes = Vec::new();
        subscriber.change(now, &mut changes, |registration| registration.terminate(reason, next));
        let subscriber = self.subscribers.get(&name).ok_or(UnknownUser)?;
        let told = subscriber.registration.untold.iter();
        let told: Vec<_> = told
            .filter_map(|(scscf, reason)| {
                Some((scscf.clone(), self.termination(subscriber, scscf, *reason)?))
            })
            .collect();
        self.requests.extend(told);
        Ok(changes)
    }
}
