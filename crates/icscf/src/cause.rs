//! Why an I-CSCF refuses a request.

use ims_node::causes;

causes! {
    /// The causes of an I-CSCF alone.
    pub enum Cause {
        NoCapableScscf = "no_capable_scscf", "no S-CSCF has the capabilities", "TS 24.229 5.3.1.2";
        ScscfSilent = "scscf_silent", "the S-CSCF does not answer", "TS 24.229 5.3.1.3";
        RouteFromOutside = "route_from_outside", "only nodes may route through the I-CSCF", "TS 24.229 5.3.2.1";
        NoWayOut = "no_way_out", "the I-CSCF is no way out of this domain", "TS 24.229 5.3.2.1";
        NoServedUser = "no_served_user", "nobody is named whose request it is", "TS 24.229 5.3.2.1A";
        ForeignNumber = "foreign_number", "a telephone number of another domain", "TS 24.229 5.3.2.1";
        IdentitiesDoNotMatch = "identities_do_not_match", "private and public identity do not belong together", "TS 29.228 6.1.1";
        RoamingNotAllowed = "roaming_not_allowed", "roaming is not allowed", "TS 29.228 6.1.1";
        ForeignVisitedNetwork = "foreign_visited_network", "the visited network is not one of the sender's", "TS 24.229 5.3.1.2";
    }
}
