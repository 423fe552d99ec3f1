//! The store in memory: who is who, and what each request does.

use crate::readers::Readers;
use crate::untold::Untold;
use crate::{Account, Registration, ScscfDirectory};
use clock::Now;
use cx_protocol::{
    Answer, Impi, Impu, Ppr, RegistrationState, Request, ResultCode, Rtr, RtrReason, ScscfName,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// What has to be kept before the answers that came with it are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreChange {
    /// A new or changed account.
    Account(Box<Account>),
    /// The registration of the account of that name.
    Registration(Box<str>, Registration),
    /// Neither the account of that name nor its registration is there any more.
    Removed(Box<str>),
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
    /// Those of them that were removed: few, and looked through often.
    pub(crate) removed: BTreeSet<Box<str>>,
    pub(crate) directory: ScscfDirectory,
    pub(crate) by_impu: HashMap<Impu, (Box<str>, usize)>,
    pub(crate) by_impi: HashMap<Impi, Box<str>>,
    pub(crate) requests: VecDeque<(ScscfName, Request)>,
    /// What readers are told, by their hosts ([`crate::readers::Readers`]).
    pub(crate) notices: VecDeque<(Box<str>, Request)>,
    /// S-CSCFs that are there again, and what they have not confirmed about which account.
    pub(crate) reminders: VecDeque<(ScscfName, Box<str>, Untold)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Subscriber {
    pub(crate) account: Account,
    pub(crate) registration: Registration,
    pub(crate) readers: Readers,
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

    /// Puts in what was stored or seeded. An account that is there is replaced, and each of its sets keeps its state by the
    /// identities in it. Gives what else has to be kept, after which [`Hss::poll_request`] has what S-CSCFs are told.
    ///
    /// # Errors
    /// [`Conflict`]; that change is left out. A registration of no account is dropped.
    pub fn apply(&mut self, now: Now, change: StoreChange) -> Result<Vec<StoreChange>, Conflict> {
        match change {
            StoreChange::Account(account) => return self.put_account(now, *account),
            StoreChange::Registration(name, registration) => self.restore(&name, registration),
            StoreChange::Removed(name) => {
                self.take_account(&name);
            }
            StoreChange::Directory(directory) => self.directory = directory,
        }
        Ok(Vec::new())
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
            Request::Udr(udr) => self.user_data(peer, udr).map(Answer::Uda),
            // The HSS sends these; it does not take them.
            Request::Rtr(_) | Request::Ppr(_) => Err(ResultCode::CommandUnsupported),
        };
        (answered.unwrap_or_else(|result| request.answer(result)), changes)
    }

    /// Takes back what a batch has changed and nobody could keep: these are the registrations as they were, and nothing that came
    /// of it is asked of anybody.
    pub fn undo(&mut self, before: impl IntoIterator<Item = (Box<str>, Registration)>) {
        self.requests.clear();
        self.notices.clear();
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

    /// The next thing that a host is told which has read something that is no longer true; as [`Hss::poll_request`]. Whoever cannot be told
    /// has lost its connection, and forgets what it has read.
    pub fn poll_notice(&mut self) -> Option<(Box<str>, Request)> {
        self.notices.pop_front()
    }

    /// The names of the accounts, without those that were removed.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        let live = self.subscribers.iter().filter(|(_, subscriber)| !subscriber.account.removed);
        live.map(|(name, _)| &**name)
    }

    /// The account that an operator means by its name, one of its public identities or one of its usernames.
    pub(crate) fn account_of(&self, user: &str) -> Option<Box<str>> {
        if self.subscribers.get(user).is_some_and(|subscriber| !subscriber.account.removed) {
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

    /// The RTR that ends all of this user's registrations at an S-CSCF; nothing if nothing is to be ended there.
    pub(crate) fn termination(
        &self,
        subscriber: &Subscriber,
        scscf: &ScscfName,
        reason: RtrReason,
    ) -> Option<Request> {
        let impi = subscriber.account.main_impi()?.clone();
        let impus: Vec<Impu> = self.to_end(subscriber, scscf).cloned().collect();
        // Without any it would be for all that the user has.
        (!impus.is_empty()).then_some(Request::Rtr(Rtr { impi, impus, reason, reason_info: None }))
    }

    /// The identities that an S-CSCF is to drop with this account. Of an account that was removed it keeps those that belong to
    /// another one now which is served there.
    pub(crate) fn to_end<'a>(
        &'a self,
        subscriber: &'a Subscriber,
        scscf: &'a ScscfName,
    ) -> impl Iterator<Item = &'a Impu> {
        let is_served = move |impu: &Impu| {
            let owner =
                self.by_impu.get(impu).and_then(|(name, set)| Some((self.subscribers.get(name)?, *set)));
            owner.is_some_and(|(owner, set)| owner.registration.is_at(scscf, set))
        };
        let is_removed = subscriber.account.removed;
        subscriber.account.impus().filter(move |impu| !is_removed || !is_served(impu))
    }
}

impl Subscriber {
    /// Of an account that nobody has registered.
    pub(crate) fn new(account: Account) -> Self {
        let sets = vec![RegistrationState::NotRegistered; account.sets.len()];
        let registration = Registration { sets, ..Registration::default() };
        Self { account, registration, readers: Readers::default() }
    }

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
}
