//! One source of requests asks for more than a node can do: the others are served meanwhile.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod support;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use support::agents::hard_pressed;
use support::load::Caller;
use support::{good, up};
use tokio::time::Instant;

/// How long the flood lasts.
const FLOOD: Duration = Duration::from_secs(6);
/// On a quiet machine about a second: the first flood of datagrams has to be read, and some of ours are lost with it.
const REGISTERED_WITHIN: Duration = Duration::from_secs(20);

fn at_host(address: SocketAddr, last: u8) -> IpAddr {
    let IpAddr::V4(v4) = address.ip() else { panic!("the lab is on IPv4") };
    let [a, b, c, _] = v4.octets();
    IpAddr::from([a, b, c, last])
}

#[tokio::test]
async fn a_flood_of_registers_from_one_source_starves_nobody() {
    let lab = up(false).await;
    let pcscf = lab.ue_address("pcscf1a").unwrap();
    let begun = Instant::now();
    let flood =
        std::thread::spawn(move || Caller::new(at_host(pcscf, 120), pcscf).flood_until(begun + FLOOD));
    hard_pressed(&lab, "pcscf1a").await;
    let phones = tokio::task::spawn_blocking(move || {
        // Of other addresses, and behind the same one as the flood; they come while it lasts.
        [110, 111, 112, 120].map(|host| {
            let asked = Instant::now();
            let mut phone = Caller::new(at_host(pcscf, host), pcscf);
            while !phone.try_register() {}
            asked.elapsed()
        })
    });
    let took = phones.await.unwrap();
    let lasted = begun.elapsed();
    let sent = flood.join().unwrap();
    println!(
        "{sent} REGISTERs in {FLOOD:?}; phones registered within {took:?}, the last one after {lasted:?}"
    );
    assert!(took.iter().all(|took| *took < REGISTERED_WITHIN), "{took:?}");
    let stats = match good(lab.ctl("pcscf1a", &["stats"]).await) {
        ims_runtime::ctl::CtlAnswer::Done(text) => text,
        refused => panic!("{refused:?}"),
    };
    assert!(!stats.contains("shed_new 0\n"), "the node was hard-pressed: {stats}");
    good(lab.down().await);
}
