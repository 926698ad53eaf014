//! The outside world coming in: policies and keys, watched, compared, and published when they are good.
//!
//! Whatever arrives, the last good value stays until a better one is complete. A change that cannot be applied is
//! counted, logged with its place and reason, and shown in the status.

mod chance;
mod discovery;
mod document;
mod etcd;
mod feed;
mod fetch;
mod graph;
mod keys;
mod place;
mod policy;
mod principals;
mod remote;
mod store;
mod task;

pub use self::document::{Document, Files, Stamp};
pub use self::etcd::{EtcdError, EtcdSettings, EtcdSource, EtcdStore, EtcdTls};
pub use self::feed::{Feed, PolicyOrigin};
pub use self::fetch::{FetchConfig, FetchError};
pub use self::graph::{Export, Exported, Found, GraphError, Import, Imported, Problem, Progress, Wrong};
pub use self::keys::{KeyOrigin, KeySource, Keys, KeysConfig, Reached};
pub use self::place::{Loaded, PolicySource, Unreadable};
pub use self::policy::Watch;
pub use self::principals::{BadPrincipals, Principals};
pub use self::store::{
    Change, Concern, Counts, Difference, Edit, Embedded, Former, Key, Mark, Past, Plan, Records, Store,
    StoreError, compile_records, differences, records_as_of, records_of, write_bundle, write_bundle_to,
};
pub use self::task::Task;
