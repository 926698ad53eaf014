//! Tokens to order, good and bad. The keys are made by the run.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Map, Value, json};
use tenantgate::token::DevelopmentIssuer;

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Valid,
    OtherKey,
    None,
    Corrupt,
}

pub(crate) struct Signer {
    pub(crate) jwks: String,
    pub(crate) kid: String,
    key: EncodingKey,
    other: EncodingKey,
}

/// RSA keys are slow to make: one pair serves the whole run.
pub(crate) fn signer() -> &'static Signer {
    static SIGNER: LazyLock<Signer> = LazyLock::new(Signer::new);
    &SIGNER
}

/// Another one, and its key set, for the time after a rollover.
pub(crate) fn another_signer() -> (Signer, Value) {
    let signer = Signer::new();
    let keys = serde_json::from_str(&signer.jwks).unwrap();
    (signer, keys)
}

#[expect(clippy::disallowed_methods, reason = "tests have no other clock")]
pub(crate) fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

impl Signer {
    fn new() -> Self {
        let (issuer, signing) = key();
        let (_, other) = key();
        Self { jwks: issuer.jwks().to_string(), kid: issuer.kid().to_owned(), key: signing, other }
    }

    /// A token with `claims` completed as `tenantgate token mint` completes them.
    pub(crate) fn mint(&self, claims: &Value) -> String {
        self.sign(claims, &Map::new(), Sign::Valid, now())
    }

    /// The same with header members laid over the usual ones (null removes) and any signature.
    pub(crate) fn sign(&self, claims: &Value, header: &Map<String, Value>, sign: Sign, now: i64) -> String {
        let mut full = json!({"alg": "RS256", "typ": "JWT", "kid": self.kid});
        for (name, value) in header {
            if value.is_null() {
                full.as_object_mut().unwrap().remove(name);
            } else {
                full[name] = value.clone();
            }
        }
        self.sign_text(&full.to_string(), &completed(claims, now).to_string(), sign)
    }

    /// Text that no JSON library would write.
    pub(crate) fn sign_text(&self, header: &str, claims: &str, sign: Sign) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", encode(header), encode(claims));
        let by = |key| jsonwebtoken::crypto::sign(signed.as_bytes(), key, Algorithm::RS256).unwrap();
        let signature = match sign {
            Sign::Valid => by(&self.key),
            Sign::OtherKey => by(&self.other),
            Sign::None => String::new(),
            Sign::Corrupt => {
                let mut bytes = URL_SAFE_NO_PAD.decode(by(&self.key)).unwrap();
                bytes[17] ^= 1;
                URL_SAFE_NO_PAD.encode(bytes)
            }
        };
        format!("{signed}.{signature}")
    }
}

fn key() -> (DevelopmentIssuer, EncodingKey) {
    let directory = tempfile::tempdir().unwrap();
    let issuer = DevelopmentIssuer::keygen(directory.path()).unwrap();
    let pem = std::fs::read(directory.path().join("key.pem")).unwrap();
    (issuer, EncodingKey::from_rsa_pem(&pem).unwrap())
}

/// `{"$now": n}` is n seconds from now; `{"$absent": true}` is not filled in.
pub(crate) fn completed(claims: &Value, now: i64) -> Value {
    let mut all = Map::new();
    let given = claims.as_object().unwrap();
    for (name, value) in given {
        if let Some(offset) = value.get("$now") {
            all.insert(name.clone(), (now + offset.as_i64().unwrap()).into());
        } else if value.get("$absent").is_none() {
            all.insert(name.clone(), value.clone());
        }
    }
    let mut fill = |name: &str, value: Value| {
        if !given.contains_key(name) {
            all.insert(name.to_owned(), value);
        }
    };
    if let Some(tid) = given.get("tid").and_then(Value::as_str) {
        fill("iss", format!("https://login.microsoftonline.com/{tid}/v2.0").into());
    }
    let v1 = given.get("iss").and_then(Value::as_str).is_some_and(|issuer| !issuer.contains("/v2.0"));
    fill("ver", if v1 { "1.0".into() } else { "2.0".into() });
    fill("iat", now.into());
    fill("nbf", now.into());
    fill("exp", (now + 3600).into());
    Value::Object(all)
}
