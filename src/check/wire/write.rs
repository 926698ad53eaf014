//! Writing: fields one after the other, each length before its content.

/// Wire types.
const VARINT: u8 = 0;
const DELIMITED: u8 = 2;

/// A message in the making. Field numbers are below 16, so that a tag is one byte.
#[derive(Debug)]
pub(in crate::check) struct Writer(Vec<u8>);

impl Writer {
    /// Writes behind what is in `buffer`.
    pub(in crate::check) fn after(buffer: Vec<u8>) -> Self {
        Self(buffer)
    }

    /// What was there, and what was written.
    pub(in crate::check) fn into_buffer(self) -> Vec<u8> {
        self.0
    }

    /// An integer or an enum.
    pub(in crate::check) fn integer(&mut self, field: u8, value: u64) {
        self.0.push(field << 3 | VARINT);
        self.varint(value);
    }

    /// A string, which these parts are together.
    pub(in crate::check) fn text(&mut self, field: u8, parts: &[&str]) {
        self.begin(field, parts.iter().map(|part| part.len()).sum());
        for part in parts {
            self.0.extend_from_slice(part.as_bytes());
        }
    }

    /// A message of a length that is known; its content is what is written next.
    pub(in crate::check) fn begin(&mut self, field: u8, length: usize) {
        self.0.push(field << 3 | DELIMITED);
        self.varint(widened(length));
    }

    /// A message of a length that only its content tells.
    pub(in crate::check) fn message(&mut self, field: u8, content: impl FnOnce(&mut Self)) {
        self.0.push(field << 3 | DELIMITED);
        let start = self.0.len();
        content(self);
        let end = self.0.len();
        self.varint(widened(end - start));
        let length = self.0.len() - end;
        if let Some(message) = self.0.get_mut(start..) {
            message.rotate_right(length);
        }
    }

    fn varint(&mut self, mut value: u64) {
        while let [low, ..] = value.to_le_bytes()
            && value >= 0x80
        {
            self.0.push(low | 0x80);
            value >>= 7;
        }
        let [low, ..] = value.to_le_bytes();
        self.0.push(low);
    }
}

/// The length of a field with a content of this length: tag, length, content.
pub(in crate::check) const fn nested(content: usize) -> usize {
    let mut length = 2;
    let mut rest = content >> 7;
    while rest > 0 {
        length += 1;
        rest >>= 7;
    }
    length + content
}

fn widened(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;
    use crate::pb::google::rpc::Status;

    proptest! {
        #[test]
        fn fields_are_written_as_prost_writes_them(code in 1_i32.., before in ".{0,200}", message in ".{1,200}") {
            let mut writer = Writer::after(before.clone().into_bytes());
            writer.integer(1, u64::try_from(code).unwrap());
            let cut = message.char_indices().nth(1).map_or(message.len(), |(place, _)| place);
            let (one, other) = message.split_at(cut);
            writer.text(2, &[one, other]);
            let theirs = Status { code, message, ..Status::default() }.encode_to_vec();
            prop_assert_eq!(&writer.into_buffer(), &[before.as_bytes(), &theirs].concat());
        }

        #[test]
        fn a_length_is_the_same_before_and_after_the_content(content in prop::collection::vec(any::<u8>(), 0..40_000)) {
            let (mut before, mut after) = (Writer::after(Vec::new()), Writer::after(Vec::new()));
            before.begin(5, content.len());
            before.0.extend_from_slice(&content);
            after.message(5, |message| message.0.extend_from_slice(&content));
            prop_assert_eq!(before.0.len(), nested(content.len()));
            prop_assert_eq!(before.into_buffer(), after.into_buffer());
        }
    }
}
