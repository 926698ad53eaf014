//! How many frames of HTTP/2 there are in what a peer sends: the work that it makes goes by them, not by its bytes.

/// The client's preface (RFC 9113, section 3.4), in bytes.
pub(in crate::check) const PREFACE: usize = 24;
/// A frame's header (section 4.1): three bytes of length, and six more.
pub(in crate::check) const HEADER: usize = 9;
const LENGTH: usize = 3;

/// Counts what comes from a client, from its first byte on.
#[derive(Debug)]
pub(in crate::check) struct Frames {
    /// Bytes up to the next header.
    rest: usize,
    /// Bytes of a header that have come, and what they say of the length.
    come: usize,
    length: usize,
}

impl Frames {
    pub(in crate::check) const fn new() -> Self {
        Self { rest: PREFACE, come: 0, length: 0 }
    }

    /// How many headers end in these bytes, which follow those before.
    pub(in crate::check) fn count(&mut self, mut bytes: &[u8]) -> usize {
        let mut count = 0;
        loop {
            let passed = self.rest.min(bytes.len());
            self.rest -= passed;
            bytes = bytes.get(passed..).unwrap_or_default();
            let Some((byte, rest)) = bytes.split_first() else { return count };
            bytes = rest;
            if self.come < LENGTH {
                self.length = self.length << 8 | usize::from(*byte);
            }
            self.come += 1;
            if self.come == HEADER {
                *self = Self { rest: self.length, come: 0, length: 0 };
                count += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_however_they_come() {
        let frame = |length: u8| {
            [&[0, 1, length, 0, 0, 0, 0, 0, 1][..], &vec![7; 256 + usize::from(length)]].concat()
        };
        let sent = [vec![b'P'; PREFACE], frame(0), frame(255), vec![0; HEADER], frame(3)].concat();
        for piece in [1, 2, 8, 9, 10, 100, sent.len()] {
            let mut frames = Frames::new();
            assert_eq!(sent.chunks(piece).map(|bytes| frames.count(bytes)).sum::<usize>(), 4, "{piece}");
            assert_eq!(frames.rest, 0, "{piece}");
        }
    }
}
