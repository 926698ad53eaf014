//! Writers that are killed: every change that was acknowledged is there, none is there by half, and the file opens.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{apply, bundle, command, get, partner, policy, world};

/// What of the run is killed; `STORE_KILLS=1000` is the whole of it.
const KILLS: usize = 50;
/// So many records a change, that it takes a while.
const PARTNERS: usize = 2_000;

#[test]
#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "how long to run, and what was hit")]
fn a_killed_writer_leaves_all_that_was_acknowledged_and_nothing_by_half() {
    let kills = std::env::var("STORE_KILLS").map_or(KILLS, |count| count.parse().unwrap());
    let world = world(&json!({}));
    let version = |number: usize| {
        let partners: Vec<_> = (0..PARTNERS).map(|partner_number| partner(partner_number, number)).collect();
        bundle("blocked", &partners)
    };
    let begun = Instant::now();
    assert_eq!(apply(&world, &version(0), &[]).code, 0);
    let usual = begun.elapsed();
    let random = RandomState::new();
    let (mut acknowledged, mut interrupted, mut undone) = (0, 0, 0);
    for number in 1..=kills {
        world.write("next.json", &version(number).to_string());
        let mut writer = command(&world, &["apply", "next.json"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let micros = random.hash_one(number) % u64::try_from(usual.as_micros() * 3 / 2).unwrap();
        std::thread::sleep(Duration::from_micros(micros));
        let done = writer.try_wait().unwrap().is_some_and(|status| status.success());
        writer.kill().unwrap();
        writer.wait().unwrap();
        undone += usize::from(world.path("policy.db-journal").exists());
        // What is there is what was, or what was to be; and what was acknowledged is.
        let (found, _) = get(&world);
        if done || found == version(number) {
            assert!(found == version(number), "change {number} was acknowledged and is not there");
            acknowledged = number;
        } else {
            assert!(found == version(acknowledged), "change {number} is there by half");
            interrupted += 1;
        }
    }
    let history = policy(&world, &["history"]);
    assert_eq!(history.out.lines().count(), 1 + kills - interrupted);
    println!("{kills} kills: {interrupted} before the commit, {undone} with a journal to be undone");
    assert!(interrupted > 0 && interrupted < kills, "{interrupted} of {kills} kills came before the end");
}

/// Who only reads cannot undo, and says so; the next who may write does.
#[test]
fn what_a_killed_writer_began_is_undone_by_whoever_comes_next() {
    let world = world(&json!({}));
    let partners: Vec<_> = (0..PARTNERS).map(|number| partner(number, 0)).collect();
    assert_eq!(apply(&world, &bundle("blocked", &partners), &[]).code, 0);
    let before = get(&world).0;
    // A transaction that got as far as the file, as a kill within the commit leaves it.
    let journal = rusqlite_killed(&world.path("policy.db"));
    assert!(journal.exists());
    assert_eq!(get(&world), (before, "revision 1".to_owned()));
    assert!(!journal.exists());
}

/// Changes records in a process of its own, which spills them into the file and is killed then.
fn rusqlite_killed(path: &std::path::Path) -> std::path::PathBuf {
    let copy = path.with_extension("copy");
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch("PRAGMA cache_size = 1; BEGIN; UPDATE records SET value = '{}'").unwrap();
    connection.cache_flush().unwrap();
    // The file and its journal as they are in the middle of it.
    std::fs::copy(path, &copy).unwrap();
    let journal = path.with_file_name("policy.db-journal");
    let kept = path.with_extension("kept");
    std::fs::copy(&journal, &kept).unwrap();
    drop(connection);
    std::fs::rename(copy, path).unwrap();
    std::fs::rename(kept, &journal).unwrap();
    journal
}
