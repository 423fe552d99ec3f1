//! Every property over its corpus, as it is and with seeded changes. `MUSTER_SEED` runs that seed; a failing one is printed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test helper may fail its test")]

use fuzz::{Mutator, Target};
use std::fs;

/// Changed inputs for each target: a few seconds together. `scripts/fuzz` goes on from here for as long as one likes.
const CHANGED: usize = 4000;

const SEED: u64 = 1;

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let folders = target.folders();
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Says what it was at when a property does not hold.
struct At<'a> {
    target: &'a str,
    seed: Option<u64>,
    input: Vec<u8>,
}

impl Drop for At<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}, seed {:?}, input: {}", self.target, self.seed, self.input.escape_ascii());
        }
    }
}

fn run(target: &Target, seed: Option<u64>, input: Vec<u8>) {
    let at = At { target: target.name, seed, input };
    (target.run)(&at.input);
}

fn mutations(name: &str) {
    let target = Target::ALL.iter().find(|target| target.name == name).unwrap();
    let seed = std::env::var("MUSTER_SEED").map_or(SEED, |text| text.parse().unwrap());
    let corpus = corpus(target);
    assert!(corpus.len() > 3, "{name} has seeds");
    for input in &corpus {
        run(target, None, input.clone());
    }
    let mut mutator = Mutator::new(seed);
    let mut pool = corpus;
    for _ in 0..CHANGED {
        let one = mutator.one_of(&pool).unwrap().clone();
        let other = mutator.one_of(&pool).unwrap().clone();
        let changed = mutator.changed(&one, &other);
        // Some go back, so that changes add up.
        let place = mutator.below(pool.len() * 8);
        run(target, Some(seed), changed.clone());
        if place < pool.len() {
            pool.push(changed);
        }
    }
}

#[test]
fn messages() {
    mutations("message");
}

#[test]
fn framing() {
    mutations("framer");
}

#[test]
fn uris() {
    mutations("uri");
}

#[test]
fn cx_frames() {
    mutations("cx");
}

#[test]
fn presence_documents() {
    mutations("pidf");
}

#[test]
fn rules() {
    mutations("rules");
}
