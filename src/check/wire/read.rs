//! Reading: field numbers and slices of the frame.
//!
//! Varints, fixed widths and length-delimited fields; groups are skipped as prost skips them.

/// The frame does not follow the wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::check) struct BadWire;

/// A field as it stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::check) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Fixed64(u64),
    /// Other widths and groups, which no field that we read has.
    Other,
}

impl<'a> Value<'a> {
    /// A string, bytes or message; a known field of another type is malformed, as it is to prost.
    pub(in crate::check) fn bytes(self) -> Result<&'a [u8], BadWire> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Varint(_) | Self::Fixed64(_) | Self::Other => Err(BadWire),
        }
    }
}

/// The fields of one message, in the order of the wire.
#[derive(Debug, Clone, Copy)]
pub(in crate::check) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(in crate::check) fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// The next field's number and value.
    pub(in crate::check) fn next(&mut self) -> Result<Option<(u32, Value<'a>)>, BadWire> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let (number, kind) = self.tag()?;
        let value = match kind {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(self.take(8)?.try_into().map(u64::from_le_bytes).map_err(|_| BadWire)?),
            2 => Value::Bytes(self.delimited()?),
            3 => self.skip_group(number, 100).map(|()| Value::Other)?,
            5 => self.take(4).map(|_| Value::Other)?,
            _ => return Err(BadWire),
        };
        Ok(Some((number, value)))
    }

    fn tag(&mut self) -> Result<(u32, u64), BadWire> {
        let tag = self.varint()?;
        let tag = u32::try_from(tag).map_err(|_| BadWire)?;
        let number = tag >> 3;
        if number == 0 { Err(BadWire) } else { Ok((number, u64::from(tag & 7))) }
    }

    /// Nearly all take one byte.
    fn varint(&mut self) -> Result<u64, BadWire> {
        if let Some((&byte @ ..0x80, rest)) = self.0.split_first() {
            self.0 = rest;
            return Ok(byte.into());
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, BadWire> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(BadWire)?;
            self.0 = rest;
            // The tenth byte has room for one bit.
            if shift == 63 && byte > 1 {
                return Err(BadWire);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(BadWire)
    }

    fn delimited(&mut self) -> Result<&'a [u8], BadWire> {
        let length = usize::try_from(self.varint()?).map_err(|_| BadWire)?;
        self.take(length)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], BadWire> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(BadWire)?;
        self.0 = rest;
        Ok(taken)
    }

    fn skip_group(&mut self, group: u32, depth: u8) -> Result<(), BadWire> {
        let depth = depth.checked_sub(1).ok_or(BadWire)?;
        loop {
            let (number, kind) = self.tag()?;
            match kind {
                0 => self.varint().map(drop)?,
                1 => self.take(8).map(drop)?,
                2 => self.delimited().map(drop)?,
                3 => self.skip_group(number, depth)?,
                4 => return if number == group { Ok(()) } else { Err(BadWire) },
                5 => self.take(4).map(drop)?,
                _ => return Err(BadWire),
            }
        }
    }
}
