//! The store in memory: who is who, and what each request does.

use crate::untold::Untold;
use crate::{Account, Credentials, Registration, ScscfDirectory};
use clock::Now;
use cx_protocol::{
    Answer, Impi, Impu, Ppr, RegistrationState, Request, ResultCode, Rtr, RtrReason, ScscfName,
};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// What has to be kept before the answers that came with it are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreChange {
    /// A new or changed account.
    Account(Box<Account>),
    /// The registration of the account of that name.
    Registration(Box<str>, Registration),
    /// The S-CSCFs.
    Directory(ScscfDirectory),
}

/// An identity that two accounts claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The account that has it.
    pub account: Box<str>,
    /// The identity, private or public.
    pub identity: Box<str>,
}

/// The operator named a user that there is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownUser;

/// The subscriber store. Its size is what the operator put in; no request adds to it.
#[derive(Debug, Clone, Default)]
pub struct Hss {
    pub(crate) subscribers: BTreeMap<Box<str>, Subscriber>,
    pub(crate) directory: ScscfDirectory,
    by_impu: HashMap<Impu, (Box<str>, usize)>,
    pub(crate) by_impi: HashMap<Impi, Box<str>>,
    pub(crate) requests: VecDeque<(ScscfName, Request)>,
    /// S-CSCFs that are there again, and what they have not confirmed about which account.
    pub(crate) reminders: VecDeque<(ScscfName, Box<str>, Untold)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Subscriber {
    pub(crate) account: Account,
    pub(crate) registration: Registration,
}

/// Where a public identity was found.
pub(crate) struct Found<'a> {
    pub(crate) subscriber: &'a mut Subscriber,
    pub(crate) directory: &'a ScscfDirectory,
    pub(crate) set: usize,
}

impl Hss {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts in what was stored or seeded. An account that is there is replaced and keeps its registration.
    ///
    /// # Errors
    /// [`Conflict`]; that change is left out. A registration of no account is dropped.
    pub fn apply(&mut self, change: StoreChange) -> Result<(), Conflict> {
        match change {
            StoreChange::Account(account) => self.put_account(*account),
            StoreChange::Registration(name, registration) => {
                self.restore(&name, registration);
                Ok(())
            }
            StoreChange::Directory(directory) => {
                self.directory = directory;
                Ok(())
            }
        }
    }

    /// Answers a request of the connection that said hello as `peer`.
    ///
    /// The answer may leave when the changes are kept; then [`Hss::poll_request`] has what the HSS asks in turn.
    #[must_use]
    pub fn answer(&mut self, now: Now, peer: &str, request: &Request) -> (Answer, Vec<StoreChange>) {
        let mut changes = Vec::new();
        let answered = match request {
            Request::Uar(uar) => self.user_authorization(uar).map(Answer::Uaa),
            Request::Lir(lir) => self.location_info(lir).map(Answer::Lia),
            Request::Mar(mar) => self.multimedia_auth(now, peer, mar, &mut changes).map(Answer::Maa),
            Request::Sar(sar) => self.server_assignment(now, peer, sar, &mut changes).map(Answer::Saa),
            Request::Udr(udr) => self.user_data(udr).map(Answer::Uda),
            // The HSS sends these; it does not take them.
            Request::Rtr(_) | Request::Ppr(_) => Err(ResultCode::CommandUnsupported),
        };
        (answered.unwrap_or_else(|result| request.answer(result)), changes)
    }

    /// Takes back what a batch has changed and nobody could keep: these are the registrations as they were, and nothing that came
    /// of it is asked of anybody.
    pub fn undo(&mut self, before: impl IntoIterator<Item = (Box<str>, Registration)>) {
        self.requests.clear();
        for (account, registration) in before {
            self.restore(&account, registration);
        }
    }

    fn restore(&mut self, account: &str, registration: Registration) {
        if let Some(subscriber) = self.subscribers.get_mut(account) {
            let sets = subscriber.account.sets.len();
            subscriber.registration = registration;
            subscriber.registration.sets.resize(sets, RegistrationState::NotRegistered);
        }
    }

    /// The next request of the HSS's own, and the S-CSCF it is for; after the changes that it comes from are kept.
    pub fn poll_request(&mut self) -> Option<(ScscfName, Request)> {
        self.requests.pop_front()
    }

    /// The account that an operator means by its name, one of its public identities or one of its usernames.
    pub(crate) fn account_of(&self, user: &str) -> Option<Box<str>> {
        if self.subscribers.contains_key(user) {
            return Some(user.into());
        }
        let by_impu = Impu::new(user).ok().and_then(|impu| self.by_impu.get(&impu)).map(|(name, _)| name);
        let by_impi = || Impi::new(user).ok().and_then(|impi| self.by_impi.get(&impi));
        by_impu.or_else(by_impi).cloned()
    }

    /// The subscription of a public identity, which must be that of the private one where one is named.
    pub(crate) fn find(&mut self, impu: &Impu, impi: Option<&Impi>) -> Result<Found<'_>, ResultCode> {
        let (name, set) = self.by_impu.get(impu).ok_or(ResultCode::UserUnknown)?;
        if impi.is_some_and(|impi| !self.by_impi.contains_key(impi)) {
            return Err(ResultCode::UserUnknown);
        }
        let subscriber = self.subscribers.get_mut(name).ok_or(ResultCode::UserUnknown)?;
        if impi.is_some_and(|impi| !subscriber.account.has_impi(impi)) {
            return Err(ResultCode::IdentitiesDontMatch);
        }
        Ok(Found { subscriber, directory: &self.directory, set: *set })
    }

    fn put_account(&mut self, account: Account) -> Result<(), Conflict> {
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
        let before = self.subscribers.remove(&account.name);
        if let Some(Subscriber { account: former, .. }) = &before {
            for impu in former.impus() {
                self.by_impu.remove(impu);
            }
            for Credentials { impi, .. } in &former.credentials {
                self.by_impi.remove(impi);
            }
        }
        for (set, profile) in account.sets.iter().enumerate() {
            for identity in &profile.identities.identities {
                self.by_impu.insert(identity.impu.clone(), (account.name.clone(), set));
            }
        }
        for Credentials { impi, .. } in &account.credentials {
            self.by_impi.insert(impi.clone(), account.name.clone());
        }
        let sets = account.sets.len();
        let mut registration = before.map_or_else(Registration::default, |before| before.registration);
        registration.sets.resize(sets, RegistrationState::NotRegistered);
        self.subscribers.insert(account.name.clone(), Subscriber { account, registration });
        Ok(())
    }
}

impl Subscriber {
    /// Lets `transition` work on the registration and notes what came of it, if anything did.
    pub(crate) fn change<T>(
        &mut self,
        now: Now,
        changes: &mut Vec<StoreChange>,
        transition: impl FnOnce(&mut Registration) -> T,
    ) -> T {
        let before = self.registration.clone();
        let result = transition(&mut self.registration);
        if self.registration != before {
            self.registration.changed = now.wall;
            changes.push(StoreChange::Registration(self.account.name.clone(), self.registration.clone()));
        }
        result
    }

    /// The PPR with the present profile of a set.
    pub(crate) fn profile_push(&self, set: usize) -> Option<Request> {
        let (impi, profile) = (self.account.main_impi()?.clone(), self.account.sets.get(set)?.clone());
        Some(Request::Ppr(Ppr { impi, profile }))
    }

    /// The RTR that ends all of this user's registrations at an S-CSCF.
    pub(crate) fn termination(&self, reason: RtrReason) -> Option<Request> {
        let impi = self.account.main_impi()?.clone();
        let impus = self.account.impus().cloned().collect();
        Some(Request::Rtr(Rtr { impi, impus, reason, reason_info: None }))
    }
}
