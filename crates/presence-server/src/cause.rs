//! Why a presence server refuses a request.

use ims_node::causes;

causes! {
    /// The causes of a presence server alone.
    pub enum Cause {
        NoAssertedIdentity = "no_asserted_identity", "no usable asserted identity", "RFC 3856 6.6";
        ForeignSender = "foreign_sender", "the sender is no node of this network", "TS 24.141 5.3.2";
        NoSuchPresentity = "no_such_presentity", "no user of this domain", "RFC 3261 8.2.2.1";
        TooManyPresentities = "too_many_presentities", "too many presentities", "RFC 3261 21.5.1";
        PublisherNotAllowed = "publisher_not_allowed", "the publisher is not the presentity", "RFC 3903 6";
        BadIfMatch = "bad_if_match", "SIP-If-Match is not one entity-tag", "RFC 3903 6";
        NoSuchTag = "no_such_tag", "no publication has this entity-tag", "RFC 3903 6";
        NothingPublished = "nothing_published", "neither a document nor an entity-tag", "RFC 3903 6";
        DocumentsTooLarge = "documents_too_large", "the documents of this presentity are too large", "RFC 3903 6";
        NotPidf = "not_pidf", "only presence documents are taken", "RFC 3903 6";
        BadDocument = "bad_document", "the body is no presence document", "RFC 3903 6";
        ToNotUri = "to_not_uri", "To is no URI", "RFC 3261 10.3";
        ContactNotScscf = "contact_not_scscf", "Contact is no S-CSCF", "TS 24.229 5.4.1.7";
        NothingSubscribed = "nothing_subscribed", "a presence server subscribes to nothing", "RFC 6665 4.1.3";
        MethodNotTaken = "method_not_taken", "a presence server does not do this", "RFC 3261 8.2.1";
    }
}
