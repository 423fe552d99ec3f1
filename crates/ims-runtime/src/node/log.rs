//! What nodes and roles report, as lines of the log.

use ims_node::{Event, Reason};

/// Writes one line.
pub(super) fn log(event: &Event) {
    match event {
        Event::Refused { status, reason, method, call_id, branch } => {
            let Reason { name, text, rule } = *reason;
            tracing::info!(status = status.code(), reason = name, text, rule, %method, %call_id, %branch, "refused");
        }
        Event::Dropped { reason, from } => {
            let Reason { name, text, rule } = *reason;
            tracing::debug!(reason = name, text, rule, %from, "dropped");
        }
        Event::HopFailed { address, cause, call_id } => {
            tracing::warn!(%address, reason = cause, %call_id, "next hop failed");
        }
        Event::Pressure(pressure) => tracing::warn!(?pressure, "overload"),
        Event::Role { what, about } => tracing::info!(%about, "{what}"),
    }
}
