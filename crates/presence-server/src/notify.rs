//! NOTIFY, and the way it takes.

use crate::PresenceServer;
use crate::presentity::Presentity;
use crate::watch::Watch;
use sip_event::{Notify, Way};
use sip_message::{Draft, HeaderName, Method, Uri};

impl PresenceServer {
    /// A NOTIFY without Event and body (rule SUB-N-08).
    pub(crate) fn notify_draft(&self, watch: &Watch, notify: &Notify) -> Draft {
        let draft = match notify.way {
            // Figures 1 and 2: back along the way of the SUBSCRIBE.
            Way::Dialog => watch.dialog.request_numbered(Method::Notify, notify.cseq),
            // Figures 6 and 7: the watcher is found afresh.
            Way::Identity => watch.dialog.request_apart(Method::Notify, notify.cseq, &self.way_to(watch)),
        };
        draft
            .header(HeaderName::SubscriptionState, notify.subscription_state())
            .header(HeaderName::Contact, self.settings.contact())
    }

    /// The Route by which a watcher is found afresh; empty leaves it to the domain in the Request-URI.
    fn way_to(&self, watch: &Watch) -> String {
        let target = watch.dialog.remote_target();
        if target.is_host(&self.settings.domain) {
            // Figure 6: straight to the S-CSCF that registered the watcher with us; if none did, to our I-CSCF.
            return self.scscf_of(target.address_of_record().as_str()).unwrap_or_default();
        }
        // Figure 7: out of our network by the presentity's S-CSCF, which finds the watcher's domain by DNS. The one that
        // brought the SUBSCRIBE may have lost the presentity to another since.
        let brought = || watch.dialog.route_set().first().and_then(|first| without_user(&first));
        self.scscf_of(&watch.presentity).or_else(brought).unwrap_or_default()
    }

    /// The S-CSCF that has registered this user with us.
    fn scscf_of(&self, user: &str) -> Option<String> {
        let registration = self.presentities.get(user).and_then(Presentity::registration)?;
        Some(format!("<{};lr>", registration.scscf))
    }
}

/// The element of a record-route entry, not the dialog that the entry's user part stands for.
fn without_user(entry: &Uri) -> Option<String> {
    let host = entry.host()?;
    let uri = Uri::sip(None, &host, entry.port()).ok()?;
    Some(format!("<{uri};lr>"))
}
