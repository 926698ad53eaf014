//! `cargo fuzz run -s none bearer`
#![no_main]

#[path = "../../tokens/forge.rs"]
#[allow(dead_code)]
mod forge;
#[path = "../subjects.rs"]
#[allow(dead_code)]
mod subjects;

libfuzzer_sys::fuzz_target!(|data: &[u8]| subjects::bearer(data));
