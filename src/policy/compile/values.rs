//! Small values that recur: lists of ids, clouds, maps by tenant.

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;
use std::str::FromStr;

use crate::policy::conditional::Control;
use crate::policy::fields::Field;
use crate::policy::finding::Findings;
use crate::policy::snapshot::Contexts;

/// Sorted and without repetition, as lookups want it.
pub(in crate::policy) fn sorted<T: Ord>(mut values: Vec<T>) -> Box<[T]> {
    values.sort_unstable();
    values.dedup();
    values.into()
}

/// Each item of an array, parsed; what cannot be read is an error, never left out.
pub(super) fn list<T: FromStr<Err: Display>>(
    field: Option<Field<'_, '_>>,
    findings: &mut Findings,
) -> Vec<T> {
    let Some(field) = field else { return Vec::new() };
    let mut values = Vec::new();
    for (index, node) in field.array(findings).iter().enumerate() {
        values.extend(Field { node, at: field.at.item(index) }.parse(findings));
    }
    values
}

/// A value in its documented spelling, to be handed on as a reader of values.
pub(super) fn parsed<T: FromStr<Err: Display>>(field: Field<'_, '_>, findings: &mut Findings) -> Option<T> {
    field.parse(findings)
}

/// An object whose names are data.
pub(super) fn map<K: FromStr<Err: Display> + Eq + Hash, V>(
    field: Option<Field<'_, '_>>,
    findings: &mut Findings,
    read: impl Fn(Field<'_, '_>, &mut Findings) -> Option<V>,
) -> HashMap<K, V> {
    let mut map = HashMap::new();
    let Some(field) = field else { return map };
    let Some(fields) = field.object(findings) else { return map };
    for (name, node) in fields.entries() {
        let at = fields.at.member(name);
        let value = read(Field { node, at }, findings);
        match name.parse() {
            Ok(key) => {
                if let Some(value) = value
                    && map.insert(key, value).is_some()
                {
                    findings.error(
                        "key_duplicate",
                        &at,
                        format!("`{name}` is there twice"),
                        "keep one of the two",
                    );
                }
            }
            Err(error) => {
                let error: K::Err = error;
                findings.error("value_malformed", &at, format!("`{name}`: {error}"), "correct the name");
            }
        }
    }
    map
}

/// `{"mfa": "c1", "compliantDevice": "c2", "domainJoinedDevice": "c3"}`
pub(super) fn contexts(field: Field<'_, '_>, findings: &mut Findings) -> Option<Contexts> {
    let fields = field.object(findings)?;
    let by_control = Control::ALL.map(|control| {
        fields.take(control.word()).and_then(|context| context.text(findings)).map(Into::into)
    });
    fields.finish_exact(findings);
    Some(Contexts::new(by_control))
}
