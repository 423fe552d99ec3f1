//! The arrow lists of the contribution, and what counts as equal to them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

use figure::{Arrow, Figure, FigureError, Mismatch, compare};

fn arrows(name: &str) -> Vec<Arrow> {
    Figure::named(name).unwrap().arrows().to_vec()
}

/// The figure's file with two parts of its first column swapped or left out.
fn edited(name: &str, edit: impl FnOnce(&mut Vec<Arrow>)) -> Vec<Arrow> {
    let mut arrows = arrows(name);
    edit(&mut arrows);
    arrows
}

#[test]
fn every_file_reads_and_equals_itself() {
    let lengths = [22, 18, 22, 18, 6, 6, 6, 12, 12, 12];
    assert_eq!(Figure::names().map(|name| arrows(name).len()).collect::<Vec<_>>(), lengths);
    for name in Figure::names() {
        assert_eq!(compare(&Figure::named(name).unwrap(), &arrows(name)), Ok(()), "{name}");
    }
}

#[test]
fn a_line_that_is_no_arrow_is_named() {
    for (text, line) in [
        ("a -> b  Name  WIRE\n\nx", 3),
        ("a => b  Name  WIRE", 1),
        ("a -> b  Name", 1),
        ("a -> b Name WIRE", 1),
        ("a ->   Name  WIRE", 1),
    ] {
        assert_eq!(Figure::parse(text), Err(FigureError { line }), "{text}");
    }
}

#[test]
fn figure_5_names_the_udr_by_what_it_asks() {
    let wires: Vec<String> = arrows("figure-5").iter().map(|arrow| arrow.wire.to_string()).collect();
    assert_eq!(wires, ["SMS text", "SMPP deliver_sm", "UDR", "UDA", "PUBLISH", "200 PUBLISH"]);
}

#[test]
fn a_msg_ack_and_the_first_notify_may_cross() {
    // Figure 2: arrows 8 to 12 are the MsgAck on its way back, 13 to 17 the NOTIFY.
    let figure = Figure::named("figure-2").unwrap();
    for crossing in 8..12 {
        let found = edited("figure-2", |arrows| arrows[crossing..17].rotate_left(12 - crossing));
        assert_eq!(compare(&figure, &found), Ok(()), "from arrow {crossing}");
    }
}

#[test]
fn nothing_is_notified_before_the_msg_ack_leaves_the_presence_server() {
    let figure = Figure::named("figure-2").unwrap();
    let found = edited("figure-2", |arrows| arrows[7..13].rotate_right(1));
    let early = Mismatch::NotifiedFirst { method: "SUBSCRIBE".into() };
    assert_eq!(compare(&figure, &found).unwrap_err().mismatch, early);

    let both = Figure::named("figure-3").unwrap().then(Figure::named("figure-6").unwrap());
    let mut found = both.arrows().to_vec();
    assert_eq!(compare(&both, &found), Ok(()));
    found[3..7].rotate_right(1);
    let early = Mismatch::NotifiedFirst { method: "PUBLISH".into() };
    assert_eq!(compare(&both, &found).unwrap_err().mismatch, early);
}

#[test]
fn an_earlier_notify_is_not_held_against_a_later_publish() {
    let two = || Figure::named("figure-1").unwrap().then(Figure::named("figure-3").unwrap());
    assert_eq!(compare(&two(), two().arrows()), Ok(()));
}

#[test]
fn missing_extra_and_reordered_arrows_are_differences() {
    let figure = Figure::named("figure-1").unwrap();
    type Edit = fn(&mut Vec<Arrow>);
    let cases: [(&str, Edit, &str, usize); 7] = [
        ("no Query", |list| drop(list.remove(3)), "SUBSCRIBE", 4),
        ("no Resp", |list| drop(list.remove(4)), "SUBSCRIBE", 5),
        ("two Queries", |list| list.insert(3, list[3].clone()), "SUBSCRIBE", 5),
        ("no last MsgAck", |list| drop(list.pop()), "NOTIFY", 10),
        ("a second NOTIFY", |list| list.push(list[12].clone()), "NOTIFY", 11),
        ("hops swapped", |list| list.swap(0, 1), "SUBSCRIBE", 1),
        ("a refusal", |list| list[7].wire = "403 SUBSCRIBE".into(), "SUBSCRIBE", 8),
    ];
    for (what, edit, method, number) in cases {
        let difference = compare(&figure, &edited("figure-1", edit)).unwrap_err();
        assert_eq!(difference.mismatch, Mismatch::Arrow { method: method.into(), number }, "{what}");
    }
    let other = compare(&Figure::named("figure-3").unwrap(), &arrows("figure-6")).unwrap_err();
    assert_eq!(other.mismatch, Mismatch::Arrow { method: "PUBLISH".into(), number: 1 });
    let unwanted = edited("figure-3", |list| list.extend(arrows("figure-6")));
    let other = compare(&Figure::named("figure-3").unwrap(), &unwanted).unwrap_err();
    assert_eq!(other.mismatch, Mismatch::Arrow { method: "NOTIFY".into(), number: 1 });
}

#[test]
fn a_difference_is_shown_side_by_side() {
    let found = edited("figure-3", |list| {
        list[3].wire = "412 PUBLISH".into();
        list.truncate(5);
    });
    let shown = compare(&Figure::named("figure-3").unwrap(), &found).unwrap_err().to_string();
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[0], "PUBLISH: arrow 4 differs");
    let same = "   1  ue1 -> pcscf1  PresUpdateMsg  PUBLISH";
    assert_eq!(lines[2], format!(" {:55}  ue1 -> pcscf1  PresUpdateMsg  PUBLISH", &same[1..]));
    assert!(lines[5].starts_with("*  4  ps1 -> scscf1  MsgAck  200 PUBLISH"), "{shown}");
    assert!(lines[5].ends_with("ps1 -> scscf1  MsgAck  412 PUBLISH"), "{shown}");
    assert!(lines[7].starts_with("*  6") && lines[7].ends_with("  -"), "{shown}");
}
