//! A connection's turn: how much of it is heard and answered before others have theirs. It goes by what there is to do, not
//! by a clock: on a slow machine a turn would be one check.

use crate::check::frames::Frames;

/// What is read, and what is said, in one turn, in bytes: about sixteen checks.
pub(in crate::check) const SHARE: usize = 32 * 1024;
/// Frames that are read in one turn, and what is read at once at least, in bytes: half a check, or as many calls that bring
/// nothing as there are frames in a turn.
const FRAMES: usize = 64;
const LEAST: usize = 1024;
/// A turn in which no more was read, and no more said, had next to nothing to do.
const LITTLE: usize = 4 * 1024;

/// What has been done in it.
#[derive(Debug)]
pub(in crate::check) struct Turn {
    frames: Frames,
    /// Bytes that are read at once, that the frames be no more than they may.
    at_once: usize,
    read: usize,
    begun: usize,
    said: usize,
    /// Whether what was read has to be looked at before there is more.
    has_enough: bool,
}

impl Turn {
    /// The first of a connection.
    pub(in crate::check) const fn first() -> Self {
        Self { frames: Frames::new(), at_once: LEAST, read: 0, begun: 0, said: 0, has_enough: false }
    }

    /// The next one.
    pub(in crate::check) fn begin(&mut self) {
        (self.read, self.begun, self.said) = (0, 0, 0);
    }

    /// Whether to read no more, in this turn and those that follow.
    pub(in crate::check) fn has_enough(&mut self, has_enough: bool) {
        self.has_enough = has_enough;
    }

    /// How many bytes to read now; None where others have their turn first.
    pub(in crate::check) fn at_once(&self) -> Option<usize> {
        let is_over = self.has_enough || self.read >= SHARE || self.begun >= FRAMES;
        (!is_over).then(|| self.at_once.min(SHARE - self.read))
    }

    /// What was read. Where there is more, as many frames again are expected to need as many bytes.
    pub(in crate::check) fn read(&mut self, bytes: &[u8], is_more: bool) {
        let begun = self.frames.count(bytes);
        self.read += bytes.len();
        self.begun += begun;
        if is_more {
            self.at_once = (bytes.len() * FRAMES / begun.max(1)).clamp(LEAST, SHARE);
        }
    }

    /// So many bytes were said.
    pub(in crate::check) fn said(&mut self, bytes: usize) {
        self.said += bytes;
    }

    /// Whether so much was said that others have their turn first.
    pub(in crate::check) fn is_told(&self) -> bool {
        self.said >= SHARE
    }

    /// Whether it was short, and might go on.
    pub(in crate::check) fn was_short(&self) -> bool {
        self.at_once().is_some() && self.read <= LITTLE && self.said <= LITTLE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that are read in one turn of a peer that has always more of this.
    fn heard(turn: &mut Turn, sent: &[u8]) -> usize {
        turn.begin();
        let mut bytes = sent.iter().copied().cycle();
        while let Some(at_once) = turn.at_once() {
            let read: Vec<_> = bytes.by_ref().take(at_once).collect();
            turn.read(&read, true);
        }
        turn.read
    }

    fn begun() -> Turn {
        let mut turn = Turn::first();
        turn.read(&[b'P'; 24], false);
        turn
    }

    /// A frame, as long as two turns.
    fn long() -> Vec<u8> {
        [&[1, 0, 0, 0, 0, 0, 0, 0, 1][..], &vec![7; 0x1_0000]].concat()
    }

    #[test]
    fn a_turn_has_so_many_bytes_or_frames() {
        assert_eq!(heard(&mut begun(), &long()), SHARE);
        let mut turn = begun();
        // In the least that is read at once there are nearly twice as many.
        assert_eq!(heard(&mut turn, &[0; 9]), LEAST);
        assert_eq!(turn.begun, LEAST / 9);
        turn.begin();
        assert_eq!(turn.at_once(), Some(LEAST));
    }

    #[test]
    fn what_comes_by_itself_does_not_change_what_is_read_at_once() {
        let mut turn = begun();
        heard(&mut turn, &long());
        turn.begin();
        turn.read(&[], false);
        turn.read(&[0; 9], false);
        turn.begin();
        assert_eq!(turn.at_once(), Some(SHARE));
    }

    #[test]
    fn whoever_has_enough_reads_no_more_in_whatever_turn() {
        let mut turn = begun();
        turn.has_enough(true);
        turn.begin();
        assert_eq!(turn.at_once(), None);
        assert!(!turn.was_short());
        turn.has_enough(false);
        assert_eq!(turn.at_once(), Some(LEAST));
        assert!(turn.was_short());
    }

    #[test]
    fn a_turn_in_which_much_was_said_was_not_short_and_ends() {
        let mut turn = begun();
        turn.said(LITTLE + 1);
        assert!(!turn.was_short() && !turn.is_told());
        turn.said(SHARE);
        assert!(turn.is_told());
        turn.begin();
        assert!(turn.was_short() && !turn.is_told());
    }
}
