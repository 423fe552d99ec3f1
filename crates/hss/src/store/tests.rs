use super::*;
use clock::Now;
use cx_protocol::{Impi, Impu, Request, RtrReason, Sar, SarType};
use hss::Hss;

/// What the lab's file holds, so that every kind of record is there.
fn seeded() -> Vec<StoreChange> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/subscribers-home1.toml");
    let file = ims_runtime::config::ConfigFile::<crate::seed::Subscribers>::new(path);
    file.load().unwrap().build().unwrap()
}

fn sar(name: &str, kind: SarType) -> Request {
    Request::Sar(Sar {
        impi: Impi::new(name).ok(),
        impu: Impu::new(&format!("sip:{name}@home1.test")).unwrap(),
        server_name: ScscfName::new("sip:scscf1a.home1.test").unwrap(),
        kind,
    })
}

fn filled(changes: &[StoreChange]) -> Hss {
    let mut hss = Hss::new();
    for change in changes {
        hss.apply(Now::ZERO, change.clone()).unwrap();
    }
    hss
}

#[test]
fn what_was_acknowledged_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hss.sqlite");
    let mut store = Store::open(&path).unwrap();
    assert_eq!(store.load().unwrap(), []);
    store.commit(&seeded()).unwrap();
    let mut hss = filled(&store.load().unwrap());
    for (name, kind) in [
        ("alice", SarType::Registration),
        ("carol", SarType::UnregisteredUser),
        ("erin", SarType::Registration),
        ("erin", SarType::UserDeregistration),
    ] {
        let now = Now { wall: Wall::from_unix_millis(1_700_000_000_123), ..Now::ZERO };
        let (answer, changes) = hss.answer(now, "scscf1a.home1.test", &sar(name, kind));
        assert!(answer.result().is_success());
        store.commit(&changes).unwrap();
    }
    drop(store);

    let again = filled(&Store::open(&path).unwrap().load().unwrap());
    for name in ["alice", "carol", "erin"] {
        assert_eq!(again.explain(name), hss.explain(name));
    }
    let list = "alice sip:scscf1a.home1.test registered\n\
                carol sip:scscf1a.home1.test unregistered\n\
                erin - not-registered\n\
                frank - not-registered\n\
                grace - not-registered\n\
                heidi - not-registered\n";
    assert_eq!(again.list().to_string(), list);
}

#[test]
fn records_come_back_as_they_were_written() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(&directory.path().join("hss.sqlite")).unwrap();
    let mut written = seeded();
    written.push(StoreChange::Registration(
        "alice".into(),
        Registration {
            scscf: ScscfName::new("sip:scscf1a.home1.test").ok(),
            next_scscf: ScscfName::new("sip:scscf1b.home1.test:5062").ok(),
            sets: vec![
                RegistrationState::Registered,
                RegistrationState::AuthenticationPending,
                RegistrationState::Unregistered,
                RegistrationState::NotRegistered,
            ],
            changed: Wall::from_unix_millis(1_700_000_000_000),
            untold: vec![(ScscfName::new("sip:scscf1c.home1.test").unwrap(), RtrReason::ServerChange)],
            unconfirmed: vec![0, 2],
        },
    ));
    store.commit(&written).unwrap();
    assert_eq!(store.load().unwrap(), written);
    store.commit(&written).unwrap();
    assert_eq!(store.load().unwrap(), written, "writing again changes nothing");
}

#[test]
fn a_batch_is_kept_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(&directory.path().join("hss.sqlite")).unwrap();
    let mut batch = seeded();
    // No such account: refused by the foreign key.
    batch.push(StoreChange::Registration("nobody".into(), Registration::default()));
    assert!(matches!(store.commit(&batch), Err(StoreError::Sqlite(_))));
    assert_eq!(store.load().unwrap(), []);
}

#[test]
fn the_disk_is_asked_to_keep_what_was_committed() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("hss.sqlite")).unwrap();
    let pragma = |name| store.sqlite.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(pragma("synchronous"), 2, "FULL");
    let mode: String = store.sqlite.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[test]
fn a_store_of_an_earlier_version_is_taken_over() {
    let version_2 = "ALTER TABLE registration DROP COLUMN unconfirmed; PRAGMA user_version = 2;";
    let version_1 = "ALTER TABLE registration DROP COLUMN untold; PRAGMA user_version = 1;";
    for back in [version_2.to_owned(), version_2.to_owned() + version_1] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hss.sqlite");
        let mut store = Store::open(&path).unwrap();
        let mut written = seeded();
        written.push(StoreChange::Registration("alice".into(), Registration::default()));
        store.commit(&written).unwrap();
        store.sqlite.execute_batch(&back).unwrap();
        drop(store);
        for _ in 0..2 {
            assert_eq!(Store::open(&path).unwrap().load().unwrap(), written);
        }
    }
}

#[test]
fn a_store_of_another_version_or_a_file_that_is_none_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hss.sqlite");
    Store::open(&path).unwrap().sqlite.pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::Damaged(_))));
    let other = directory.path().join("other");
    std::fs::write(&other, "not a database, but long enough to be taken for the header of one").unwrap();
    assert!(matches!(Store::open(&other), Err(StoreError::Sqlite(_))));
}

#[test]
fn the_store_is_for_this_user_only() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(&directory.path().join("hss.sqlite")).unwrap();
    store.commit(&seeded()).unwrap();
    let files: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap()).collect();
    assert!(files.len() > 1, "the file, and what is written ahead");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}
