//! Where two versions of a record differ, property by property.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::policy::escaped;

/// One place where they differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// A JSON pointer into the record.
    pub pointer: String,
    /// What is there, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What is to be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// Every place, in the order of the names. None at all where only the order or the spelling is another.
pub fn differences(before: &str, after: &str) -> Vec<Difference> {
    let read = |text| serde_json::from_str(text).ok();
    let (before, after): (Option<Value>, Option<Value>) = (read(before), read(after));
    let mut found = Vec::new();
    compare(String::new(), before.as_ref(), after.as_ref(), &mut found);
    found
}

fn compare(pointer: String, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Difference>) {
    match (before, after) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
            for name in names {
                compare(format!("{pointer}/{}", escaped(name)), before.get(name), after.get(name), found);
            }
        }
        // Items have no names: of lists of different length nobody can tell which is which.
        (Some(Value::Array(before)), Some(Value::Array(after))) if before.len() == after.len() => {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                compare(format!("{pointer}/{index}"), Some(before), Some(after), found);
            }
        }
        (before, after) if before == after => {}
        (before, after) => {
            found.push(Difference { pointer, before: before.cloned(), after: after.cloned() });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(before: &Value, after: &Value) -> Vec<String> {
        let differences = differences(&before.to_string(), &after.to_string());
        differences.iter().map(|found| serde_json::to_string(found).unwrap()).collect()
    }

    #[test]
    fn each_property_is_told_by_itself() {
        let before = json!({"a": {"b": 1, "x/y": null}, "l": [1, {"z": 2}], "m": [1], "gone": []});
        let after = json!({"m": [1, 2], "l": [1, {"z": 3}], "a": {"x/y": 0, "b": 1}, "new": "n"});
        assert_eq!(
            told(&before, &after),
            [
                r#"{"pointer":"/a/x~1y","before":null,"after":0}"#,
                r#"{"pointer":"/gone","before":[]}"#,
                r#"{"pointer":"/l/1/z","before":2,"after":3}"#,
                r#"{"pointer":"/m","before":[1],"after":[1,2]}"#,
                r#"{"pointer":"/new","after":"n"}"#,
            ]
        );
    }

    #[test]
    fn order_is_no_difference() {
        assert!(differences(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#).is_empty());
    }
}
