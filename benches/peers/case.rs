//! What is asked of everyone: a caller's claims, and the application.

use serde_json::{Value, json};
use tenantgate::id::AppId;

use crate::fixtures::id::{APPLICATION, OTHER_APPLICATION};
use crate::fixtures::{Caller, claims};

/// One question.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) claims: Value,
    pub(crate) application: AppId,
}

impl Case {
    /// This caller at the protected application.
    pub(crate) fn of(caller: Caller) -> Self {
        Self { claims: claims(caller), application: APPLICATION }
    }

    /// The same at another one, whose tokens have its id for their audience.
    pub(crate) fn elsewhere(self) -> Self {
        Self { application: OTHER_APPLICATION, ..self }.with("aud", &json!(OTHER_APPLICATION.to_string()))
    }

    /// The same with another claim.
    pub(crate) fn with(mut self, claim: &str, value: &Value) -> Self {
        self.claims[claim] = value.clone();
        self
    }

    /// What others have to know of it.
    pub(crate) fn known(&self) -> Known {
        let text = |claim: &str| self.claims.get(claim).and_then(Value::as_str);
        let home =
            text("idp").map(|idp| idp.trim_start_matches("https://sts.windows.net/").trim_end_matches('/'));
        Known {
            user: text("home_oid").or(text("oid")).unwrap_or_default().to_owned(),
            home: home.map(str::to_owned),
            application: self.application.to_string(),
            mfa: self.claims["amr"].as_array().is_some_and(|amr| amr.contains(&json!("mfa"))),
        }
    }
}

/// A case as far as the rules go.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) user: String,
    /// The tenant that a guest comes from.
    pub(crate) home: Option<String>,
    pub(crate) application: String,
    pub(crate) mfa: bool,
}
