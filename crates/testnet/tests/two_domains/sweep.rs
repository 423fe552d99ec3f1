//! Many seeds, and every promise kept in each.
//!
//! `MUSTER_SEEDS` sets how many seeds are run, `MUSTER_SEED` runs that one alone. A failing seed is printed with the
//! command that repeats it; `MUSTER_TAPE=1` shows it message by message.

use crate::seeds;
use sip_message::Transport;

fn sweep(between_nodes: Transport, test: &str) {
    match seeds::run(seeds::asked_for(), between_nodes, None, None) {
        Ok(total) => {
            eprintln!("{total}");
            if total.of("courses") > 100 {
                total.assert_something_happened();
                // It takes four losses of a tenth each in a row, or a node that dies.
                assert!(total.of("orphans") * 10 <= total.of("courses"), "{total}");
            }
        }
        Err((seed, broken)) => panic!(
            "seed {seed}: {:?}: {}\nrepeat with: MUSTER_SEED={seed} cargo test -p testnet --test two_domains {test}",
            broken.invariant, broken.how
        ),
    }
}

#[test]
fn two_domains_keep_their_promises_by_udp() {
    sweep(Transport::Udp, "promises_by_udp");
}

#[test]
fn two_domains_keep_their_promises_by_tcp() {
    sweep(Transport::Tcp, "promises_by_tcp");
}
