//! The durable store: SQLite, written before an answer leaves, read at start only.

use clock::Wall;
use cx_protocol::{RegistrationState, ScscfName};
use hss::{Account, Registration, ScscfDirectory, StoreChange};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use std::error::Error;
use std::fmt;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

/// Version of the tables below, in `PRAGMA user_version`.
const SCHEMA_VERSION: i64 = 3;

/// How long another program may keep the store from being written; then writing has failed.
const BUSY: Duration = Duration::from_secs(1);
/// The same after a write has failed: requests that only read wait behind each write, and must not wait a second every time.
const STILL_BUSY: Duration = Duration::from_millis(50);

/// A value that CBOR does not take.
type Unwritable = minicbor::encode::Error<std::convert::Infallible>;

/// Accounts and the directory are CBOR; what changes all the time is in columns.
const SCHEMA: &str = "
    CREATE TABLE directory (only INTEGER PRIMARY KEY CHECK (only = 1), body BLOB NOT NULL) STRICT;
    CREATE TABLE account (name TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;
    CREATE TABLE registration (
        account TEXT PRIMARY KEY REFERENCES account (name),
        scscf TEXT,
        next_scscf TEXT,
        sets TEXT NOT NULL, -- one letter a set: N not registered, P authentication pending, R registered, U unregistered
        changed_ms INTEGER NOT NULL,
        untold BLOB, -- CBOR: S-CSCFs that have lost the user and have not confirmed it, and why; NULL is none
        unconfirmed BLOB -- CBOR: numbers of the sets whose pushed profile the S-CSCF has not confirmed; NULL is none
    ) STRICT;";

/// Makes the tables of version 1 those of version 2.
const FROM_VERSION_1: &str = "ALTER TABLE registration ADD COLUMN untold BLOB;";

/// Makes the tables of version 2 those of version 3.
const FROM_VERSION_2: &str = "ALTER TABLE registration ADD COLUMN unconfirmed BLOB;";

/// Why the store cannot be used. Nothing of what was to be written is acknowledged.
#[derive(Debug)]
pub(crate) enum StoreError {
    /// The file cannot be made.
    File(std::io::Error),
    /// SQLite fails: the disk is full, the file is damaged or is no store.
    Sqlite(rusqlite::Error),
    /// A record that another version wrote, or nobody should have written.
    Damaged(&'static str),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => write!(f, "the store cannot be made: {error}"),
            Self::Sqlite(error) => write!(f, "the store fails: {error}"),
            Self::Damaged(what) => write!(f, "the store is damaged: {what}"),
        }
    }
}

impl Error for StoreError {}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// An open store.
pub(crate) struct Store {
    sqlite: Connection,
    /// Whether the last write has failed.
    has_failed: bool,
}

impl Store {
    /// Whether there is a file.
    pub(crate) fn exists(path: &Path) -> bool {
        path.exists()
    }

    /// Opens the store, making it if it is not there; the directory is.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        // As the journals of the nodes: for this user only. SQLite gives its other files the mode of this one.
        let made = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
        made.map_err(StoreError::File)?;
        let mut sqlite = Connection::open(path)?;
        sqlite.busy_timeout(BUSY)?;
        sqlite.pragma_update(None, "journal_mode", "WAL")?;
        // Acknowledged means kept, also when the power fails.
        sqlite.pragma_update(None, "synchronous", "FULL")?;
        sqlite.pragma_update(None, "foreign_keys", true)?;
        let missing = match sqlite.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))? {
            SCHEMA_VERSION => return Ok(Self { sqlite, has_failed: false }),
            0 => vec![SCHEMA],
            1 => vec![FROM_VERSION_1, FROM_VERSION_2],
            2 => vec![FROM_VERSION_2],
            _ => return Err(StoreError::Damaged("written by another version")),
        };
        let transaction = sqlite.transaction()?;
        for statements in missing {
            transaction.execute_batch(statements)?;
        }
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        transaction.commit()?;
        Ok(Self { sqlite, has_failed: false })
    }

    /// Everything in it, accounts before their registrations; empty before it was first filled.
    pub(crate) fn load(&self) -> Result<Vec<StoreChange>, StoreError> {
        let body = "SELECT body FROM directory";
        let directory: Option<Vec<u8>> = self.sqlite.query_row(body, [], |row| row.get(0)).optional()?;
        let mut changes = Vec::new();
        if let Some(body) = directory {
            let directory: ScscfDirectory =
                minicbor::decode(&body).map_err(|_| StoreError::Damaged("the S-CSCFs"))?;
            changes.push(StoreChange::Directory(directory));
        }
        let mut accounts = self.sqlite.prepare("SELECT body FROM account ORDER BY name")?;
        for body in accounts.query_map([], |row| row.get::<_, Vec<u8>>(0))? {
            let account: Account = minicbor::decode(&body?).map_err(|_| StoreError::Damaged("an account"))?;
            changes.push(StoreChange::Account(Box::new(account)));
        }
        let mut registrations = self.sqlite.prepare(
            "SELECT account, scscf, next_scscf, sets, changed_ms, untold, unconfirmed FROM registration
             ORDER BY account",
        )?;
        let mut rows = registrations.query([])?;
        while let Some(row) = rows.next()? {
            changes.push(StoreChange::Registration(row.get::<_, String>(0)?.into(), registration(row)?));
        }
        Ok(changes)
    }

    /// What is kept of these accounts' registrations; nothing for an account that has never had one.
    pub(crate) fn registrations(&self, accounts: &[Box<str>]) -> Result<Vec<Registration>, StoreError> {
        let mut read = self.sqlite.prepare_cached(
            "SELECT account, scscf, next_scscf, sets, changed_ms, untold, unconfirmed FROM registration
             WHERE account = ?1",
        )?;
        let mut found = Vec::new();
        for account in accounts {
            let mut rows = read.query([account])?;
            found.push(rows.next()?.map(registration).transpose()?.unwrap_or_default());
        }
        Ok(found)
    }

    /// Writes all changes or none; when it returns, they are on the disk.
    pub(crate) fn commit(&mut self, changes: &[StoreChange]) -> Result<(), StoreError> {
        let written = self.write_all(changes);
        if written.is_err() != self.has_failed {
            self.has_failed = written.is_err();
            self.sqlite.busy_timeout(if self.has_failed { STILL_BUSY } else { BUSY })?;
        }
        written
    }

    fn write_all(&mut self, changes: &[StoreChange]) -> Result<(), StoreError> {
        let transaction = self.sqlite.transaction()?;
        for change in changes {
            write(&transaction, change)?;
        }
        transaction.commit()?;
        Ok(())
    }
}

fn write(transaction: &Transaction<'_>, change: &StoreChange) -> Result<(), StoreError> {
    let not_written = |_| StoreError::Damaged("a record that cannot be written");
    match change {
        StoreChange::Directory(directory) => {
            let body = minicbor::to_vec(directory).map_err(not_written)?;
            transaction
                .prepare_cached("INSERT OR REPLACE INTO directory (only, body) VALUES (1, ?1)")?
                .execute([body])?;
        }
        StoreChange::Account(account) => {
            let body = minicbor::to_vec(account).map_err(not_written)?;
            transaction
                .prepare_cached(
                    "INSERT INTO account (name, body) VALUES (?1, ?2)
                     ON CONFLICT (name) DO UPDATE SET body = excluded.body",
                )?
                .execute(params![account.name, body])?;
        }
        StoreChange::Removed(account) => {
            for statement in
                ["DELETE FROM registration WHERE account = ?1", "DELETE FROM account WHERE name = ?1"]
            {
                transaction.prepare_cached(statement)?.execute([account])?;
            }
        }
        StoreChange::Registration(account, registration) => {
            let changed_ms = i64::try_from(registration.changed.unix_millis()).unwrap_or(i64::MAX);
            let sets: String = registration.sets.iter().map(|state| letter(*state)).collect();
            let scscf = registration.scscf.as_ref().map(ScscfName::as_str);
            let next_scscf = registration.next_scscf.as_ref().map(ScscfName::as_str);
            let untold = blob(&registration.untold).map_err(not_written)?;
            let unconfirmed = blob(&registration.unconfirmed).map_err(not_written)?;
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO registration
                     (account, scscf, next_scscf, sets, changed_ms, untold, unconfirmed)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![account, scscf, next_scscf, sets, changed_ms, untold, unconfirmed])?;
        }
    }
    Ok(())
}

/// Of a row that begins with the account.
fn registration(row: &Row<'_>) -> Result<Registration, StoreError> {
    Ok(Registration {
        scscf: scscf_name(row.get(1)?)?,
        next_scscf: scscf_name(row.get(2)?)?,
        sets: states(&row.get::<_, String>(3)?)?,
        changed: Wall::from_unix_millis(row.get::<_, i64>(4)?.unsigned_abs()),
        untold: list(row.get(5)?, "the S-CSCFs that have lost a user")?,
        unconfirmed: list(row.get(6)?, "the sets that were pushed")?,
    })
}

fn scscf_name(text: Option<String>) -> Result<Option<ScscfName>, StoreError> {
    let Some(text) = text else { return Ok(None) };
    ScscfName::new(&text).map(Some).map_err(|_| StoreError::Damaged("an S-CSCF name"))
}

/// Nothing for an empty list.
fn blob<T: minicbor::Encode<()>>(list: &[T]) -> Result<Option<Vec<u8>>, Unwritable> {
    if list.is_empty() { Ok(None) } else { minicbor::to_vec(list).map(Some) }
}

fn list<T>(body: Option<Vec<u8>>, what: &'static str) -> Result<Vec<T>, StoreError>
where
    T: for<'b> minicbor::Decode<'b, ()>,
{
    let Some(body) = body else { return Ok(Vec::new()) };
    minicbor::decode(&body).map_err(|_| StoreError::Damaged(what))
}

fn states(letters: &str) -> Result<Vec<RegistrationState>, StoreError> {
    let all = [
        RegistrationState::NotRegistered,
        RegistrationState::AuthenticationPending,
        RegistrationState::Registered,
        RegistrationState::Unregistered,
    ];
    let state = |wanted: char| all.into_iter().find(|state| letter(*state) == wanted);
    let states: Option<Vec<_>> = letters.chars().map(state).collect();
    states.ok_or(StoreError::Damaged("the state of a set"))
}

const fn letter(state: RegistrationState) -> char {
    match state {
        RegistrationState::NotRegistered => 'N',
        RegistrationState::AuthenticationPending => 'P',
        RegistrationState::Registered => 'R',
        RegistrationState::Unregistered => 'U',
    }
}

#[cfg(test)]
mod tests;
