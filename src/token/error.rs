//! Why a token proves nothing, each with its one stable name.

/// The first reason for which a token is refused. Never carries a value from the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No `Authorization: Bearer` at all.
    #[error("the request carries no bearer token")]
    Missing,
    /// Longer than `tokens.max_bytes`.
    #[error("the token is longer than `tokens.max_bytes`")]
    TooLarge,
    /// More than one credential.
    #[error("the request carries more than one credential")]
    Ambiguous,
    /// Structure, encoding, JSON or a claim's type; says which part.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// No JWT, where only its upstream can verify it and so nobody can say whose it is.
    #[error("the token is no JWT")]
    Unreadable,
    /// Anything but RS256.
    #[error("the token is not signed with RS256")]
    Algorithm,
    /// An issuer that is not configured, or that does not agree with `tid`.
    #[error("the token's issuer is unknown or does not agree with its `tid` or `ver`")]
    Issuer,
    /// The issuer's keys were never fetched, or too long ago.
    #[error("the issuer's keys are not available")]
    KeysUnavailable,
    /// No key of that id for this issuer.
    #[error("the issuer has no such key")]
    KeyUnknown,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
    /// now ≥ `exp` + skew.
    #[error("the token has expired")]
    Expired,
    /// now < `nbf` − skew.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Meant for another resource.
    #[error("the token is for another audience")]
    Audience,
    /// Too many signatures wait to be checked.
    #[error("too many tokens wait for verification")]
    Overloaded,
}
