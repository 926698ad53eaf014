//! Findings as SARIF 2.1.0 (OASIS "Static Analysis Results Interchange Format"), for code scanning.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::policy::{Finding, Findings, Level};

/// One run over the documents at these paths.
pub(in crate::cli) fn log(documents: &[PathBuf], findings: &Findings) -> Value {
    let rules: BTreeSet<_> = findings.iter().map(|finding| finding.code).collect();
    let rules: Vec<_> =
        rules.into_iter().map(|code| json!({"id": code, "shortDescription": {"text": code}})).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "tenantgate",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "results": findings.iter().map(|finding| result(documents, finding)).collect::<Vec<_>>(),
        }],
    })
}

fn result(documents: &[PathBuf], finding: &Finding) -> Value {
    let document = documents.get(finding.document).map_or_else(|| Path::new(""), PathBuf::as_path);
    let level = match finding.level {
        Level::Error | Level::Conflict => "error",
        Level::Warning => "warning",
        Level::Advice => "note",
    };
    json!({
        "ruleId": finding.code,
        "level": level,
        "message": {"text": format!("{}; {}", finding.message, finding.remedy)},
        "locations": [{
            "physicalLocation": {"artifactLocation": {"uri": uri(document)}, "region": {"startLine": 1}},
            "logicalLocations": [{"fullyQualifiedName": finding.pointer, "kind": "member"}],
        }],
    })
}

/// A relative reference or a file URI (RFC 3986): what is no plain character is percent-encoded.
fn uri(path: &Path) -> String {
    let mut uri = String::from(if path.is_absolute() { "file://" } else { "" });
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            uri = format!("{uri}%{byte:02X}");
        }
    }
    uri
}
