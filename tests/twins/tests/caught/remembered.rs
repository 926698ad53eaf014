//! Tokens that were good once, and the keys behind them.

use std::sync::LazyLock;

use serde_json::{Value, json};
use tenantgate::check::Gate;
use tenantgate::store::Publisher;
use tenantgate::token::{KeyRing, KeySet};
use tokio::runtime::Runtime;

use crate::Rule;
use crate::bench::Bench;
use crate::harness::bundles::{P, base};
use crate::harness::{L, Sign, another_signer, now, signer};

pub(crate) const RULES: &[Rule] = &[
    Rule { name: "the same claims with another signature are another token", holds: whole_tokens_only },
    Rule {
        name: "a key that is gone ends its tokens",
        holds: |runtime| ended_by(&|set| replaced(set, &jwks(&signer().jwks, "another", None)), runtime),
    },
    Rule {
        name: "another key under the same name ends the tokens of the first",
        holds: |runtime| {
            static ANOTHERS: LazyLock<String> = LazyLock::new(|| another_signer().1.to_string());
            ended_by(&|set| replaced(set, &jwks(&ANOTHERS, &signer().kid, None)), runtime)
        },
    },
    Rule {
        name: "a key that may no longer sign for a tenant ends its tokens",
        holds: |runtime| {
            let elsewhere = format!("https://login.microsoftonline.com/{P}/v2.0");
            let confined = jwks(&signer().jwks, &signer().kid, Some(&elsewhere));
            ended_by(&|set| replaced(set, &confined), runtime)
        },
    },
    Rule {
        name: "a key that is confined to what cannot be read verifies nothing",
        holds: |runtime| {
            let confined = jwks(&signer().jwks, &signer().kid, Some("https://login.example/common"));
            ended_by(&|set| replaced(set, &confined), runtime)
        },
    },
    Rule {
        name: "keys that are too old end their tokens",
        holds: |runtime| ended_by(&|set| set.believed_until(now() - 1), runtime),
    },
    Rule { name: "keys that are too old verify nothing", holds: old_keys_verify_nothing },
    Rule { name: "a token that was good ends with its time", holds: time_ends_tokens },
];

fn bench(exp: i64) -> Bench {
    // Or a policy that is too old would end them first.
    let config = json!({"policy": {"max_staleness": "0s"}});
    Bench::of(&config, &base(), &json!({"claims": {"tid": L, "aud": "api://orders", "exp": {"$now": exp}}}))
}

fn whole_tokens_only(runtime: &Runtime) -> bool {
    let mut bench = bench(3600);
    let gate = bench.gate();
    let good = bench.allows_at(&gate, bench.now, runtime);
    let frame = bench.frame.clone();
    let claims = json!({"tid": L, "aud": "api://orders", "exp": {"$now": 3600}});
    let forged = signer().sign(&claims, &serde_json::Map::new(), Sign::Corrupt, bench.now);
    let forged = Bench::of(&json!({}), &base(), &json!({"authorization": [format!("Bearer {forged}")]}));
    bench.frame = forged.frame;
    good && bench.frame != frame && !bench.allows_at(&gate, bench.now, runtime)
}

/// Whether a token that was good is so no more after this became of every set of keys, even though it is remembered;
/// and that nothing remembers it wrongly.
fn ended_by(change: &dyn Fn(&KeySet) -> KeySet, runtime: &Runtime) -> bool {
    let bench = bench(3600);
    let (gate, keys): (Gate, Publisher<KeyRing>) = bench.gate_but(|_| ());
    let good = bench.allows_at(&gate, bench.now, runtime);
    keys.publish(KeyRing { sets: bench.keys.sets.iter().map(change).collect() });
    good && !bench.allows_at(&gate, bench.now, runtime)
}

fn old_keys_verify_nothing(runtime: &Runtime) -> bool {
    let mut bench = bench(3600);
    let good = bench.allows(runtime);
    bench.keys.sets = bench.keys.sets.iter().map(|set| set.believed_until(bench.now - 1)).collect();
    good && !bench.allows(runtime)
}

fn time_ends_tokens(runtime: &Runtime) -> bool {
    let bench = bench(10);
    let gate = bench.gate();
    bench.allows_at(&gate, bench.now, runtime) && !bench.allows_at(&gate, bench.now + 10 + 300, runtime)
}

fn replaced(set: &KeySet, document: &str) -> KeySet {
    set.replaced(&set.issuer, document.as_bytes(), i64::MAX).unwrap()
}

/// The first key of a document by another name, and as somebody's own.
fn jwks(document: &str, kid: &str, issuer: Option<&str>) -> String {
    let mut document: Value = serde_json::from_str(document).unwrap();
    document["keys"][0]["kid"] = kid.into();
    if let Some(issuer) = issuer {
        document["keys"][0]["issuer"] = issuer.into();
    }
    document.to_string()
}
