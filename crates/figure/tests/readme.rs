//! The picture on the README's first screen is the ladder of figure 1.

#[test]
fn the_readme_shows_figure_1_as_it_is_drawn() {
    let readme = include_str!("../../../README.md");
    let ladder = include_str!("golden/figure-1.txt").trim_end();
    assert!(readme.contains(ladder), "copy crates/figure/tests/golden/figure-1.txt into README.md");
}
