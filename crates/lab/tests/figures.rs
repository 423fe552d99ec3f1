//! The contribution's figures on real sockets.
#![allow(clippy::panic, reason = "a test helper may fail its test")]

mod support;

use lab::{Access, play};
use support::{good, up};

/// Plays the figure over both transports in one network.
async fn matches(figure: &str) {
    let lab = up(true).await;
    for access in [Access::Udp, Access::Tcp] {
        let performance = good(play(&lab, figure, access).await);
        if let Err(difference) = &performance.verdict {
            panic!("{figure} over {access}\n{}\n{difference}", performance.ladder(Vec::new()));
        }
    }
    good(lab.down().await);
}

#[tokio::test]
async fn figure_1_watcher_and_presentity_in_one_domain() {
    matches("figure-1").await;
}

#[tokio::test]
async fn figure_3_presence_is_published() {
    matches("figure-3").await;
}

#[tokio::test]
async fn denied_1_the_presentity_s_rules_refuse_the_watcher() {
    matches("denied-1").await;
}
