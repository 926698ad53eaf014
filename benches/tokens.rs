//! What a token costs: cold, beside the bare RSA verification of the crypto library; and warm, beside a cache of
//! another make. Times of one run compare; the memory of 100,000 tokens is printed first.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "without its fixtures there is nothing to measure"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    self, KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::Criterion;
use serde_json::{Value, json};
use tenantgate::id::{Applications, Cloud};
use tenantgate::token::{
    Expectation, Issuer, IssuerTemplate, KeyRing, KeySet, Presented, TokenCache, Verified, verify,
};

const TENANT: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";
const NOW: i64 = 1_800_000_000;
const SKEW: i64 = 60;
/// Distinct tokens in use.
const ACTIVE: u32 = 1000;
/// Distinct tokens held, for memory.
const HELD: u32 = 100_000;

fn main() {
    let world = World::new();
    world.memory();
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("token");
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5));
    let token = world.token(0);
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    group.bench_function("bare_rsa", |bencher| {
        bencher.iter(|| {
            world.public.verify_sig(black_box(signed.as_bytes()), black_box(&signature)).expect("verifies");
        });
    });
    group.bench_function("cold", |bencher| {
        bencher.iter(|| verify(black_box(&token), &world.ring, &world.expected, NOW).expect("verifies"));
    });
    group.bench_function("read_only", |bencher| {
        bencher.iter(|| {
            let presented = Presented::read(black_box(&token), &world.ring, &world.expected, NOW, |_| ());
            presented.expect("is read").fingerprint()
        });
    });

    let tokens: Vec<_> = (0..ACTIVE).map(|number| world.token(number)).collect();
    let cache = TokenCache::new(u64::from(HELD));
    let moka = moka::sync::Cache::builder()
        .max_capacity(u64::from(HELD))
        .build_with_hasher(foldhash::fast::RandomState::default());
    for token in &tokens {
        let verified = world.verified(token);
        moka.insert(Box::from(token.as_str()), Arc::clone(&verified));
        cache.keep(token, verified);
    }
    let mut next = tokens.iter().cycle();
    group.bench_function("warm", |bencher| {
        bencher.iter(|| cache.verified(next.next().expect("endless"), &world.ring, SKEW, NOW).expect("held"));
    });
    group.bench_function("warm_by_moka", |bencher| {
        bencher.iter(|| {
            let found = moka.get(next.next().expect("endless").as_str()).expect("held");
            found.still_holds(&world.ring, SKEW, NOW).expect("holds");
            found
        });
    });
    group.finish();
    criterion.final_summary();
}

struct World {
    key: KeyPair,
    public: ParsedPublicKey,
    ring: KeyRing,
    expected: Expectation,
}

impl World {
    fn new() -> Self {
        let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let (n, e) = (key.public_key().modulus(), key.public_key().exponent());
        let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
        let public = RsaPublicKeyComponents { n, e };
        let public = public.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).expect("a public key");
        let encode = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
        let keys = json!({"keys": [{"kty": "RSA", "kid": "k", "n": encode(n), "e": encode(e)}]}).to_string();
        let template = IssuerTemplate::parse("https://login.microsoftonline.com/{tenantid}/v2.0");
        let issuer = Issuer { template: template.expect("a template"), cloud: Cloud::Commercial };
        let set = KeySet::unknown(issuer.clone()).replaced(&issuer, keys.as_bytes(), i64::MAX);
        let ring = KeyRing { sets: Box::new([set.expect("a key set")]) };
        let expected = Expectation {
            audiences: Box::new(["api://orders".into()]),
            skew: SKEW,
            max_bytes: 16 * 1024,
            applications: Arc::new(Applications::default()),
        };
        Self { key, public, ring, expected }
    }

    /// As Entra issues them for a guest: about 1.4 KB.
    fn token(&self, number: u32) -> String {
        let claims = json!({
            "aud": "api://orders", "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
            "iat": NOW - 60, "nbf": NOW - 60, "exp": NOW + 3600, "acct": 1, "acr": "1",
            "aio": "AWQAm/8cAAAAl1p6XQmNqKmWbYlb3eGtyDqkMY",
            "amr": ["pwd", "mfa"], "azp": "22222222-3333-4444-5555-666666666666", "azpacr": "1",
            "email": format!("user{number}@fabrikam.example"),
            "idp": "https://sts.windows.net/3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21/",
            "name": "A Guest", "oid": format!("0a3e6c1e-0d5f-4b54-9c5c-7d1f{number:08x}"),
            "preferred_username": format!("user{number}@fabrikam.example"),
            "rh": "1.AXkArcyra0tgrECp15_ZfAt3n", "scp": "access_as_user",
            "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "tid": TENANT, "uti": "Zk1vZ3x0QkeVf2cN0uA0AA",
            "ver": "2.0", "wids": ["b79fbf4d-3ef9-4689-8143-76b194e85509"], "xms_cc": ["cp1"], "xms_idrel": "5 24",
        });
        self.sign(&claims)
    }

    fn sign(&self, claims: &Value) -> String {
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": "k"});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let mut bytes = vec![0; self.key.public_modulus_len()];
        let random = aws_lc_rs::rand::SystemRandom::new();
        self.key
            .sign(&signature::RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut bytes)
            .expect("a signature");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    fn verified(&self, token: &str) -> Arc<Verified> {
        Arc::new(verify(token, &self.ring, &self.expected, NOW).expect("verifies"))
    }

    /// Each token and what is known of it has memory of its own; what it takes is what the process grows by.
    fn memory(&self) {
        let token = self.token(0);
        let cache = TokenCache::new(u64::from(HELD));
        let before = resident();
        for number in 0..HELD {
            // Signing takes a millisecond, and verifying what differs in nothing that is kept proves nothing more.
            let other = format!("{}{number:08}", token.get(8..).unwrap_or_default());
            cache.keep(&other, self.verified(&token));
        }
        let grown = resident().saturating_sub(before);
        let (held, size) = (cache.len(), token.len());
        let beside = (grown / held.max(1)).saturating_sub(size);
        println!(
            "{held} tokens of {size} bytes, each with {beside} bytes beside, held in {} MiB",
            grown >> 20
        );
    }
}

/// Bytes of memory that the process has.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4096
}
