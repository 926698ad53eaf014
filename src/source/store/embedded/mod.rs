//! One file on one machine: SQLite.
//!
//! The service reads the file while an operator's command writes it, each a process of its own, perhaps of different
//! versions. SQLite is made for that, and its file format and locks are kept since 2004 and for decades to come
//! (sqlite.org, "Database File Format"); operators have `sqlite3` to look inside and to back it up. redb, the other
//! candidate, is smaller and all Rust, but shares a file between processes only since 4.3 and by a protocol of locks with
//! generations, of which every process must have the same: a command of a later version could find the file locked by
//! a service of this one (docs.rs, `redb::ConcurrencyMode`). SQLite is public domain; `rusqlite` (MIT) builds it
//! in, which makes a small release binary 2.0 MB larger, and redb 0.9.
//!
//! **One file.** The rollback journal exists while a change is written and is deleted by its commit; write-ahead
//! logging would leave two more files, and ask a reader for the right to write them. **Durable.** `synchronous=EXTRA`
//! syncs journal, file and, after the journal is gone, the directory: without the last a power loss could bring the
//! journal back, and with it the former state of a change that was acknowledged. **A killed writer** leaves a journal
//! that undoes what it began; whoever opens the file next and may write it applies that. **Nobody waits for long.** A
//! change is kept in memory until it is complete, so that readers wait for the commit alone, and a writer waits for
//! no more than the readers that were there before it.
//!
//! | table | |
//! |---|---|
//! | `records (tenant, partner, value)` | ids as 16 bytes; a tenant's settings have the empty `partner` |
//! | `changes (revision, at, what, …)` | one row a change; the last one's revision is the store's |
//! | `former (revision, tenant, partner, value)` | what a change replaced; null where there was nothing |
//!
//! **Checked.** SQLite notices a page that makes no sense, not a letter that became another. So each change has the sum
//! of the digests of all records as it left them, and whoever reads all of them compares.

mod reading;
mod schema;
mod sum;
mod writing;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};

use self::sum::Sum;
use super::{Change, Former, Key, Past, Records, Store, StoreError};

/// So many changes can be undone; what older ones replaced is forgotten.
const KEPT: u64 = 1000;

/// A database file, opened for each thing that is done with it.
#[derive(Debug, Clone)]
pub struct Embedded {
    path: PathBuf,
    kept: u64,
}

/// Tells one state of a store from any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Grows by one with each change.
    pub revision: u64,
    /// Of a file that was put in the place of another, too.
    sum: Sum,
}

/// What changed since an earlier state.
#[derive(Debug)]
pub(in crate::source) struct Since {
    /// The present state.
    pub(in crate::source) mark: Mark,
    /// The records that changed, as they are now; absent ones are None.
    pub(in crate::source) records: BTreeMap<Key, Option<Box<str>>>,
}

impl Embedded {
    /// The file at `path`, which need not be there yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, kept: KEPT }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its present state, without reading what it holds.
    ///
    /// # Errors
    /// Where that cannot be told.
    pub fn mark(&self) -> Result<Mark, StoreError> {
        reading::mark(self)
    }

    /// The same as [`Store::read`], with what tells the state from any other.
    ///
    /// # Errors
    /// The same.
    pub fn read_marked(&self, records: &mut dyn Records) -> Result<Mark, StoreError> {
        reading::read(self, records)
    }

    /// What changed since `base`, checked like everything that is read. Nothing where the file does not tell that any
    /// more, is not the same one, or where it is more than `most` records.
    ///
    /// # Errors
    /// Where the file cannot be read, or does not hold what was written.
    pub(in crate::source) fn since(&self, base: &Mark, most: usize) -> Result<Option<Since>, StoreError> {
        reading::since(self, base, most)
    }

    fn shown(&self) -> String {
        format!("`{}`", self.path.display())
    }

    fn damaged(&self, why: impl Into<String>) -> StoreError {
        StoreError::Damaged { place: self.shown(), why: why.into() }
    }

    /// What SQLite says, of this file.
    fn failed(&self, error: &rusqlite::Error) -> StoreError {
        let place = self.shown();
        let unreachable = |why: &str| StoreError::Unreachable { place: self.shown(), why: why.to_owned() };
        let Some(code) = error.sqlite_error_code() else {
            // A value of another type than was ever written.
            return self.damaged(error.to_string());
        };
        if code == ErrorCode::NotADatabase {
            return StoreError::Foreign { place, why: "it is no database".to_owned() };
        }
        if code == ErrorCode::DatabaseCorrupt {
            return self.damaged(error.to_string());
        }
        if code == ErrorCode::DatabaseBusy || code == ErrorCode::DatabaseLocked {
            return unreachable("another process has held it for too long");
        }
        unreachable(&error.to_string())
    }

    /// Within something that is done with a connection.
    fn done<T>(&self, result: rusqlite::Result<T>) -> Result<T, StoreError> {
        result.map_err(|error| self.failed(&error))
    }
}

impl Store for Embedded {
    fn place(&self) -> String {
        self.shown()
    }

    fn read(&mut self, records: &mut dyn Records) -> Result<u64, StoreError> {
        Ok(reading::read(self, records)?.revision)
    }

    fn apply(&mut self, change: &Change, on: u64, progress: &mut dyn FnMut(u64)) -> Result<u64, StoreError> {
        writing::apply(self, change, on, progress)
    }

    fn history(&mut self) -> Result<Vec<Past>, StoreError> {
        reading::history(self)
    }

    fn former(&mut self, revision: u64) -> Result<Former, StoreError> {
        reading::former(self, revision)
    }
}

/// The latest change, where there was one.
fn latest(store: &Embedded, connection: &Connection) -> Result<Option<Mark>, StoreError> {
    let found =
        connection.query_row("SELECT revision, sum FROM changes ORDER BY revision DESC LIMIT 1", (), |row| {
            Ok(Mark { revision: row.get(0)?, sum: row.get(1)? })
        });
    match found {
        Ok(mark) => Ok(Some(mark)),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
        Err(error) => Err(store.failed(&error)),
    }
}

/// Ids are sorted like numbers that way, and a tenant's settings come first.
fn columns(key: Key) -> ([u8; 16], Vec<u8>) {
    let partner = key.partner.map(|partner| partner.as_u128().to_be_bytes().to_vec());
    (key.tenant.as_u128().to_be_bytes(), partner.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::id::TenantId;
    use crate::source::store::{All, Edit};

    const L: TenantId = TenantId::from_u128(1);

    fn store() -> (TempDir, Embedded) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("policy.db");
        (directory, Embedded::new(path))
    }

    fn all(store: &mut Embedded) -> Result<BTreeMap<Key, Box<str>>, StoreError> {
        let mut all = All::default();
        store.read(&mut all).map(|_| all.0)
    }

    /// From what is there to this.
    fn put(store: &mut Embedded, on: u64, wanted: &[(Key, &str)]) -> Result<u64, StoreError> {
        let before = all(store).unwrap_or_default();
        let wanted: BTreeMap<_, _> = wanted.iter().copied().collect();
        let mut edits = BTreeMap::new();
        for key in before.keys().chain(wanted.keys()) {
            let (before, after) = (before.get(key), wanted.get(key));
            if before.map(|text| &**text) != after.copied() {
                let edit = Edit { before: before.cloned(), after: after.map(|text| (*text).into()) };
                edits.insert(*key, edit);
            }
        }
        store.apply(&Change { what: "test".to_owned(), edits }, on, &mut |_| {})
    }

    fn partner(id: u128) -> Key {
        Key::partner(L, TenantId::from_u128(id))
    }

    #[test]
    fn what_is_written_is_read_and_what_was_is_told() {
        let (_directory, mut store) = store();
        assert!(matches!(all(&mut store), Err(StoreError::Empty(_))));
        let one = [(Key::settings(L), "{}"), (partner(7), r#"{"a":1.0}"#), (partner(8), "{}")];
        assert_eq!(put(&mut store, 0, &one).unwrap(), 1);
        let two = [(Key::settings(L), r#"{"b":"é"}"#), (partner(7), "{}"), (partner(9), "{}")];
        assert_eq!(put(&mut store, 1, &two).unwrap(), 2);
        assert_eq!(put(&mut store, 2, &two[..1]).unwrap(), 3);
        assert_eq!(all(&mut store).unwrap().len(), 1);

        let former = store.former(1).unwrap();
        assert_eq!(former.present, 3);
        let told: Vec<_> = former.records.iter().map(|(key, text)| (*key, text.as_deref())).collect();
        let expected = [
            (Key::settings(L), Some("{}")),
            (partner(7), Some(r#"{"a":1.0}"#)),
            (partner(8), Some("{}")),
            (partner(9), None),
        ];
        assert_eq!(told, expected);
        assert!(matches!(store.former(0), Err(StoreError::NotKept(0))));
        assert!(matches!(store.former(4), Err(StoreError::NotKept(4))));
        let history = store.history().unwrap();
        assert_eq!(history.iter().map(|past| past.revision).collect::<Vec<_>>(), [3, 2, 1]);
        let counts = history[1].partners;
        assert_eq!((counts.added, counts.changed, counts.removed), (1, 1, 1));
    }

    #[test]
    fn what_changed_since_a_state_is_told_as_it_is_now() {
        let (_directory, mut store) = store();
        let settings = (Key::settings(L), "{}");
        put(&mut store, 0, &[settings, (partner(7), "7"), (partner(8), "8")]).unwrap();
        let base = store.mark().unwrap();
        assert!(store.since(&base, 9).unwrap().is_none(), "nothing changed");
        put(&mut store, 1, &[settings, (partner(7), "70"), (partner(8), "8"), (partner(9), "9")]).unwrap();
        put(&mut store, 2, &[settings, (partner(7), "700"), (partner(9), "9")]).unwrap();
        let Since { mark, records } = store.since(&base, 3).unwrap().unwrap();
        assert_eq!(mark, store.mark().unwrap());
        let told: Vec<_> = records.iter().map(|(key, now)| (*key, now.as_deref())).collect();
        assert_eq!(told, [(partner(7), Some("700")), (partner(8), None), (partner(9), Some("9"))]);
        assert!(store.since(&base, 2).unwrap().is_none(), "too many");
        let (_directory, mut other) = self::store();
        put(&mut other, 0, &[settings]).unwrap();
        put(&mut other, 1, &[settings, (partner(7), "7")]).unwrap();
        assert!(other.since(&base, 9).unwrap().is_none(), "another file");
        let connection = Connection::open(&store.path).unwrap();
        connection.execute("UPDATE records SET value = '701' WHERE value = '700'", ()).unwrap();
        assert!(matches!(store.since(&base, 9), Err(StoreError::Damaged { .. })));
    }

    #[test]
    fn a_change_is_made_on_the_revision_it_was_planned_on_or_not_at_all() {
        let (_directory, mut store) = store();
        put(&mut store, 0, &[(Key::settings(L), "{}")]).unwrap();
        for on in [0, 2] {
            let refused = put(&mut store, on, &[(Key::settings(L), "[]")]);
            assert!(
                matches!(refused, Err(StoreError::Conflict { expected, present: 1 }) if expected == on),
                "{refused:?}"
            );
        }
        assert_eq!(&*all(&mut store).unwrap()[&Key::settings(L)], "{}");
    }

    #[test]
    fn what_is_too_long_ago_is_forgotten_and_nothing_else() {
        let (_directory, mut store) = store();
        store.kept = 3;
        let texts = ["0", "1", "2", "3", "4", "5", "6"];
        for (on, text) in (0..).zip(texts) {
            put(&mut store, on, &[(Key::settings(L), text)]).unwrap();
        }
        let kept: Vec<_> = store.history().unwrap().iter().map(|past| past.kept).collect();
        assert_eq!(kept, [true, true, true, true, false, false, false]);
        for revision in 4..=6_u64 {
            let former = store.former(revision).unwrap().records;
            let text = texts[usize::try_from(revision).unwrap() - 1];
            assert_eq!(former[&Key::settings(L)].as_deref(), Some(text), "revision {revision}");
        }
        assert!(matches!(store.former(3), Err(StoreError::NotKept(3))));
    }

    #[test]
    fn a_change_that_nobody_made_is_noticed() {
        let tampered = [
            "UPDATE records SET value = '{ }' WHERE partner = x''",
            "DELETE FROM records WHERE partner <> x''",
            "UPDATE records SET partner = zeroblob(16) WHERE partner <> x''",
            "DELETE FROM records WHERE partner = x''",
            "UPDATE changes SET sum = zeroblob(16)",
            "UPDATE changes SET sum = x''",
        ];
        for sql in tampered {
            let (_directory, mut store) = store();
            put(&mut store, 0, &[(Key::settings(L), "{}"), (partner(7), "{}")]).unwrap();
            assert!(all(&mut store).is_ok());
            Connection::open(&store.path).unwrap().execute_batch(sql).unwrap();
            assert!(matches!(all(&mut store), Err(StoreError::Damaged { .. })), "{sql}");
        }
    }

    #[test]
    fn what_is_no_store_says_what_it_is() {
        let (_directory, mut store) = store();
        std::fs::write(&store.path, "{\"tenants\": []}".repeat(100)).unwrap();
        let error = all(&mut store).unwrap_err().to_string();
        assert!(error.contains("it is no database"), "{error}");
        assert!(matches!(put(&mut store, 0, &[]), Err(StoreError::Foreign { .. })));
        std::fs::remove_file(&store.path).unwrap();
        Connection::open(&store.path).unwrap().execute_batch("CREATE TABLE x (y)").unwrap();
        assert!(all(&mut store).unwrap_err().to_string().contains("another program"));
        assert!(matches!(put(&mut store, 0, &[]), Err(StoreError::Foreign { .. })));
        std::fs::write(&store.path, "").unwrap();
        assert!(matches!(all(&mut store), Err(StoreError::Empty(_))));
        put(&mut store, 0, &[(Key::settings(L), "{}")]).unwrap();
        Connection::open(&store.path).unwrap().pragma_update(None, "user_version", 2).unwrap();
        assert!(all(&mut store).unwrap_err().to_string().contains("version 2"));
    }
}
