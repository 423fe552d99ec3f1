//! The contribution's figures on real sockets: every one over both transports, each compared with its file.
#![allow(clippy::panic, reason = "a test helper may fail its test")]

mod support;

use lab::{Access, Configuration, PLAYED, Staging, moves, play};
use support::{Between, good, up_for};

/// Plays the figure in every way over both transports, in one network where nodes speak TCP to each other and in one of UDP.
async fn matches(figure: &str) {
    for between in [Between::Tcp, Between::Udp] {
        matches_by(figure, between).await;
    }
}

async fn matches_by(figure: &str, between: Between) {
    let lab = up_for(Configuration::of(figure), between).await;
    for access in [Access::Udp, Access::Tcp] {
        for moved in moves(figure).iter().copied() {
            let performance = good(play(&lab, figure, Staging { access, moved }).await);
            if let Err(difference) = &performance.verdict {
                let ladder = performance.ladder(Vec::new());
                panic!("{figure} {} {between:?}\n{ladder}\n{difference}", performance.staging);
            }
            assert!(performance.is_as_drawn(), "{figure} {}: {:?}", performance.staging, performance.missed);
        }
    }
    good(lab.down().await);
}

/// One test for each figure, and the list of them.
macro_rules! figures {
    ($($test:ident: $figure:literal,)*) => {
        $(
            #[tokio::test]
            async fn $test() {
                matches($figure).await;
            }
        )*

        #[test]
        fn every_figure_that_a_lab_plays_is_compared() {
            assert_eq!(PLAYED, [$($figure),*]);
        }
    };
}

figures! {
    figure_1_watcher_and_presentity_in_one_domain: "figure-1",
    figure_2_watcher_and_presentity_in_two_domains: "figure-2",
    figure_3_presence_is_published: "figure-3",
    figure_5_a_phone_without_sip_publishes_by_a_short_message: "figure-5",
    figure_6_an_update_finds_a_watcher_of_the_same_domain_wherever_it_moved: "figure-6",
    figure_7_an_update_finds_a_watcher_of_another_domain_wherever_it_moved: "figure-7",
    denied_1_the_presentity_s_rules_refuse_the_watcher: "denied-1",
    denied_2_the_presentity_s_rules_refuse_the_watcher_of_another_domain: "denied-2",
    figure_1_ts24141_nobody_on_the_presentity_s_side_stays_on_the_way: "figure-1-ts24141",
    figure_2_ts24141_nobody_on_the_presentity_s_side_stays_on_the_way: "figure-2-ts24141",
}
