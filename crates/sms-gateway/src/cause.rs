//! Why a gateway refuses a request.

use ims_node::causes;

causes! {
    /// The causes of a gateway alone.
    pub enum Cause {
        MethodNotTaken = "method_not_taken", "a gateway does not do this", "RFC 3261 8.2.1";
    }
}
