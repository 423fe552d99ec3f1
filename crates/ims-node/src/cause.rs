//! Why any node refuses a request or drops a message.

use crate::causes;

causes! {
    /// The causes that a node has whatever its role, and those that several roles have.
    pub enum NodeCause {
        Outsider = "outsider", "request from outside the network", "TS 24.229 4.4.1";
        NoHopLeft = "no_hop_left", "no hop is left", "RFC 3261 16.3";
        NoBreadthLeft = "no_breadth_left", "no breadth is left", "RFC 5393 5.3.3";
        UnknownProxyRequire = "unknown_proxy_require", "Proxy-Require names an unknown extension", "RFC 3261 16.3";
        UnknownRequire = "unknown_require", "Require names an unknown extension", "RFC 3261 8.2.2.3";
        HssQueueFull = "hss_queue_full", "too many requests wait for the HSS", "RFC 3261 21.5.1";
        RouteNotSip = "route_not_sip", "the next Route entry is no SIP URI", "RFC 3261 16.4";
        NextHopUnavailable = "next_hop_unavailable", "the next hop is not available", "RFC 3261 16.7";
        NextHopSilent = "next_hop_silent", "the next hop did not answer", "RFC 3261 17.1.2.2";
        NextHopUnreachable = "next_hop_unreachable", "the next hop cannot be reached", "RFC 3261 16.9";
        NoSuchDomain = "no_such_domain", "no such domain", "RFC 3263 4.2";
        NoSipServer = "no_sip_server", "the domain has no SIP server", "RFC 3263 4.2";
        DnsSilent = "dns_silent", "DNS did not answer", "RFC 3263 4.3";
        NoCommonTransport = "no_common_transport", "the next hop offers no transport that is spoken here", "RFC 3263 4.1";
        TooManyLookups = "too_many_lookups", "too many lookups", "RFC 3261 21.5.1";
        AllServersOverloaded = "all_servers_overloaded", "every server asked to be left alone", "RFC 3261 21.5.4";
        JournalFull = "journal_full", "nothing new can be kept now", "RFC 3261 21.5.1";
        RequestTooLong = "request_too_long", "the request has grown too long", "RFC 3261 21.5.7";
        TooManyRequests = "too_many_requests", "too many requests under way", "RFC 3261 21.5.4";
        Overloaded = "overloaded", "overloaded", "RFC 3261 21.5.4";
        NoSubscription = "no_subscription", "no such subscription", "RFC 6665 4.1.3";
        WatcherNotAllowed = "watcher_not_allowed", "the rules do not let this watcher watch", "RFC 6665 4.2.1.3";
        NotAcceptable = "not_acceptable", "Accept takes nothing that this package has", "RFC 6665 4.1.2.1";
        FilterNotSupported = "filter_not_supported", "event filters are not supported", "RFC 4660 5.2";
        NotTheWatcher = "not_the_watcher", "this is somebody else's subscription", "RFC 6665 4.2.1.3";
        TooManyInDialog = "too_many_in_dialog", "too many subscriptions in one dialog", "RFC 6665 4.5.2";
        TooManyOfResource = "too_many_of_resource", "too many subscriptions to this resource", "RFC 6665 6.3";
        TooManyOfWatcher = "too_many_of_watcher", "too many subscriptions of this watcher", "RFC 6665 6.3";
        TooManySubscriptions = "too_many_subscriptions", "too many subscriptions", "RFC 6665 6.3";
        UnknownEvent = "unknown_event", "this event package is not served", "RFC 6665 4.2.1.1";
        ExpiresTooShort = "expires_too_short", "Expires is too short", "RFC 6665 4.2.1.1";
        StaleCSeq = "stale_cseq", "CSeq is lower than before", "RFC 3261 12.2.2";
        NoContact = "no_contact", "there is no Contact", "RFC 3261 12.1.1";
        BadContact = "bad_contact", "Contact is no target", "RFC 3261 12.1.1";
        NoFromTag = "no_from_tag", "From has no tag", "RFC 3261 8.1.1.3";
        NoSuchDialog = "no_such_dialog", "no such dialog", "RFC 3261 12.2.2";
        BadRecordRoute = "bad_record_route", "Record-Route is no route set", "RFC 3261 12.1.1";
        DialogTooLarge = "dialog_too_large", "a dialog of so much text is not kept", "RFC 3261 21.5.7";
        NothingToCancel = "nothing_to_cancel", "nothing here can be cancelled", "RFC 3261 9.2";
        UnknownScheme = "unknown_scheme", "this Request-URI scheme is not served", "RFC 3261 16.3";
        Loop = "loop", "the request came back unchanged", "RFC 3261 16.3";
        NoCalls = "no_calls", "this network carries no calls", "RFC 3261 8.2.1";
        Draining = "draining", "the node is ending", "RFC 3261 21.5.4";
        HssAnswerUnused = "hss_answer_unused", "nobody goes on with what the HSS said", "TS 29.228 6.1";
        HssSilent = "hss_silent", "the HSS did not answer", "TS 29.228 6.1";
        HssOtherAnswer = "hss_other_answer", "the HSS answered something else", "TS 29.228 6.1";
        HssCannotTell = "hss_cannot_tell", "the HSS could not tell", "TS 29.228 6.1";
        UnknownUser = "unknown_user", "unknown user", "TS 24.229 5.3.2.1";
        NotRegistered = "not_registered", "the user is not registered", "TS 24.229 5.3.2.1";
        RequestUriNotImpu = "request_uri_not_impu", "the Request-URI is no public identity", "TS 23.228 4.3.3.2";
        ToNotSip = "to_not_sip", "To is no SIP URI", "RFC 3261 10.3";
        ToNotImpu = "to_not_impu", "To is no public identity", "TS 24.229 5.1.1.2";
        FlowUnknown = "flow_unknown", "nobody is registered on this flow", "TS 24.229 5.2.6.3";
        NoImpi = "no_impi", "no private identity", "TS 24.229 5.3.1.2";
        SourceTooBusy = "source_too_busy", "too many requests of one source", "RFC 3261 26.1.5";
        OtherSentBy = "other_sent_by", "a response to another sent-by", "RFC 3261 18.1.2";
    }
}
