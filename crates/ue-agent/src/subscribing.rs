//! Our subscriptions, to presence and to our own registration, each in a dialog of its own.

use crate::Fx;
use crate::agent::UeAgent;
use crate::compose;
use crate::reg_event::REG;
use crate::role::Own;
use crate::watch::{PRESENCE, Watched};
use clock::Now;
use ims_node::Outcome;
use sip_event::{Asking, NewDialog, SubscriberOutput};
use sip_message::Uri;

impl UeAgent {
    /// Does what the subscriptions want; whether there was anything.
    pub(crate) fn run_subscriptions(&mut self, now: Now, fx: &mut Fx) -> bool {
        let mut busy = false;
        while let Some((watched, output)) = self.subscriptions.poll_output() {
            busy = true;
            if let SubscriberOutput::SubscribeInDialog(expires) = output {
                self.subscribe_in_dialog(now, watched, expires, fx);
            }
            match watched {
                Watched::Presence(id) => self.on_watch_output(id, output),
                Watched::Registration => {}
            }
        }
        busy | self.subscribe_due(now, fx)
    }

    /// Rule RT-P-01: nothing is sent before we are registered.
    fn subscribe_due(&mut self, now: Now, fx: &mut Fx) -> bool {
        let mut busy = false;
        for watched in self.subscriptions.due() {
            busy |= self.subscribe_anew(now, watched, fx).is_some();
        }
        busy
    }

    fn subscribe_anew(&mut self, now: Now, watched: Watched, fx: &mut Fx) -> Option<()> {
        let binding = self.registration.binding()?;
        let local_uri = binding.identity(self.settings.account.impu()).clone();
        let remote_uri: Uri = match watched {
            Watched::Registration => local_uri.clone(),
            Watched::Presence(id) => self.watches.uri(id)?.clone(),
        };
        let (call_id, tag) = (fx.random.secret().into(), fx.random.bits());
        let new = NewDialog { call_id, tag, local_uri, remote_uri };
        let first = self.subscriptions.subscribe(now, &watched, new)?;
        let event = package(watched);
        let draft = compose::subscribe_anew(&self.settings, binding, &first.sent, event, first.expires);
        self.send(draft, Own::Subscribe(first.asking), fx);
        Some(())
    }

    fn subscribe_in_dialog(&mut self, now: Now, watched: Watched, expires: u32, fx: &mut Fx) {
        let Some(binding) = self.registration.binding() else {
            return self.subscriptions.on_not_sent(now, &watched);
        };
        let Some((draft, asking)) = self.subscriptions.resubscribe(&watched) else { return };
        let event = package(watched);
        let draft = compose::subscribe_in_dialog(&self.settings, binding, draft, event, expires);
        self.send(draft, Own::Subscribe(asking), fx);
    }

    pub(crate) fn on_subscribe_ended(&mut self, now: Now, asking: &Asking<Watched>, outcome: &Outcome) {
        let counts = self.subscriptions.on_answer(now, asking, outcome.answer());
        if let Watched::Presence(id) = asking.key
            && counts
        {
            self.note_warning(id, outcome);
        }
    }
}

const fn package(watched: Watched) -> &'static str {
    match watched {
        Watched::Registration => REG,
        Watched::Presence(_) => PRESENCE.package,
    }
}
