//! Partners on demand: records of a store, read when a decision asks for one and kept as long as they are good.
//!
//! A [`PartnerShelf`] is one hosted tenant's, in one generation of its partners. What is on it is kept in caches that
//! all shelves share: records and absences apart, so that whoever asks for tenants that nobody has heard of pushes out
//! no record, each with an admission by frequency (`TinyLFU`). A record that is not at hand is read once, however many
//! checks wait for it, by a bounded number of reads at once; no check waits longer than `partners.load_timeout`.
//!
//! An error is never taken for an absence. An entry whose time is over is read anew and, where that fails, still
//! served, as long as the [`Ledger`] says that it is what the store had at the revision that decisions name.
//!
//! No store is known here: a [`Loader`] reads.

mod behind;
mod caches;
mod flights;
mod ledger;
mod shelf;
mod sync;

pub use self::caches::{Directory, DirectoryConfig};
pub use self::ledger::{Begun, Held, Kept, Ledger};
pub use self::shelf::{AtHand, Change, Load, LoadError, Loaded, Loader, PartnerShelf, Record};
