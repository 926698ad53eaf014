//! From a bearer credential to a verified identity.
//!
//! An [`Identity`] is evidence: it can only be made here, from claims whose signature, issuer and times were
//! checked by [`verify()`], or by [`Unverified::assume`], whose name says what it is. Everything that a decision
//! reads of a token is parsed once, when the token is first seen; a warm token is one cache lookup.
//!
//! Rules: RFC 7515 and RFC 7519 for the envelope, "Access tokens in the Microsoft identity platform" for issuers
//! and keys, "Access token claims reference" for the claims. Each failure has one name ([`TokenError`]) and the
//! first that applies is reported.

mod bearer;
mod cache;
mod claims;
mod error;
mod identity;
mod idp;
mod issuer;
mod jose;
mod json;
mod jwks;
mod keys;
mod mint;
mod roca;
mod verify;

pub use self::bearer::{Credential, at_most_one, bearer};
pub use self::cache::{Fingerprint, TokenCache};
pub use self::error::TokenError;
pub use self::identity::{Audience, Client, Completeness, Groups, Home, Identity, Restricted, Xms};
pub use self::issuer::{BadIssuer, Issuer, IssuerTemplate, entra_issuers, is_entra_host};
pub use self::jose::signed_by;
pub(crate) use self::json::{Ignored, MaybeText, Names, Text};
pub use self::jwks::JwksError;
pub use self::keys::{Key, KeyRing, KeySet};
pub use self::mint::{DevelopmentIssuer, MintError};
pub use self::verify::{Expectation, Presented, Refused, Unverified, Verified, attested, claimed, verify};
