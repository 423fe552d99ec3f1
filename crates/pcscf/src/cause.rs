//! Why a P-CSCF refuses a request.

use ims_node::causes;

causes! {
    /// The causes of a P-CSCF alone.
    pub enum Cause {
        NotOfThisFlow = "not_of_this_flow", "not a dialog of this flow", "TS 24.229 5.2.6.3";
        TooManyGuesses = "too_many_guesses", "too many wrong passwords", "RFC 7616 5.7";
        TooManyRegistrations = "too_many_registrations", "too many registrations", "RFC 3261 21.5.1";
        NoFlowKey = "no_flow_key", "no flow key", "RFC 5626 5.2";
        ForeignHome = "foreign_home", "not a home domain whose users may register here", "TS 24.229 5.2.2";
        RegisterFlowGone = "register_flow_gone", "the connection of the REGISTER is gone", "RFC 5626 5.2";
        HomeNetworkSilent = "home_network_silent", "the home network does not answer", "TS 24.229 5.2.2.1";
        NoFlowNamed = "no_flow_named", "no flow is named", "RFC 5626 5.3";
        ForeignFlowToken = "foreign_flow_token", "not a flow token of ours", "RFC 5626 5.3";
        RegistrationUnderWay = "registration_under_way", "the registration on this flow is under way", "TS 24.229 5.2.6.4";
        FlowLeft = "flow_left", "nobody is registered on this flow any more", "RFC 5626 5.3";
        FlowGone = "flow_gone", "the UE's flow is gone", "RFC 5626 5.3.1";
        BadNotify = "bad_notify", "no Subscription-State or no Contact that can be used", "RFC 6665 4.1.3";
    }
}
