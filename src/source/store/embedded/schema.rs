//! Opening the file, and what it must be.

use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::{Embedded, StoreError};

/// `TGST`, as file(1) shows it (sqlite.org, "PRAGMA Statements").
const APPLICATION: i32 = 0x5447_5354;
/// Of the tables below.
const VERSION: i32 = 1;

const TABLES: &str = "
CREATE TABLE records (
  tenant BLOB NOT NULL, partner BLOB NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (tenant, partner)
) STRICT, WITHOUT ROWID;
CREATE TABLE changes (
  revision INTEGER PRIMARY KEY, at INTEGER NOT NULL, what TEXT NOT NULL,
  tenants TEXT NOT NULL, partners TEXT NOT NULL, kept INTEGER NOT NULL, sum BLOB NOT NULL
) STRICT;
CREATE TABLE former (
  revision INTEGER NOT NULL, tenant BLOB NOT NULL, partner BLOB NOT NULL, value TEXT,
  PRIMARY KEY (revision, tenant, partner)
) STRICT, WITHOUT ROWID;
";

/// How long a reader waits for a commit.
const READER_WAITS: Duration = Duration::from_secs(5);
/// How long a writer waits for readers, and for another writer.
const WRITER_WAITS: Duration = Duration::from_mins(1);

/// For reading. The file is not opened for writing, which whoever watches the directory would take for a change; but
/// where a writer was killed, what it began must be undone before anybody can read.
pub(super) fn for_reading(store: &Embedded) -> Result<Connection, StoreError> {
    let opened = open(store, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    match checked(store, opened) {
        Err(Opening::Interrupted) => {}
        Err(Opening::Failed(error)) => return Err(error),
        Ok(connection) => return Ok(connection),
    }
    let repairing = open(store, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    checked(store, repairing).map_err(|problem| match problem {
        Opening::Failed(error) => error,
        Opening::Interrupted => StoreError::Unreachable {
            place: store.shown(),
            why: "a writer was killed; `tenantgate policy history`, run by who may write the file, undoes what it began"
                .to_owned(),
        },
    })
}

/// For writing, within a transaction that the caller begins; the file is made where there is none.
pub(super) fn for_writing(store: &Embedded) -> Result<Connection, StoreError> {
    let connection = open(store, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    store.done(connection.busy_timeout(WRITER_WAITS))?;
    // Without spilling, the file is locked against readers only while the commit copies what is complete.
    store.done(connection.execute_batch(
        "PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA; PRAGMA cache_spill = OFF;",
    ))?;
    Ok(connection)
}

/// Makes the tables in a file that is new.
pub(super) fn ensure(store: &Embedded, connection: &Connection) -> Result<(), StoreError> {
    if !is_ours(store, connection)? {
        store.done(connection.execute_batch(TABLES))?;
        store.done(connection.pragma_update(None, "application_id", APPLICATION))?;
        store.done(connection.pragma_update(None, "user_version", VERSION))?;
    }
    Ok(())
}

fn open(store: &Embedded, flags: OpenFlags) -> Result<Connection, StoreError> {
    if !flags.contains(OpenFlags::SQLITE_OPEN_CREATE) && !store.path.exists() {
        return Err(StoreError::Empty(store.shown()));
    }
    let connection =
        store.done(Connection::open_with_flags(&store.path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX))?;
    store.done(connection.busy_timeout(READER_WAITS))?;
    store.done(connection.execute_batch("PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;"))?;
    Ok(connection)
}

enum Opening {
    /// By a writer that is no more.
    Interrupted,
    Failed(StoreError),
}

fn checked(store: &Embedded, connection: Connection) -> Result<Connection, Opening> {
    // The first thing that is read of the file.
    if let Err(error) = connection.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))
        && needs_repair(&error)
    {
        return Err(Opening::Interrupted);
    }
    match is_ours(store, &connection) {
        Ok(true) => Ok(connection),
        Ok(false) => Err(Opening::Failed(StoreError::Empty(store.shown()))),
        Err(error) => Err(Opening::Failed(error)),
    }
}

/// Whether there is a journal to be applied, which who only reads cannot do.
fn needs_repair(error: &rusqlite::Error) -> bool {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    error.sqlite_error_code() == Some(ErrorCode::ReadOnly) && extended == Some(ffi::SQLITE_READONLY_ROLLBACK)
}

/// Whether it has our tables; false where it has nothing at all.
fn is_ours(store: &Embedded, connection: &Connection) -> Result<bool, StoreError> {
    let number = |pragma: &str| store.done(connection.pragma_query_value(None, pragma, |row| row.get(0)));
    let foreign = |why: String| StoreError::Foreign { place: store.shown(), why };
    let tables: i64 =
        store.done(connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0)))?;
    let (application, version): (i32, i32) = (number("application_id")?, number("user_version")?);
    match (application, version) {
        (APPLICATION, VERSION) => Ok(true),
        (APPLICATION, other) => {
            Err(foreign(format!("its schema has version {other}, and this build knows {VERSION}")))
        }
        (0, 0) if tables == 0 => Ok(false),
        (_, _) => Err(foreign("it is the database of another program".to_owned())),
    }
}
