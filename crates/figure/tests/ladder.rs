//! Ladders, compared with the text that stands in `golden/`.
#![allow(clippy::unwrap_used, reason = "a test helper may fail its test")]

use figure::{Bracket, Figure, Ladder};

#[test]
fn figure_2_with_the_presence_proxies() {
    let figure = Figure::named("figure-2").unwrap();
    let ladder =
        Ladder::new(figure.arrows()).with(Bracket::watcher_proxy(1)).with(Bracket::presentity_proxy(2));
    assert_eq!(ladder.to_string(), include_str!("golden/figure-2.txt"));
}

#[test]
fn figure_1_where_one_s_cscf_is_in_both_proxies() {
    let figure = Figure::named("figure-1").unwrap();
    let ladder =
        Ladder::new(figure.arrows()).with(Bracket::watcher_proxy(1)).with(Bracket::presentity_proxy(1));
    assert_eq!(ladder.to_string(), include_str!("golden/figure-1.txt"));
}

#[test]
fn figure_7_in_an_order_of_the_readers_own() {
    let figure = Figure::named("figure-7").unwrap();
    let ladder = Ladder::new(figure.arrows()).ordered(&["ue1", "pcscf1", "scscf1", "icscf1", "hss1"]);
    assert_eq!(ladder.to_string(), include_str!("golden/figure-7.txt"));
}

#[test]
fn no_figure_is_wider_than_a_page() {
    for name in Figure::names() {
        let figure = Figure::named(name).unwrap();
        let ladder = Ladder::new(figure.arrows()).with(Bracket::watcher_proxy(1)).to_string();
        assert!(ladder.lines().all(|line| line.len() <= 110), "{name}\n{ladder}");
        assert!(ladder.lines().all(|line| line.is_ascii() && line == line.trim_end()), "{name}");
    }
}
