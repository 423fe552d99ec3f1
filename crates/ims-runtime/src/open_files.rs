//! How many files and sockets the process may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Kept for listeners, DNS, Cx, the journal and the operator, whatever the peers open.
const RESERVE: usize = 256;

/// Asks the system for as many as it allows: the usual 1024 is what a program gets that does not ask.
pub(crate) fn raise() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit on open files stays as it is");
    }
}

/// How many of `wanted` connections there is room for.
pub(crate) fn room_for(wanted: usize) -> usize {
    let Ok((soft, _)) = getrlimit(Resource::RLIMIT_NOFILE) else { return wanted };
    let room = room_within(soft, wanted);
    if room < wanted {
        tracing::warn!(limit = soft, connections = room, "the limit on open files leaves less room");
    }
    room
}

fn room_within(limit: u64, wanted: usize) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(RESERVE).clamp(1, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_what_the_node_needs_itself() {
        for (limit, room) in
            [(u64::MAX, 10_000), (10_256, 10_000), (10_255, 9_999), (1024, 768), (256, 1), (0, 1)]
        {
            assert_eq!(room_within(limit, 10_000), room, "{limit}");
        }
    }
}
