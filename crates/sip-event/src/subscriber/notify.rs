//! NOTIFYs at the subscriber (RFC 6665 sections 4.1.3 and 4.4.1).

use super::{Awaiting, State, Subscriber};
use crate::dialog::Dialog;
use crate::dialog_id::DialogId;
use crate::reason::Reason;
use crate::resubscribe::{Comeback, after_notify};
use crate::subscriber::io::{BadNotify, SubscriberEnd, SubscriberOutput};
use crate::usage::{Refresh, Usage};
use clock::Now;
use sip_message::{Event, HeaderName, Message, SubscriptionState, Substate};
use std::time::Duration;

impl Subscriber {
    /// Takes a NOTIFY: it is ours, and its body counts.
    ///
    /// # Errors
    /// [`BadNotify`], with what it is to be answered.
    pub fn notify(&mut self, now: Now, notify: &Message) -> Result<(), BadNotify> {
        if !self.is_ours(notify) {
            return Err(BadNotify::NoSuchSubscription);
        }
        let event = notify.value(HeaderName::Event).and_then(Event::parse);
        let ours = Event::parse(&self.event);
        match (event, ours) {
            (Some(event), Some(ours)) if event == ours => {}
            (Some(event), Some(ours)) if event.package == ours.package => {
                return Err(BadNotify::NoSuchSubscription);
            }
            (_, _) => return Err(BadNotify::BadEvent),
        }
        let state = notify.value(HeaderName::SubscriptionState).and_then(SubscriptionState::parse);
        let state = state.ok_or(BadNotify::Malformed)?;
        match &mut self.state {
            State::NotifyWait { .. } => self.notify_first(now, notify, &state),
            State::Established(usage) => {
                follow(&mut usage.dialog, notify)?;
                self.notify_next(now, &state);
                Ok(())
            }
            State::Leaving { dialog, .. } => {
                follow(dialog, notify)?;
                if state.state == Substate::Terminated {
                    self.end(now, SubscriberEnd::Unsubscribed, Comeback::Never);
                }
                Ok(())
            }
            State::Init | State::Resting { .. } | State::Terminated => Err(BadNotify::NoSuchSubscription),
        }
    }

    /// Section 4.4.1: the first NOTIFY is found by Call-ID and our tag; a later one belongs to the dialog that the first
    /// one made. So of a forked SUBSCRIBE the first dialog is kept (RFC 3856 section 6.9).
    fn is_ours(&self, notify: &Message) -> bool {
        match &self.state {
            State::NotifyWait { sent, .. } => {
                notify.call_id() == &*sent.call_id && notify.to_tag() == Some(&*sent.local_tag)
            }
            State::Established(usage) => of_dialog(notify, &usage.dialog),
            State::Leaving { dialog, .. } => of_dialog(notify, dialog),
            State::Init | State::Resting { .. } | State::Terminated => false,
        }
    }

    fn notify_first(
        &mut self,
        now: Now,
        notify: &Message,
        state: &SubscriptionState<'_>,
    ) -> Result<(), BadNotify> {
        let State::NotifyWait { sent, cap, awaiting, .. } = &self.state else {
            return Err(BadNotify::NoSuchSubscription);
        };
        if state.state == Substate::Terminated {
            self.terminated(now, state);
            return Ok(());
        }
        let dialog = Dialog::from_notify(sent, notify).map_err(|_| BadNotify::Malformed)?;
        let cap = (*cap).min(state.expires.unwrap_or(u32::MAX));
        let expires = now.mono + Duration::from_secs(cap.into());
        let refresh = match awaiting {
            Awaiting::Both => Refresh::AwaitingAnswer { cap },
            Awaiting::Notify => {
                Refresh::At(self.config.schedule.refresh_at(now, expires.saturating_since(now.mono)))
            }
        };
        self.raises = 0;
        self.outputs.push_back(SubscriberOutput::State(state.state));
        let usage = Usage { substate: state.state, dialog, since: now.mono, expires, refresh };
        self.state = State::Established(Box::new(usage));
        self.leave_if_wished(now);
        Ok(())
    }

    fn notify_next(&mut self, now: Now, state: &SubscriptionState<'_>) {
        if state.state == Substate::Terminated {
            self.terminated(now, state);
        } else if let State::Established(usage) = &mut self.state {
            usage.notified(now, state.expires, &self.config.schedule);
            if usage.substate != state.state {
                usage.substate = state.state;
                self.outputs.push_back(SubscriberOutput::State(state.state));
            }
        }
    }

    fn terminated(&mut self, now: Now, state: &SubscriptionState<'_>) {
        let reason = state.reason.and_then(Reason::parse);
        self.end(now, SubscriberEnd::Notified(reason), after_notify(state));
    }
}

fn of_dialog(notify: &Message, dialog: &Dialog) -> bool {
    DialogId::of_request(notify).is_some_and(|id| dialog.is(&id))
}

/// Checks a NOTIFY of a known dialog and takes its Contact.
fn follow(dialog: &mut Dialog, notify: &Message) -> Result<(), BadNotify> {
    dialog.accept(notify).map_err(|_| BadNotify::Stale)?;
    dialog.refresh_target(notify).map_err(|_| BadNotify::Malformed)
}
