//! Why an S-CSCF refuses a request.

use ims_node::causes;

causes! {
    /// The causes of an S-CSCF alone.
    pub enum Cause {
        CriterionNotSip = "criterion_not_sip", "a filter criterion names no SIP URI", "TS 29.228 B.2";
        NotStarted = "not_started", "the node has not started", "TS 24.229 5.4.3.2";
        ApplicationServerSilent = "application_server_silent", "the application server does not answer", "TS 24.229 5.4.3.2";
        BadStarContact = "bad_star_contact", "Contact * needs Expires: 0 and no other contact", "RFC 3261 10.3";
        TooManyContacts = "too_many_contacts", "too many contacts", "RFC 3261 10.3";
        ContactNotAddress = "contact_not_address", "a contact is no address", "RFC 3261 10.3";
        ContactTooLong = "contact_too_long", "a contact is too long", "RFC 3261 10.3";
        IntervalTooBrief = "interval_too_brief", "the registration interval is too brief", "RFC 3261 10.3";
        ContactIsUser = "contact_is_user", "the contact is the user itself", "RFC 5627 5.1";
        ContactNotSip = "contact_not_sip", "the contact of a phone is no SIP URI", "TS 24.229 5.1.1.2";
        PhoneUnreachable = "phone_unreachable", "the phone is not reached on its flow any more", "RFC 5626 5.3";
        NotOfThisDialog = "not_of_this_dialog", "not a dialog that leads there", "TS 24.229 5.4.3.2";
        GruuUnknown = "gruu_unknown", "no phone is registered under this GRUU", "RFC 5627 6.1";
        NoAssertedIdentity = "no_asserted_identity", "no asserted identity", "TS 24.229 5.4.3.2";
        IdentityBarred = "identity_barred", "the identity is barred", "TS 24.229 5.4.3.2";
        ForeignGruu = "foreign_gruu", "the Contact is another user's GRUU", "RFC 5627 6.2";
        SenderNotRegistered = "sender_not_registered", "the sender is not registered here", "TS 24.229 5.4.3.2";
        RequestUriNoUser = "request_uri_no_user", "the Request-URI names no user", "TS 24.229 5.4.3.2";
        RequestUriServer = "request_uri_server", "the Request-URI names a server instead of a domain", "TS 24.229 5.4.3.2";
        RequestUriNumeric = "request_uri_numeric", "the Request-URI has a port or an address instead of a domain", "TS 24.229 5.4.3.2";
        NotRegisteredHere = "not_registered_here", "the user is not registered here", "TS 24.229 5.4.2.1.1";
        TooManyOfUser = "too_many_of_user", "too many subscriptions to this user's registration", "RFC 3261 21.5.1";
        RegWatcherNotAllowed = "reg_watcher_not_allowed", "the sender may not watch this user's registration", "TS 24.229 5.4.2.1.1";
        WrongPassword = "wrong_password", "wrong password", "TS 24.229 5.4.1.2.2";
        OtherRealm = "other_realm", "the credentials are for another realm", "RFC 2617 3.2.2";
        OtherDigestUri = "other_digest_uri", "the digest was made for another URI", "RFC 2617 3.2.2.5";
        NoCredentials = "no_credentials", "the HSS gives no credentials for this user", "TS 29.228 6.3";
        TooManyUsers = "too_many_users", "too many users", "RFC 3261 21.5.1";
        NoProfile = "no_profile", "the HSS sent no profile", "TS 29.228 6.1.2";
        OtherScscf = "other_scscf", "another S-CSCF serves this user", "TS 29.228 6.1.2";
        HssRefuses = "hss_refuses", "the HSS refuses the registration", "TS 29.228 6.1.2";
        NoServerName = "no_server_name", "this S-CSCF has no valid name", "TS 29.228 6.1.2";
        EarlierRegister = "earlier_register", "an earlier REGISTER of this Call-ID", "RFC 3261 10.3";
        OtherDomain = "other_domain", "not a user of this domain", "TS 24.229 5.4.3.3";
    }
}
