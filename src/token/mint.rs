//! A development issuer: one RSA key in a directory, its JWKS beside it, tokens signed to order.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// Why no token was minted.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// The directory or a file of it.
    #[error("cannot use `{}`", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is a key already; a new one would make its tokens worthless.
    #[error("`{}` exists; remove it to replace the key, and every token it signed with it", .0.display())]
    Exists(PathBuf),
    /// The key file is no RSA key of ours.
    #[error("`{}` is no RSA private key in PKCS#8 PEM; make one with `tenantgate token keygen`", .0.display())]
    Key(PathBuf),
    /// The claims are no JSON object.
    #[error("the claims are no JSON object")]
    Claims,
    /// The crypto library failed.
    #[error("the crypto library failed")]
    Crypto,
}

/// The key in `D/key.pem` and its public half in `D/jwks.json`.
pub struct DevelopmentIssuer {
    key: KeyPair,
    pem: String,
    kid: String,
}

impl DevelopmentIssuer {
    /// Makes a key and writes both files; refuses to overwrite one.
    pub fn keygen(directory: &Path) -> Result<Self, MintError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| MintError::Io { path, source }
        };
        fs::create_dir_all(directory).map_err(io(directory))?;
        if Self::exists(directory) {
            return Err(MintError::Exists(directory.join("key.pem")));
        }
        let key = KeyPair::generate(KeySize::Rsa2048).map_err(|_| MintError::Crypto)?;
        let der = key.as_der().map_err(|_| MintError::Crypto)?;
        let pem = pem::encode_config(
            &pem::Pem::new("PRIVATE KEY", der.as_ref()),
            pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
        );
        let issuer = Self::of(key, pem);
        let jwks = directory.join("jwks.json");
        fs::write(&jwks, issuer.jwks().to_string()).map_err(io(&jwks))?;
        issuer.write_key(&directory.join("key.pem"))?;
        Ok(issuer)
    }

    /// Whole or not at all, and never over another: a link is made of a finished file.
    fn write_key(&self, path: &Path) -> Result<(), MintError> {
        let io = |source| MintError::Io { path: path.to_owned(), source };
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)
            .map_err(io)?;
        file.write_all(self.pem.as_bytes()).map_err(io)?;
        let linked = fs::hard_link(&beside, path);
        fs::remove_file(&beside).map_err(io)?;
        match linked {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(MintError::Exists(path.to_owned()))
            }
            other => other.map_err(io),
        }
    }

    /// Whether there is a key.
    pub fn exists(directory: &Path) -> bool {
        directory.join("key.pem").exists()
    }

    /// The key that is there.
    pub fn open(directory: &Path) -> Result<Self, MintError> {
        let path = directory.join("key.pem");
        let pem = fs::read_to_string(&path).map_err(|source| MintError::Io { path: path.clone(), source })?;
        let key = pem::parse(&pem).ok().and_then(|parsed| KeyPair::from_pkcs8(parsed.contents()).ok());
        Ok(Self::of(key.ok_or(MintError::Key(path))?, pem))
    }

    /// The key that is there, or a new one.
    pub fn open_or_keygen(directory: &Path) -> Result<Self, MintError> {
        if Self::exists(directory) { Self::open(directory) } else { Self::keygen(directory) }
    }

    fn of(key: KeyPair, pem: String) -> Self {
        let modulus = digest::digest(&digest::SHA256, key.public_key().as_ref());
        let kid = URL_SAFE_NO_PAD.encode(modulus.as_ref().get(..16).unwrap_or_default());
        Self { key, pem, kid }
    }

    /// The id of the key.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key set to configure as `tokens.issuers[].jwks`.
    pub fn jwks(&self) -> Value {
        let public = self.key.public_key();
        let (n, e) = (public.modulus(), public.exponent());
        let encode = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
        json!({"keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid,
            "n": encode(n.big_endian_without_leading_zero()), "e": encode(e.big_endian_without_leading_zero()),
        }]})
    }

    /// A token of these claims; `iss ver iat nbf exp` are filled in where absent, nothing else is touched.
    /// `now` and `lifetime` in seconds.
    pub fn mint(&self, claims: &str, now: i64, lifetime: i64) -> Result<String, MintError> {
        let claims = filled_in(claims, now, lifetime).ok_or(MintError::Claims)?;
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.kid.clone());
        let key = EncodingKey::from_rsa_pem(self.pem.as_bytes()).map_err(|_| MintError::Crypto)?;
        jsonwebtoken::encode(&header, &claims, &key).map_err(|_| MintError::Crypto)
    }
}

impl std::fmt::Debug for DevelopmentIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DevelopmentIssuer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// What is absent is put behind what is there, which stays as it was written, to the digit.
fn filled_in(text: &str, now: i64, lifetime: i64) -> Option<Box<RawValue>> {
    let claims: Map<String, Value> = serde_json::from_str(text).ok()?;
    let v1_issuer = claims.get("iss").and_then(Value::as_str).map(|issuer| !issuer.contains("/v2.0"));
    let version = if v1_issuer == Some(true) { "1.0" } else { "2.0" };
    let version = claims.get("ver").and_then(Value::as_str).unwrap_or(version);
    let issuer = claims.get("tid").and_then(Value::as_str).map(|tid| match version {
        "1.0" => format!("https://sts.windows.net/{tid}/"),
        _ => format!("https://login.microsoftonline.com/{tid}/v2.0"),
    });
    let mut members = text.trim().strip_suffix('}')?.trim_end().to_owned();
    let mut comma = if claims.is_empty() { "" } else { "," };
    for (name, value) in [
        ("ver", Some(Value::from(version))),
        ("iss", issuer.map(Value::from)),
        ("iat", Some(now.into())),
        ("nbf", Some(now.into())),
        ("exp", Some(now.saturating_add(lifetime).into())),
    ] {
        if let Some(value) = value.filter(|_| !claims.contains_key(name)) {
            let _infallible = write!(members, "{comma}\"{name}\":{value}");
            comma = ",";
        }
    }
    members.push('}');
    RawValue::from_string(members).ok()
}
