//! Which S-CSCF has a subscription, and how that changes.

use clock::Wall;
use cx_protocol::RegistrationState::{self, AuthenticationPending, NotRegistered, Registered, Unregistered};
use cx_protocol::{ResultCode, RtrReason, SarType, ScscfName};

/// S-CSCFs that have lost a user and are remembered until they know it; of one more the first is not.
const MAX_UNTOLD: usize = 4;

/// The state that Cx changes (TS 29.228). Holds: an S-CSCF is named if and only if some set is registered or
/// unregistered there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Registration {
    /// The S-CSCF that has the registered and the unregistered sets.
    pub scscf: Option<ScscfName>,
    /// The S-CSCF that is authenticating the user, or is to have it next; different from `scscf`.
    pub next_scscf: Option<ScscfName>,
    /// The state of each set, in the account's order.
    pub sets: Vec<RegistrationState>,
    /// When it last changed.
    pub changed: Wall,
    /// The S-CSCFs that have lost the user and have not confirmed it, first lost first, and why; not `scscf`.
    pub untold: Vec<(ScscfName, RtrReason)>,
    /// The sets, by number, whose profile was pushed to `scscf`, which has not confirmed it.
    pub unconfirmed: Vec<usize>,
}

impl Registration {
    /// The S-CSCF that a REGISTER goes to: the one that has sent, or is to send, the challenge.
    pub(crate) fn for_register(&self) -> Option<&ScscfName> {
        self.next_scscf.as_ref().or(self.scscf.as_ref())
    }

    /// The S-CSCF that a request for the user goes to: the one that has contacts or services.
    pub(crate) fn for_request(&self) -> Option<&ScscfName> {
        self.scscf.as_ref().or(self.next_scscf.as_ref())
    }

    pub(crate) fn state(&self, set: usize) -> RegistrationState {
        self.sets.get(set).copied().unwrap_or_default()
    }

    /// Whether this S-CSCF has the set.
    pub(crate) fn is_at(&self, scscf: &ScscfName, set: usize) -> bool {
        self.scscf.as_ref() == Some(scscf) && matches!(self.state(set), Registered | Unregistered)
    }

    /// Whether any set is.
    pub(crate) fn is_registered(&self) -> bool {
        self.sets.contains(&Registered)
    }

    /// MAR: `name` authenticates the user (TS 29.228 §6.3). Where it is registered it stays so until that has succeeded.
    pub(crate) fn authenticate(&mut self, set: usize, name: &ScscfName) {
        self.next_scscf = (self.scscf.as_ref() != Some(name)).then(|| name.clone());
        if self.state(set) == NotRegistered {
            self.put(set, AuthenticationPending);
        }
    }

    /// SAR: what happened at `name` (TS 29.228 §6.1.2). Gives the S-CSCF that has lost the user by it, if one has.
    ///
    /// # Errors
    /// 5005 if another S-CSCF has the user registered, 5012 if the profile is asked for without an assignment.
    pub(crate) fn assign(
        &mut self,
        kind: SarType,
        set: usize,
        name: &ScscfName,
    ) -> Result<Option<ScscfName>, ResultCode> {
        let holds = self.scscf.as_ref() == Some(name);
        let authenticates = self.next_scscf.as_ref() == Some(name);
        let registered_elsewhere = !holds && self.is_registered();
        match kind {
            // A challenge of its own answered rightly is what entitles an S-CSCF to take the user over.
            SarType::Registration | SarType::ReRegistration if registered_elsewhere && !authenticates => {
                Err(ResultCode::IdentityAlreadyRegistered)
            }
            SarType::UnregisteredUser if registered_elsewhere => Err(ResultCode::IdentityAlreadyRegistered),
            SarType::Registration | SarType::ReRegistration => {
                self.next_scscf = None;
                Ok(self.take(set, Registered, name))
            }
            SarType::UnregisteredUser => {
                let lost = self.take(set, Unregistered, name);
                self.next_scscf.take_if(|next| next == name);
                Ok(lost)
            }
            SarType::NoAssignment if authenticates => Ok(None),
            SarType::NoAssignment => match self.state(set) {
                Registered | Unregistered if holds => Ok(None),
                Registered | Unregistered | NotRegistered | AuthenticationPending => {
                    Err(ResultCode::UnableToComply)
                }
            },
            SarType::TimeoutDeregistration
            | SarType::UserDeregistration
            | SarType::AdministrativeDeregistration => self.leave(set, name).map(|()| None),
            SarType::AuthenticationFailure | SarType::AuthenticationTimeout => {
                self.give_up_authentication(set, name);
                Ok(None)
            }
        }
    }

    /// The network ends every registration, and names who is to have the user next. Who had it is to be told, and so is
    /// who has not confirmed an earlier loss, now for this reason.
    pub(crate) fn terminate(&mut self, reason: RtrReason, next: Option<ScscfName>) {
        self.sets.fill(NotRegistered);
        self.next_scscf = next;
        self.unconfirmed.clear();
        if let Some(loser) = self.scscf.take() {
            self.loses(loser, reason);
        }
        for (_, known) in &mut self.untold {
            *known = reason;
        }
    }

    /// The present profile of a set is on its way to the S-CSCF that has it. Whether one has.
    pub(crate) fn push(&mut self, set: usize) -> bool {
        let is_there = self.scscf.is_some() && matches!(self.state(set), Registered | Unregistered);
        if is_there && !self.unconfirmed.contains(&set) {
            self.unconfirmed.push(set);
        }
        is_there
    }

    /// This S-CSCF has the present profile of a set.
    pub(crate) fn has_profile(&mut self, set: usize, name: &ScscfName) {
        if self.scscf.as_ref() == Some(name) {
            self.unconfirmed.retain(|known| *known != set);
        }
    }

    /// This S-CSCF knows that it has lost the user, or has it again.
    pub(crate) fn has_heard(&mut self, name: &ScscfName) {
        self.untold.retain(|(known, _)| known != name);
    }

    fn loses(&mut self, name: ScscfName, reason: RtrReason) {
        self.has_heard(&name);
        let crowd = (self.untold.len() + 1).saturating_sub(MAX_UNTOLD);
        self.untold.drain(..crowd);
        self.untold.push((name, reason));
    }

    /// Puts the set into the hands of `name`; what another S-CSCF had is no longer registered.
    fn take(&mut self, set: usize, state: RegistrationState, name: &ScscfName) -> Option<ScscfName> {
        let lost = self.scscf.take_if(|before| before != name);
        if let Some(lost) = &lost {
            self.unconfirmed.clear();
            self.loses(lost.clone(), RtrReason::NewServerAssigned);
            for state in self.sets.iter_mut().filter(|state| matches!(state, Registered | Unregistered)) {
                *state = NotRegistered;
            }
        }
        self.has_heard(name);
        self.scscf = Some(name.clone());
        self.put(set, state);
        // It comes with the answer.
        self.has_profile(set, name);
        lost
    }

    /// The last contact is gone. A set that nobody has is left already: the request may be a repetition.
    fn leave(&mut self, set: usize, name: &ScscfName) -> Result<(), ResultCode> {
        match self.state(set) {
            Registered | Unregistered if self.scscf.as_ref() != Some(name) => {
                return Err(ResultCode::IdentityAlreadyRegistered);
            }
            Registered | Unregistered => {
                self.put(set, NotRegistered);
                self.has_profile(set, name);
            }
            NotRegistered | AuthenticationPending => self.give_up_authentication(set, name),
        }
        if !self.sets.iter().any(|state| matches!(state, Registered | Unregistered)) {
            self.scscf = None;
        }
        Ok(())
    }

    /// The challenge of `name` was not met; what is registered stays so (TS 24.229 §5.4.1.2).
    fn give_up_authentication(&mut self, set: usize, name: &ScscfName) {
        if self.for_register() != Some(name) {
            return;
        }
        if self.state(set) == AuthenticationPending {
            self.put(set, NotRegistered);
        }
        if !self.sets.contains(&AuthenticationPending) {
            self.next_scscf = None;
        }
    }

    fn put(&mut self, set: usize, state: RegistrationState) {
        if let Some(place) = self.sets.get_mut(set) {
            *place = state;
        }
    }
}
