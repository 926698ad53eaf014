//! What fuzzing found worth keeping, and random mutations of it.
//!
//! `FUZZ_MESSAGES=333334 cargo test --release --test it fuzz` is the long run: so many of each subject, of which three
//! ask on a real connection, which makes a million checks.

use std::fs;
use std::path::Path;

use crate::subjects::{SUBJECTS, Subject};

/// Of each subject.
fn messages() -> usize {
    std::env::var_os("FUZZ_MESSAGES").map_or(4_000, |count| count.into_string().unwrap().parse().unwrap())
}

fn corpus(subject: &Subject) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(subject.name);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn every_subject_has_a_corpus_and_holds_on_all_of_it() {
    for subject in &SUBJECTS {
        let corpus = corpus(subject);
        assert!(!corpus.is_empty(), "{} has no corpus", subject.name);
        for bytes in &corpus {
            (subject.run)(bytes);
        }
    }
}

#[test]
fn every_subject_holds_on_mutations_and_noise() {
    let mut random = Random(0x5eed);
    for subject in &SUBJECTS {
        let mut seeds = corpus(subject);
        // Most of what is tried is nearly good.
        seeds.extend(std::iter::repeat_n((subject.seed)(), seeds.len().max(1)));
        for _ in 0..messages() {
            (subject.run)(&random.mutated(&seeds));
        }
    }
}

/// `SplitMix64` (Steele, Lea, Flood 2014): the same bytes in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn mutated(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            self.mutate(&mut bytes, seeds);
        }
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.below(bytes.len() + 1);
        let until = (at + self.below(32)).min(bytes.len());
        match self.below(9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 if at < bytes.len() => bytes[at] = [0, 0x7f, 0x80, 0xff, b'"', b'{', b',', b'.'][self.below(8)],
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..until)),
            4 => {
                let piece = bytes[at..until].to_vec();
                let place = self.below(bytes.len() + 1);
                bytes.splice(place..place, piece);
            }
            5 => {
                let noise: Vec<_> = (0..self.below(16)).map(|_| self.byte()).collect();
                bytes.splice(at..at, noise);
            }
            6 => {
                let other = &seeds[self.below(seeds.len())];
                let from = self.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            7 => *bytes = (0..self.below(300)).map(|_| self.byte()).collect(),
            _ => bytes.insert(at, self.byte()),
        }
    }
}
