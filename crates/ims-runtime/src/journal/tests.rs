//! The journal on a disk that forgets, tears, lies, fills up and breaks.

pub(crate) mod forgetful;

use super::header::HEADER;
use super::log::{Log, NAME, SMALL, STEP};
use super::storage::{Directory, File};
use super::{Journal, JournalError, MAX_BACKLOG, Replay, record};
use forgetful::Forgetful;
use ims_node::{Record, Seq};
use std::time::Duration;

type Batch = Vec<(Seq, Record)>;

fn set(key: &str, value: &str) -> Record {
    Record { key: key.as_bytes().into(), value: Some(value.as_bytes().into()) }
}

fn removed(key: &str) -> Record {
    Record { key: key.as_bytes().into(), value: None }
}

/// What a replay gives, with its records read.
struct Found {
    live: Vec<Record>,
    last: Seq,
    torn: Option<u64>,
}

impl Found {
    fn of<F: File>(replay: Replay<F>) -> Self {
        let Replay { live, last, torn } = replay;
        Self { live: live.map(Result::unwrap).collect(), last, torn }
    }
}

fn open(disk: &Forgetful) -> Result<(Log<Forgetful>, Found), JournalError> {
    Log::open(disk.clone()).map(|(log, replay)| (log, Found::of(replay)))
}

/// Batches of three records each, of differing lengths.
fn batches(count: u64) -> Vec<Batch> {
    let record = |seq: u64| {
        let length = usize::try_from(seq * 7 % 40).unwrap();
        (Seq(seq), set(&format!("key{}", seq % 5), &"v".repeat(length)))
    };
    (0..count).map(|batch| (1..=3).map(|at| record(batch * 3 + at)).collect()).collect()
}

/// The live records after these changes, oldest first.
fn expected(changes: impl IntoIterator<Item = (Seq, Record)>) -> Vec<Record> {
    let mut live: Vec<Record> = Vec::new();
    for (_, record) in changes {
        live.retain(|before| before.key != record.key);
        live.extend(Some(record).filter(|record| record.value.is_some()));
    }
    live
}

/// Crashes after every batch, in each of the ways that the last write, unsynced, can arrive in part; gives how often
/// an acknowledged record was lost.
fn lost_in_crashes(prepare: fn(&Forgetful)) -> usize {
    let all = batches(4);
    let mut lost = 0;
    for acknowledged in 1..=all.len() {
        for arrived in (0..120).step_by(17) {
            let disk = Forgetful::default();
            let (mut log, _) = open(&disk).unwrap();
            prepare(&disk);
            for batch in &all[..acknowledged] {
                log.append(batch).unwrap();
            }
            let after = disk.crash(|length| length.min(arrived));
            let told: Vec<_> = all[..acknowledged].concat();
            match open(&after) {
                Ok((_, replay)) if replay.live == expected(told) => {}
                Ok(_) | Err(_) => lost += 1,
            }
        }
    }
    lost
}

#[test]
fn acknowledged_is_kept_in_every_crash() {
    assert_eq!(lost_in_crashes(|_| {}), 0);
}

#[test]
fn without_the_sync_the_same_crashes_lose_acknowledged_records() {
    assert!(lost_in_crashes(Forgetful::lie) > 0, "the disk would not notice a missing sync");
}

#[test]
fn a_batch_whose_sync_never_returned_may_come_back_in_part_but_nothing_else_is_hurt() {
    let all = batches(3);
    let disk = Forgetful::default();
    let (mut log, _) = open(&disk).unwrap();
    log.append(&all[0]).unwrap();
    log.append(&all[1]).unwrap();
    let before = usize::try_from(log.status().file).unwrap();
    disk.lie();
    log.append(&all[2]).unwrap();
    let end = usize::try_from(log.status().file).unwrap();
    for arrived in (0..=end - before).step_by(11) {
        let after = disk.crash(|_| arrived);
        let (mut log, replay) = open(&after).unwrap();
        let last = usize::try_from(replay.last.0).unwrap();
        assert!((6..=9).contains(&last));
        assert_eq!(replay.live, expected(all.concat()[..last].to_vec()), "{arrived} bytes arrived");
        // It goes on where it was, and what comes now is found behind a second crash.
        let next = Seq(replay.last.0 + 1);
        log.append(&[(next, set("next", "life"))]).unwrap();
        let (_, replay) = open(&after.crash(|_| 0)).unwrap();
        assert_eq!((replay.last, replay.torn), (next, None));
        assert_eq!(replay.live.last(), Some(&set("next", "life")));
    }
}

#[test]
fn the_pages_of_an_unsynced_batch_may_arrive_in_any_order() {
    let disk = Forgetful::default();
    let (mut log, _) = open(&disk).unwrap();
    log.append(&batches(1)[0]).unwrap();
    let first_lost = usize::try_from(log.status().file).unwrap();
    log.append(&batches(2)[1]).unwrap();
    disk.damage(NAME, first_lost + 10);
    let (_, replay) = open(&disk).unwrap();
    assert_eq!((replay.last, replay.torn), (Seq(3), Some(first_lost as u64)));
}

#[test]
fn what_was_durable_and_is_damaged_is_refused_with_its_place() {
    let disk = Forgetful::default();
    let (mut log, _) = open(&disk).unwrap();
    let mut starts = Vec::new();
    for batch in batches(3) {
        starts.push(log.status().file);
        log.append(&batch).unwrap();
    }
    // One place of the header is left.
    let copy = disk.crash(|_| 0);
    copy.damage(NAME, 3);
    assert_eq!(open(&copy).unwrap().1.last, Seq(9));
    for (damaged, said) in
        [(HEADER / 2 + 3, 0), (HEADER + 9, starts[0]), (usize::try_from(starts[1]).unwrap(), starts[1])]
    {
        let copy = disk.crash(|_| 0);
        if damaged < HEADER {
            copy.damage(NAME, 3);
        }
        copy.damage(NAME, damaged);
        let found = open(&copy).map(|_| ());
        assert!(
            matches!(found, Err(JournalError::Damaged { offset }) if offset == said),
            "{damaged}: {found:?}"
        );
    }
}

#[test]
fn a_file_that_was_cut_is_refused_wherever_it_was() {
    let disk = Forgetful::default();
    let (mut log, _) = open(&disk).unwrap();
    let mut ends = vec![log.status().file];
    for batch in batches(3) {
        log.append(&batch).unwrap();
        ends.push(log.status().file);
    }
    let whole = disk.bytes(NAME).len() as u64;
    // Where a record ends, within one, within the header, and within the space ahead.
    for length in ends.iter().copied().chain([ends[1] + 5, HEADER as u64 - 1, whole - 1]) {
        let copy = disk.crash(|_| 0);
        copy.open(NAME).unwrap().unwrap().truncate(length).unwrap();
        let found = open(&copy).map(|_| ());
        assert!(matches!(found, Err(JournalError::Damaged { .. })), "{length}: {found:?}");
    }
    assert_eq!(open(&disk.crash(|_| 0)).unwrap().1.last, Seq(9));
}

#[test]
fn a_file_that_lost_its_end_to_zeros_is_refused() {
    let disk = Forgetful::default();
    let (mut log, _) = open(&disk).unwrap();
    let mut seq = 0;
    // Until the file has grown twice, and says so in its header.
    for _ in 0..2 {
        let before = disk.bytes(NAME).len();
        while disk.bytes(NAME).len() == before {
            seq += 1;
            log.append(&[(Seq(seq), set(&format!("key{seq}"), &"v".repeat(100_000)))]).unwrap();
            log.reserve();
        }
    }
    let end = usize::try_from(log.status().file).unwrap();
    let copy = disk.crash(|_| 0);
    let mut file = copy.open(NAME).unwrap().unwrap();
    super::storage::write_zeros(&mut file, HEADER as u64, end - HEADER).unwrap();
    let found = open(&copy).map(|_| ());
    assert!(matches!(found, Err(JournalError::Damaged { offset }) if offset == HEADER as u64), "{found:?}");
}

/// As the first version wrote it: one place of 28 bytes, and nothing of the length.
#[test]
fn a_file_of_version_1_is_read_and_replaced() {
    let disk = Forgetful::default();
    let mut bytes = b"MUSTJRN1".to_vec();
    bytes.extend(0_u64.to_be_bytes());
    bytes.extend(28_u64.to_be_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    let all = batches(2).concat();
    for (seq, record) in &all {
        record::encode(&mut bytes, *seq, Seq(0), record).unwrap();
    }
    disk.create(NAME).unwrap().write_at(0, &bytes).unwrap();
    let (mut log, replay) = open(&disk).unwrap();
    assert_eq!((replay.last, replay.live), (Seq(6), expected(all.clone())));
    log.append(&[(Seq(7), set("next", "version"))]).unwrap();
    while log.compact().unwrap() {}
    assert_eq!(disk.bytes(NAME)[..8], *b"MUSTJRN2");
    let (_, replay) = open(&disk).unwrap();
    let next = [(Seq(7), set("next", "version"))];
    assert_eq!((replay.last, replay.live), (Seq(7), expected(all.into_iter().chain(next))));
}

#[test]
fn removed_keys_are_gone_and_numbers_rise_across_a_restart() {
    let disk = Forgetful::default();
    let (mut log, replay) = open(&disk).unwrap();
    assert_eq!((replay.last, replay.live.len()), (Seq(0), 0));
    log.append(&[(Seq(1), set("a", "1")), (Seq(2), set("b", "2")), (Seq(3), removed("a"))]).unwrap();
    let (_, replay) = open(&disk.crash(|_| 0)).unwrap();
    assert_eq!((replay.last, replay.live), (Seq(3), vec![set("b", "2")]));
}

/// Appends until the file is due for compaction; gives the last number.
fn bloat(log: &mut Log<Forgetful>) -> u64 {
    let value = "v".repeat(100_000);
    let mut seq = 0;
    while log.status().file <= SMALL {
        seq += 1;
        log.append(&[(Seq(seq), set(&format!("key{}", seq % 7), &value))]).unwrap();
        log.reserve();
    }
    seq
}

#[test]
fn a_bloated_file_is_replaced_while_records_come_and_no_crash_on_the_way_loses_one() {
    let disk = Forgetful::default();
    let (mut log, _) = open(&disk).unwrap();
    let mut seq = bloat(&mut log);
    let before = log.status();
    let mut steps = 0;
    while log.compact().unwrap() {
        steps += 1;
        seq += 1;
        let record = if steps == 1 { removed("key3") } else { set("during", &steps.to_string()) };
        log.append(&[(Seq(seq), record)]).unwrap();
        let (_, replay) = open(&disk.crash(|length| length / 2)).unwrap();
        assert_eq!(replay.last, Seq(seq), "crash after step {steps}");
    }
    assert!(steps > 1, "it takes several steps, or nothing could come in between");
    assert!(log.status().file < before.file / 4);
    assert_eq!(log.status().synced, Seq(seq));
    let (_, replay) = open(&disk.crash(|_| 0)).unwrap();
    assert_eq!(replay.last, Seq(seq));
    let keys: Vec<&[u8]> = replay.live.iter().map(|record| &*record.key).collect();
    assert_eq!(keys.len(), 7, "seven, less the removed one, and the one that came during");
    assert!(!keys.contains(&b"key3".as_slice()) && keys.contains(&b"during".as_slice()));
    // Later records go to the new file.
    log.append(&[(Seq(seq + 1), set("after", "it"))]).unwrap();
    let (_, replay) = open(&disk.crash(|_| 0)).unwrap();
    assert_eq!(replay.live.last(), Some(&set("after", "it")));
}

#[test]
fn a_compaction_without_room_leaves_the_old_file_in_use() {
    let disk = Forgetful::default();
    let (mut log, _) = open(&disk).unwrap();
    let seq = bloat(&mut log);
    disk.set_capacity(Some(disk.bytes(NAME).len() + 100_000));
    while log.compact().unwrap() {}
    log.append(&[(Seq(seq + 1), set("still", "here"))]).unwrap();
    let (_, replay) = open(&disk.crash(|_| 0)).unwrap();
    assert_eq!((replay.last, replay.live.len()), (Seq(seq + 1), 8));
    assert!(!log.compact().unwrap(), "not tried again at once");
}

#[test]
fn a_full_disk_is_known_before_the_room_ahead_is_used_up() {
    let disk = Forgetful::default();
    let (mut log, _) = open(&disk).unwrap();
    disk.set_capacity(Some(disk.bytes(NAME).len()));
    let value = "v".repeat(100_000);
    let mut seq = 0;
    while !log.status().full {
        seq += 1;
        log.append(&[(Seq(seq), set("key", &value))]).unwrap();
        log.reserve();
    }
    let left = (HEADER + STEP) as u64 - log.status().file;
    assert!(left > MAX_BACKLOG, "what was promised before still fits");
    log.append(&[(Seq(seq + 1), set("key", "promised before"))]).unwrap();
    disk.set_capacity(None);
    log.reserve();
    assert!(!log.status().full);
}

#[tokio::test]
async fn the_thread_syncs_what_has_gathered_and_says_so() {
    let disk = Forgetful::default();
    let mut journal = Journal::start(open(&disk).unwrap().0).unwrap();
    for (seq, record) in batches(5).concat() {
        journal.persist(seq, record);
    }
    assert!(!journal.is_settled());
    while !journal.is_settled() {
        assert_eq!(journal.changed().await.failed, None);
    }
    assert_eq!(journal.full_changed(), None);
    journal.persist(Seq(16), set("last", "words"));
    let status = journal.close(Duration::from_secs(20)).await;
    assert_eq!((status.synced, status.failed), (Seq(16), None));
    let (_, replay) = open(&disk.crash(|_| 0)).unwrap();
    assert_eq!(replay.last, Seq(16));
}

#[tokio::test]
async fn a_failed_sync_is_told_and_acknowledges_nothing() {
    let disk = Forgetful::default();
    let mut journal = Journal::start(open(&disk).unwrap().0).unwrap();
    disk.break_down();
    journal.persist(Seq(1), set("key", "value"));
    let status = journal.changed().await;
    assert_eq!((status.synced, status.failed), (Seq(0), Some(std::io::ErrorKind::Other)));
}

#[tokio::test]
async fn too_much_that_is_not_yet_synced_counts_as_full_until_half_of_it_is() {
    let disk = Forgetful::default();
    let mut journal = Journal::start(open(&disk).unwrap().0).unwrap();
    let big = set("key", &"v".repeat(300_000));
    let stopped = disk.stop();
    for seq in 1..=3 {
        journal.persist(Seq(seq), big.clone());
        assert_eq!(journal.full_changed(), None);
    }
    journal.persist(Seq(4), big);
    assert_eq!(journal.full_changed(), Some(true));
    drop(stopped);
    while journal.full_changed().is_none() {
        journal.changed().await;
    }
    assert!(journal.handed_bytes - journal.status().bytes <= MAX_BACKLOG / 2);
}

#[test]
fn a_record_takes_the_bytes_it_is_said_to_take() {
    for change in [set("key", "value"), set("", ""), removed("key")] {
        let mut bytes = Vec::new();
        record::encode(&mut bytes, Seq(9), Seq(4), &change).unwrap();
        assert_eq!(bytes.len() as u64, record::length(&change));
        let entry = record::decode(&bytes).unwrap();
        assert_eq!((entry.seq, entry.durable, entry.length), (Seq(9), Seq(4), bytes.len()));
        assert_eq!((entry.key, entry.value), (&*change.key, change.value.as_deref()));
        for cut in 0..bytes.len() {
            assert_eq!(record::decode(&bytes[..cut]), None, "cut at {cut}");
        }
    }
    let longest = Record { key: Box::default(), value: Some(vec![0; record::MAX_RECORD].into()) };
    assert_eq!(record::encode(&mut Vec::new(), Seq(1), Seq(0), &longest), None);
}

#[test]
fn one_state_directory_is_of_one_process() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let (first, _) = Journal::open(&state).unwrap();
    assert!(matches!(Journal::open(&state), Err(JournalError::InUse)));
    drop(first);
}
