//! Why a user agent refuses a request.

use ims_node::causes;

causes! {
    /// The causes of a user agent alone.
    pub enum Cause {
        NotFromPcscf = "not_from_pcscf", "the request does not come from the P-CSCF", "TS 24.229 5.1.2A.2";
        MethodNotTaken = "method_not_taken", "not for a user agent of presence", "RFC 3261 8.2.1";
        NotPlainText = "not_plain_text", "only plain text is shown", "RFC 3428 7";
        OtherEvent = "other_event", "another event package", "RFC 6665 4.1.3";
        StaleNotify = "stale_notify", "an earlier NOTIFY", "RFC 3261 12.2.2";
        BadNotify = "bad_notify", "no Subscription-State or no Contact that can be used", "RFC 6665 4.1.3";
    }
}
