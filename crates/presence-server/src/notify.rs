//! NOTIFY, and the way it takes.

use crate::PresenceServer;
use sip_event::{Dialog, Notify, Way};
use sip_message::{Draft, HeaderName, Method, Uri};

impl PresenceServer {
    /// A NOTIFY without Event and body (rule SUB-N-08).
    pub(crate) fn notify_draft(&self, dialog: &Dialog, notify: &Notify) -> Draft {
        let draft = match notify.way {
            // Figures 1 and 2: back along the way of the SUBSCRIBE.
            Way::Dialog => dialog.request_numbered(Method::Notify, notify.cseq),
            // Figures 6 and 7: the watcher is found afresh.
            Way::Identity => dialog.request_apart(Method::Notify, notify.cseq, &self.way_to(dialog)),
        };
        draft
            .header(HeaderName::SubscriptionState, notify.subscription_state())
            .header(HeaderName::Contact, self.settings.contact())
    }

    /// The Route by which a watcher is found afresh; empty leaves it to the domain in the Request-URI.
    fn way_to(&self, dialog: &Dialog) -> String {
        let target = dialog.remote_target();
        if target.is_host(&self.settings.domain) {
            // Figure 6: straight to the S-CSCF that registered the watcher with us; if none did, to our I-CSCF.
            let known = self.presentities.get(target.address_of_record().as_str());
            let registration = known.and_then(|known| known.registration.as_ref());
            return registration.map_or_else(String::new, |own| format!("<{};lr>", own.scscf));
        }
        // Figure 7: out of our network by the S-CSCF that brought the SUBSCRIBE, which finds the watcher's domain by DNS.
        dialog.route_set().first().and_then(|first| without_user(&first)).unwrap_or_default()
    }
}

/// The element of a record-route entry, not the dialog that the entry's user part stands for.
fn without_user(entry: &Uri) -> Option<String> {
    let host = entry.host()?;
    let uri = Uri::sip(None, &host, entry.port()).ok()?;
    Some(format!("<{uri};lr>"))
}
