//! The payload of a token that Envoy's `jwt_authn` verified, from the check's dynamic metadata: an opt-in for plain
//! Envoy, whose filter runs before ours and fills `metadata_context` only where its configuration says so.
//!
//! Field numbers: `core.v3.Metadata`, `google.protobuf.Struct`, `Value` and `ListValue`.

use serde_json::{Number, Value as Json};

use crate::check::request::{Malformed, entry};
use crate::check::wire::{Fields, Value};

/// No payload is nested more deeply.
const DEPTH: u8 = 16;

/// `tokens.verified_payload`: a metadata namespace and the key that the payload is under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadPlace {
    namespace: Box<str>,
    key: Box<str>,
}

impl PayloadPlace {
    /// `NAMESPACE/KEY`
    pub fn parse(text: &str) -> Option<Self> {
        let (namespace, key) = text.split_once('/')?;
        let named = !namespace.is_empty() && !key.is_empty();
        named.then(|| Self { namespace: namespace.into(), key: key.into() })
    }

    /// The payload in this `metadata_context`, which may be there in several pieces, as its `Struct`. None where
    /// there is none; there twice, it is no payload.
    pub(in crate::check) fn find<'a>(&self, metadata: &[&'a [u8]]) -> Result<Option<&'a [u8]>, Malformed> {
        let mut found = None;
        for context in metadata {
            let mut fields = Fields::of(context);
            while let Some((number, value)) = fields.next()? {
                if number != 1 {
                    continue;
                }
                let (namespace, members) = entry(value.bytes()?)?;
                if namespace != self.namespace.as_bytes() {
                    continue;
                }
                if let Some(payload) = self.in_namespace(members)?
                    && found.replace(payload).is_some()
                {
                    return Err(Malformed);
                }
            }
        }
        Ok(found)
    }

    fn in_namespace<'a>(&self, members: &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
        let mut found = None;
        let mut fields = Fields::of(members);
        while let Some((number, value)) = fields.next()? {
            let (key, value) = if number == 1 { entry(value.bytes()?)? } else { continue };
            if key == self.key.as_bytes() && found.replace(the_struct(value)?).is_some() {
                return Err(Malformed);
            }
        }
        Ok(found)
    }
}

/// The JSON that a `Struct` stands for. Repeated members stay repeated: whoever reads claims refuses them.
pub(in crate::check) fn json(message: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut text = Vec::with_capacity(message.len());
    object(message, DEPTH, &mut text)?;
    Ok(text)
}

fn the_struct(value: &[u8]) -> Result<&[u8], Malformed> {
    match the_field(value)? {
        (5, Value::Bytes(members)) => Ok(members),
        _ => Err(Malformed),
    }
}

/// The one field of a message that has one.
fn the_field(message: &[u8]) -> Result<(u32, Value<'_>), Malformed> {
    let mut fields = Fields::of(message);
    match (fields.next()?, fields.next()?) {
        (Some(field), None) => Ok(field),
        _ => Err(Malformed),
    }
}

fn object(message: &[u8], depth: u8, text: &mut Vec<u8>) -> Result<(), Malformed> {
    let deeper = depth.checked_sub(1).ok_or(Malformed)?;
    let mut fields = Fields::of(message);
    let mut before = b'{';
    while let Some((number, member)) = fields.next()? {
        let (name, member) = if number == 1 { entry(member.bytes()?)? } else { return Err(Malformed) };
        text.push(std::mem::replace(&mut before, b','));
        scalar(&Json::from(std::str::from_utf8(name).map_err(|_| Malformed)?), text)?;
        text.push(b':');
        value(member, deeper, text)?;
    }
    text.extend(if before == b'{' { &b"{}"[..] } else { b"}" });
    Ok(())
}

fn array(message: &[u8], depth: u8, text: &mut Vec<u8>) -> Result<(), Malformed> {
    let deeper = depth.checked_sub(1).ok_or(Malformed)?;
    let mut fields = Fields::of(message);
    let mut before = b'[';
    while let Some((number, item)) = fields.next()? {
        let item = if number == 1 { item.bytes()? } else { return Err(Malformed) };
        text.push(std::mem::replace(&mut before, b','));
        value(item, deeper, text)?;
    }
    text.extend(if before == b'[' { &b"[]"[..] } else { b"]" });
    Ok(())
}

fn value(message: &[u8], depth: u8, text: &mut Vec<u8>) -> Result<(), Malformed> {
    match the_field(message)? {
        (1, Value::Varint(_)) => scalar(&Json::Null, text),
        (2, Value::Fixed64(bits)) => scalar(&Json::Number(number(f64::from_bits(bits))?), text),
        (3, Value::Bytes(string)) => {
            scalar(&Json::from(std::str::from_utf8(string).map_err(|_| Malformed)?), text)
        }
        (4, Value::Varint(truth)) => scalar(&Json::Bool(truth != 0), text),
        (5, Value::Bytes(members)) => object(members, depth, text),
        (6, Value::Bytes(items)) => array(items, depth, text),
        _ => Err(Malformed),
    }
}

/// A `Struct` knows doubles only; a claim that is a whole number becomes one again where no digit was lost.
fn number(double: f64) -> Result<Number, Malformed> {
    const EXACT: f64 = 9_007_199_254_740_991.0;
    if double.fract() == 0.0 && double.abs() <= EXACT {
        return format!("{double:.0}").parse().map_err(|_| Malformed);
    }
    Number::from_f64(double).ok_or(Malformed)
}

fn scalar(value: &Json, text: &mut Vec<u8>) -> Result<(), Malformed> {
    serde_json::to_writer(text, value).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::value::Kind;
    use prost_types::{ListValue, Struct, Value as Proto};

    use super::*;
    use crate::pb::envoy::config::core::v3::Metadata;

    fn of(kind: Kind) -> Proto {
        Proto { kind: Some(kind) }
    }

    fn payload() -> Struct {
        let text = |text: &str| of(Kind::StringValue(text.to_owned()));
        let list = ListValue { values: vec![text("mfa"), of(Kind::BoolValue(true)), of(Kind::NullValue(0))] };
        let fields = [
            ("amr", of(Kind::ListValue(list))),
            ("exp", of(Kind::NumberValue(1_800_000_000.0))),
            ("name", text("\"\u{e9}")),
            ("none", of(Kind::ListValue(ListValue::default()))),
            ("nested", of(Kind::StructValue(Struct::default()))),
            ("part", of(Kind::NumberValue(-0.5))),
        ];
        Struct { fields: fields.map(|(name, value)| (name.to_owned(), value)).into() }
    }

    fn metadata(namespace: &str, key: &str) -> Vec<u8> {
        let members = Struct { fields: [(key.to_owned(), of(Kind::StructValue(payload())))].into() };
        let filter_metadata = [(namespace.to_owned(), members)].into();
        Metadata { filter_metadata, ..Metadata::default() }.encode_to_vec()
    }

    #[test]
    fn a_struct_becomes_the_json_it_stands_for() {
        let read: Json = serde_json::from_slice(&json(&payload().encode_to_vec()).unwrap()).unwrap();
        let expected = serde_json::json!({
            "amr": ["mfa", true, null], "exp": 1_800_000_000, "name": "\"\u{e9}", "none": [], "nested": {}, "part": -0.5,
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn the_payload_is_found_under_its_namespace_and_key_only() {
        let place = PayloadPlace::parse("envoy.filters.http.jwt_authn/payload").unwrap();
        let there = metadata("envoy.filters.http.jwt_authn", "payload");
        assert!(place.find(&[&there]).unwrap().is_some());
        assert_eq!(place.find(&[&there, &there]), Err(Malformed));
        assert_eq!(place.find(&[&metadata("another", "payload")]), Ok(None));
        assert_eq!(place.find(&[&metadata("envoy.filters.http.jwt_authn", "other")]), Ok(None));
        assert_eq!(place.find(&[b"\xff"]), Err(Malformed));
        assert!(["", "a", "/b", "a/"].iter().all(|text| PayloadPlace::parse(text).is_none()));
    }

    #[test]
    fn what_has_no_end_is_refused() {
        let mut deep = Struct::default();
        for _ in 0..20 {
            deep = Struct { fields: [("a".to_owned(), of(Kind::StructValue(deep)))].into() };
        }
        assert_eq!(json(&deep.encode_to_vec()), Err(Malformed));
        let endless = Struct { fields: [("a".to_owned(), of(Kind::NumberValue(f64::NAN)))].into() };
        assert_eq!(json(&endless.encode_to_vec()), Err(Malformed));
    }
}
