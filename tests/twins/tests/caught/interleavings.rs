//! A shelf's ledger, under a scheduler that tries who comes before whom (`tests/shelf`).

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::Rule;

include!(concat!(env!("OUT_DIR"), "/ledger.rs"));
#[path = "../../../shelf/scenes.rs"]
mod scenes;
#[path = "../../../shelf/sync.rs"]
mod sync;

pub(crate) const RULES: &[Rule] = &[Rule {
    name: "the interleavings of a shelf",
    holds: |_| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| ()));
        let all = || scenes::SCENES.into_iter().for_each(|(_, scene)| scenes::everywhere(scene));
        let held = catch_unwind(AssertUnwindSafe(all)).is_ok();
        std::panic::set_hook(loud);
        held
    },
}];
