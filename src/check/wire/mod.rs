//! The protobuf wire format, by hand: checks are read in place, and answers written in one go, with nothing copied
//! that is not sent. Which fields there are, `request` and `response` know.

mod read;
mod write;

pub(in crate::check) use self::read::{BadWire, Fields, Value};
pub(in crate::check) use self::write::{Writer, nested};
