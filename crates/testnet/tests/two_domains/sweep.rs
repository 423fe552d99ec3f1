//! Many seeds, and every promise kept in each.
//!
//! `MUSTER_SEEDS` sets how many seeds are run, `MUSTER_SEED` runs that one alone. A failing seed is printed with the
//! command that repeats it; `MUSTER_TAPE=1` shows it message by message.

use crate::seeds;

#[test]
fn two_domains_keep_their_promises() {
    match seeds::run(seeds::asked_for(), None, None) {
        Ok(total) => {
            eprintln!("{total}");
            if total.of("courses") > 100 {
                total.assert_something_happened();
                // It takes four losses of a tenth each in a row, or a node that dies.
                assert!(total.of("orphans") * 10 <= total.of("courses"), "{total}");
            }
        }
        Err((seed, broken)) => panic!(
            "seed {seed}: {:?}: {}\nrepeat with: MUSTER_SEED={seed} cargo test -p testnet --test two_domains sweep",
            broken.invariant, broken.how
        ),
    }
}
