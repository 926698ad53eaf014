//! Tokens as an attacker writes them: every byte to order. The keys are made by the run.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaEncoding};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

/// Contoso, whose tokens these are unless they say otherwise.
pub(crate) const TENANT: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";
/// Another tenant.
pub(crate) const FABRIKAM: &str = "f2a5c3d1-7b0e-4c68-9d24-5e8a1b3c7f90";
/// When these tokens are presented, in Unix seconds.
pub(crate) const NOW: i64 = 1_767_225_600;
/// Our key's id.
pub(crate) const KID: &str = "ours";

/// An RSA key that signs.
pub(crate) struct SigningKey(KeyPair);

/// The key of the issuers that we believe.
pub(crate) fn ours() -> &'static SigningKey {
    static KEY: LazyLock<SigningKey> = LazyLock::new(SigningKey::new);
    &KEY
}

/// A key that nobody believes.
pub(crate) fn attackers() -> &'static SigningKey {
    static KEY: LazyLock<SigningKey> = LazyLock::new(SigningKey::new);
    &KEY
}

impl SigningKey {
    fn new() -> Self {
        Self(KeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.sign_as(&RSA_PKCS1_SHA256, message)
    }

    pub(crate) fn sign_as(&self, encoding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0.sign(encoding, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }

    pub(crate) fn modulus(&self) -> Vec<u8> {
        self.0.public_key().modulus().big_endian_without_leading_zero().to_vec()
    }

    pub(crate) fn exponent(&self) -> Vec<u8> {
        self.0.public_key().exponent().big_endian_without_leading_zero().to_vec()
    }

    /// `SubjectPublicKeyInfo`, DER.
    pub(crate) fn spki(&self) -> Vec<u8> {
        self.0.public_key().as_der().unwrap().as_ref().to_vec()
    }

    /// `RSAPublicKey`, DER.
    pub(crate) fn pkcs1(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_vec()
    }

    pub(crate) fn jwk(&self, kid: &str) -> Value {
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
            "n": encode(self.modulus()), "e": encode(self.exponent()),
        })
    }

    pub(crate) fn jwks(&self, kid: &str) -> Vec<u8> {
        jwks(&[self.jwk(kid)])
    }
}

pub(crate) fn jwks(keys: &[Value]) -> Vec<u8> {
    json!({"keys": keys}).to_string().into_bytes()
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

type Signature = dyn Fn(&[u8]) -> Vec<u8> + Send + Sync;

/// A token in the making; a good one unless changed.
#[derive(Clone)]
pub(crate) struct Draft {
    header: Part,
    payload: Part,
    signature: Arc<Signature>,
}

/// A JSON object, or any bytes in its place.
#[derive(Clone, Default)]
struct Part {
    members: Map<String, Value>,
    /// Members as text, behind the others.
    text: String,
    raw: Option<Vec<u8>>,
}

/// A good token: of Contoso, for orders, for an hour.
pub(crate) fn good() -> Draft {
    good_at(NOW)
}

/// The same, issued at `now`.
pub(crate) fn good_at(now: i64) -> Draft {
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": KID});
    let payload = json!({
        "iss": v2(TENANT), "tid": TENANT, "aud": "api://orders", "ver": "2.0",
        "iat": now, "nbf": now, "exp": now + 3600,
        "oid": "0a1b2c3d-0000-4000-8000-00000000000a", "azp": "c11e0000-0000-4000-8000-0000000000aa",
        "scp": "access_as_user",
    });
    let part = |value: Value| Part { members: value.as_object().unwrap().clone(), ..Part::default() };
    Draft { header: part(header), payload: part(payload), signature: Arc::new(|signed| ours().sign(signed)) }
}

/// The v2.0 issuer of a tenant.
pub(crate) fn v2(tenant: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant}/v2.0")
}

/// The v1.0 issuer of a tenant.
pub(crate) fn v1(tenant: &str) -> String {
    format!("https://sts.windows.net/{tenant}/")
}

impl Draft {
    pub(crate) fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.members.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.header.members.remove(name);
        self
    }

    /// One more header member, written so.
    pub(crate) fn header_text(mut self, member: &str) -> Self {
        self.header.add_text(member);
        self
    }

    pub(crate) fn raw_header(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.header.raw = Some(bytes.into());
        self
    }

    pub(crate) fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.payload.members.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.payload.members.remove(name);
        self
    }

    /// One more claim, written so.
    pub(crate) fn claim_text(mut self, member: &str) -> Self {
        self.payload.add_text(member);
        self
    }

    pub(crate) fn raw_payload(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.payload.raw = Some(bytes.into());
        self
    }

    pub(crate) fn signed(mut self, signature: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> Self {
        self.signature = Arc::new(signature);
        self
    }

    pub(crate) fn by_attacker(self) -> Self {
        self.signed(|signed| attackers().sign(signed))
    }

    pub(crate) fn header_bytes(&self) -> Vec<u8> {
        self.header.bytes()
    }

    pub(crate) fn payload_bytes(&self) -> Vec<u8> {
        self.payload.bytes()
    }

    /// What is signed.
    pub(crate) fn unsigned(&self) -> String {
        format!("{}.{}", encode(self.header.bytes()), encode(self.payload.bytes()))
    }

    pub(crate) fn token(&self) -> String {
        let unsigned = self.unsigned();
        let signature = (self.signature)(unsigned.as_bytes());
        format!("{unsigned}.{}", encode(signature))
    }

    /// Header, payload and signature, encoded.
    pub(crate) fn parts(&self) -> [String; 3] {
        let token = self.token();
        let parts: Vec<_> = token.split('.').map(str::to_owned).collect();
        parts.try_into().unwrap()
    }
}

impl Part {
    fn add_text(&mut self, member: &str) {
        self.text.push(',');
        self.text.push_str(member);
    }

    fn bytes(&self) -> Vec<u8> {
        self.raw.clone().unwrap_or_else(|| {
            let members = Value::from(self.members.clone()).to_string();
            format!("{}{}}}", members.strip_suffix('}').unwrap(), self.text).into_bytes()
        })
    }
}

impl From<Draft> for String {
    fn from(draft: Draft) -> Self {
        draft.token()
    }
}
