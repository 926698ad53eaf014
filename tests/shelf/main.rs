//! The interleavings of a watch, of loads and of checks, on exactly the ledger that shelves are kept by
//! (`src/directory/ledger.rs`). `tests/twins` tries them on ledgers that lack one rule each.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

/// What `crate::…` is in the ledger's file.
mod id {
    pub(crate) use tenantgate::id::TenantId;
}

#[expect(unreachable_pub, reason = "it is public where it is")]
#[path = "../../src/directory/ledger.rs"]
mod ledger;
mod scenes;
mod sync;

#[test]
fn no_decision_uses_a_value_older_than_the_revision_it_names() {
    for (_, scene) in scenes::SCENES {
        scenes::everywhere(scene);
    }
}
