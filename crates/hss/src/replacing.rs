//! Accounts that change and accounts that go, while their users are registered.
//!
//! The sets of an account have numbers. When an account is replaced, a set keeps its state by the identities in it, whatever its number is
//! now. An S-CSCF may be serving what is left over: a set of which no identity is there any more, or a whole account. That is kept
//! as an account of its own which nobody finds, until the S-CSCF has confirmed that it has dropped it.

use crate::hss::{Conflict, Hss, StoreChange, Subscriber, UnknownUser};
use crate::readers::Readers;
use crate::{Account, Credentials, Registration};
use clock::Now;
use cx_protocol::RegistrationState::{self, NotRegistered, Registered, Unregistered};
use cx_protocol::{RtrReason, ServiceProfile};

impl Hss {
    /// Puts an account in, in place of the one of that name. Gives what else has to be kept; [`Hss::poll_request`] then has what
    /// the S-CSCF is to be told.
    pub(crate) fn put_account(&mut self, now: Now, account: Account) -> Result<Vec<StoreChange>, Conflict> {
        if account.removed {
            self.removed.insert(account.name.clone());
            self.subscribers.insert(account.name.clone(), Subscriber::new(account));
            return Ok(Vec::new());
        }
        self.check_identities(&account)?;
        let before = self.take_account(&account.name);
        self.index(&account);
        let mut subscriber = Subscriber::new(account);
        let mut changes = Vec::new();
        if let Some(before) = before {
            let (registration, left_over) = moved(&before, &subscriber.account);
            let told = before.no_longer_true(Some(&subscriber.account));
            if told.is_empty() {
                subscriber.readers = before.readers.clone();
            }
            self.notices.extend(told);
            let is_same = registration == before.registration;
            subscriber.registration = registration;
            if !is_same {
                subscriber.registration.changed = now.wall;
                let name = subscriber.account.name.clone();
                changes.push(StoreChange::Registration(name, subscriber.registration.clone()));
            }
            changes.extend(
                left_over.and_then(|sets| self.leave_behind(now, before, sets)).into_iter().flatten(),
            );
        }
        self.subscribers.insert(subscriber.account.name.clone(), subscriber);
        Ok(changes)
    }

    /// Takes over all accounts of a file, each in place of the one of its name. Two of them may have exchanged identities: those of the
    /// former accounts are free before the first new one is put in.
    ///
    /// # Errors
    /// The first [`Conflict`], and the place of the change that it is about; then nothing is to be believed of this store, which is
    /// a copy.
    pub fn apply_all(
        &mut self,
        now: Now,
        changes: &[StoreChange],
    ) -> Result<Vec<StoreChange>, (usize, Conflict)> {
        for change in changes {
            if let StoreChange::Account(account) = change
                && let Some(former) = self.subscribers.get(&account.name).map(|one| one.account.clone())
            {
                self.unindex(&former);
            }
        }
        let mut more = Vec::new();
        for (at, change) in changes.iter().enumerate() {
            more.extend(self.apply(now, change.clone()).map_err(|conflict| (at, conflict))?);
        }
        Ok(more)
    }

    /// The operator removes an account: its user is unknown from now on, and the S-CSCF that has it is told to drop it (RTR,
    /// permanent termination), until it has confirmed that.
    ///
    /// # Errors
    /// [`UnknownUser`].
    pub fn remove(&mut self, now: Now, user: &str) -> Result<Vec<StoreChange>, UnknownUser> {
        if self.removed.remove(user) {
            // Again, by the name that it has now: its S-CSCF will not come back.
            self.subscribers.remove(user);
            return Ok(vec![StoreChange::Removed(user.into())]);
        }
        let name = self.account_of(user).ok_or(UnknownUser)?;
        let before = self.take_account(&name).ok_or(UnknownUser)?;
        self.notices.extend(before.no_longer_true(None));
        let sets = before.account.sets.clone();
        let left = self.leave_behind(now, before, sets);
        Ok(std::iter::once(StoreChange::Removed(name)).chain(left.into_iter().flatten()).collect())
    }

    /// What S-CSCFs may still have of these sets, under a name of its own.
    fn leave_behind(
        &mut self,
        now: Now,
        Subscriber { account, mut registration, .. }: Subscriber,
        sets: Vec<ServiceProfile>,
    ) -> Option<[StoreChange; 2]> {
        registration.terminate(RtrReason::PermanentTermination, None);
        if registration.untold.is_empty() {
            return None;
        }
        registration.sets = vec![NotRegistered; sets.len()];
        registration.changed = now.wall;
        let name: Box<str> = format!("{}~{}", account.name, now.wall.unix_millis()).into();
        let account = Account { name: name.clone(), sets, removed: true, ..account };
        let changes = [
            StoreChange::Account(Box::new(account.clone())),
            StoreChange::Registration(name.clone(), registration.clone()),
        ];
        let subscriber = Subscriber { account, registration, readers: Readers::default() };
        for (scscf, reason) in &subscriber.registration.untold {
            let told = self.termination(&subscriber, scscf, *reason);
            self.requests.extend(told.map(|rtr| (scscf.clone(), rtr)));
        }
        self.removed.insert(name.clone());
        self.subscribers.insert(name, subscriber);
        Some(changes)
    }

    /// Whether no other account has any of these identities.
    fn check_identities(&self, account: &Account) -> Result<(), Conflict> {
        let conflict =
            |holder: &str, identity: &str| Conflict { account: holder.into(), identity: identity.into() };
        for impu in account.impus() {
            if let Some((holder, _)) = self.by_impu.get(impu).filter(|(holder, _)| *holder != account.name) {
                return Err(conflict(holder, impu.as_str()));
            }
        }
        for Credentials { impi, .. } in &account.credentials {
            if let Some(holder) = self.by_impi.get(impi).filter(|holder| **holder != account.name) {
                return Err(conflict(holder, impi.as_str()));
            }
        }
        Ok(())
    }

    fn index(&mut self, account: &Account) {
        for (set, profile) in account.sets.iter().enumerate() {
            for identity in &profile.identities.identities {
                self.by_impu.insert(identity.impu.clone(), (account.name.clone(), set));
            }
        }
        for Credentials { impi, .. } in &account.credentials {
            self.by_impi.insert(impi.clone(), account.name.clone());
        }
    }

    /// Takes an account out, and its identities with it.
    pub(crate) fn take_account(&mut self, name: &str) -> Option<Subscriber> {
        let subscriber = self.subscribers.remove(name)?;
        self.removed.remove(name);
        self.unindex(&subscriber.account);
        Some(subscriber)
    }

    /// Nobody is found by the identities of this account any more, but who has them besides.
    fn unindex(&mut self, account: &Account) {
        for impu in account.impus() {
            if self.by_impu.get(impu).is_some_and(|(holder, _)| *holder == account.name) {
                self.by_impu.remove(impu);
            }
        }
        for Credentials { impi, .. } in &account.credentials {
            if self.by_impi.get(impi).is_some_and(|holder| *holder == account.name) {
                self.by_impi.remove(impi);
            }
        }
    }
}

/// How the registration stands when `account` takes the place of the one before, and the sets that an S-CSCF has and the account has
/// no more.
fn moved(before: &Subscriber, account: &Account) -> (Registration, Option<Vec<ServiceProfile>>) {
    let (former, states) = (&before.account.sets, &before.registration);
    let is_same = |a: &ServiceProfile, b: &ServiceProfile| {
        a.identities.identities.iter().any(|identity| b.identities.find(&identity.impu).is_some())
    };
    let from = |set: &ServiceProfile| -> Vec<usize> {
        let same = former.iter().enumerate().filter(|(_, before)| is_same(set, before));
        same.map(|(number, _)| number).collect()
    };
    let mut registration = states.clone();
    registration.unconfirmed.clear();
    registration.sets.clear();
    for (number, set) in account.sets.iter().enumerate() {
        let from = from(set);
        let state = from.iter().map(|before| states.state(*before)).max_by_key(|state| rank(*state));
        registration.sets.push(state.unwrap_or_default());
        if from.iter().any(|before| states.unconfirmed.contains(before)) {
            registration.unconfirmed.push(number);
        }
    }
    let is_left = |(number, set): &(usize, &ServiceProfile)| {
        matches!(states.state(*number), Registered | Unregistered)
            && !account.sets.iter().any(|now| is_same(now, set))
    };
    let left: Vec<ServiceProfile> =
        former.iter().enumerate().filter(is_left).map(|(_, set)| set.clone()).collect();
    if !registration.sets.iter().any(|state| matches!(state, Registered | Unregistered)) {
        registration.scscf = None;
        registration.unconfirmed.clear();
    }
    (registration, (!left.is_empty()).then_some(left))
}

/// Of several sets that have become one, the state that stands for them.
const fn rank(state: RegistrationState) -> u8 {
    match state {
        NotRegistered => 0,
        RegistrationState::AuthenticationPending => 1,
        Unregistered => 2,
        Registered => 3,
    }
}
