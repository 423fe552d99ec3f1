//! The exchanges in a list of arrows: a request on all its hops, its final response, and what was asked of the HSS to
//! find its way.

use crate::arrow::{Arrow, QUERY, RESP};

/// The arrows of one method, in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exchange<'a> {
    /// Empty where there is no SIP at all.
    pub(crate) method: &'a str,
    pub(crate) arrows: Vec<&'a Arrow>,
}

/// Takes a list apart by method, in the order in which the methods appear.
///
/// A Query belongs to the request that its sender received last, a Resp to the Query it answers; what comes before any
/// SIP (the short message of figure 5) belongs to the first request.
pub(crate) fn exchanges(arrows: &[Arrow]) -> Vec<Exchange<'_>> {
    let first = arrows.iter().find_map(Arrow::method).unwrap_or_default();
    let mut found: Vec<Exchange<'_>> = Vec::new();
    for (at, arrow) in arrows.iter().enumerate() {
        let method = method_of(arrows.get(..at).unwrap_or_default(), arrow).unwrap_or(first);
        match found.iter_mut().find(|exchange| exchange.method == method) {
            Some(exchange) => exchange.arrows.push(arrow),
            None => found.push(Exchange { method, arrows: vec![arrow] }),
        }
    }
    found
}

fn method_of<'a>(before: &'a [Arrow], arrow: &'a Arrow) -> Option<&'a str> {
    if let Some(method) = arrow.method() {
        return Some(method);
    }
    let asker = match &*arrow.name {
        QUERY => &arrow.from,
        RESP => &arrow.to,
        _ => return None,
    };
    before.iter().rev().filter(|earlier| earlier.to == *asker).find_map(Arrow::method)
}
