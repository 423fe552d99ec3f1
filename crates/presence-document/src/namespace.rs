//! The XML namespaces this crate understands.

/// RFC 3863 §4.1.1: PIDF.
pub(crate) const PIDF: &str = "urn:ietf:params:xml:ns:pidf";
/// RFC 4479 §5.1.2: person and device.
pub(crate) const DATA_MODEL: &str = "urn:ietf:params:xml:ns:pidf:data-model";
/// RFC 4480 §3.1: rich presence.
pub(crate) const RPID: &str = "urn:ietf:params:xml:ns:pidf:rpid";
/// RFC 4745 §13: common policy.
pub(crate) const COMMON_POLICY: &str = "urn:ietf:params:xml:ns:common-policy";
/// RFC 5025 §7: presence rules.
pub(crate) const PRES_RULES: &str = "urn:ietf:params:xml:ns:pres-rules";
/// OMA XDM's additions to common policy, which phones write beside RFC 5025.
pub(crate) const OMA_COMMON_POLICY: &str = "urn:oma:xml:xdm:common-policy";
/// RFC 3858 §3: watcher information.
pub(crate) const WATCHERINFO: &str = "urn:ietf:params:xml:ns:watcherinfo";
/// RFC 3680 §5.1: registration information.
pub(crate) const REGINFO: &str = "urn:ietf:params:xml:ns:reginfo";
/// RFC 5628 §5: GRUUs in it.
pub(crate) const GRUUINFO: &str = "urn:ietf:params:xml:ns:gruuinfo";
/// Bound to `xml` in every document (Namespaces in XML 1.0 §3).
pub(crate) const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// Reserved for `xmlns` itself; nothing may be bound to it.
pub(crate) const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
