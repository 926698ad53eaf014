//! Properties of the decision, on random policies, tokens and routes.
//!
//! The reference in `tests/reference/` is written from the documents alone and shares no code with `src/`. Where it
//! and the engine disagree, one of the two misreads them.
//!
//! `CASES=10000000 SEED=7 cargo test --test properties` looks further than the normal run.
#![expect(
    clippy::wildcard_enum_match_arm,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may fail loudly"
)]

mod engine;
mod golden;
mod laws;
mod reference;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Mutex;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use reference::generate::{self, Case};
use reference::model;
use tenantgate::engine::Reason;

/// Of the normal run, over all threads.
const CASES: u32 = 1_000_000;
const THREADS: u32 = 2;
/// How often each reason must have been reached, per million cases.
const FLOOR: u32 = 100;

/// What no generated case can come to: of every other reason there is a floor.
const OUT_OF_REACH: [(&str, &[Reason]); 2] = [
    (
        "a case is claims, as if signed: there is no envelope",
        &[
            Reason::TokenAlgorithm,
            Reason::TokenKeyUnknown,
            Reason::TokenSignature,
            Reason::TokenTooLarge,
            Reason::TokenUnreadable,
        ],
    ),
    (
        "a case has a policy, keys and a readable frame",
        &[
            Reason::PolicyUnavailable,
            Reason::PartnerUnavailable,
            Reason::KeysUnavailable,
            Reason::Overloaded,
            Reason::InternalError,
        ],
    ),
];

/// Of the egress modes alone.
const OUTWARD: &[Reason] = &[
    Reason::RestrictionsNotApplicable,
    Reason::SignInHost,
    Reason::UnrestrictedHost,
    Reason::TokenAmbiguous,
    Reason::RequestMalformed,
    Reason::ResourceTenantMismatch,
    Reason::ServiceProviderOutboundBlocked,
    Reason::ResourceInboundBlocked,
    Reason::RestrictionsPolicyMissing,
];

/// Of mode `inbound` alone.
const INWARD: &[Reason] = &[
    Reason::ForeignGuestToken,
    Reason::ServiceProviderUnlisted,
    Reason::HomeOutboundBlocked,
    Reason::NonEntraBlocked,
    Reason::DomainBlocked,
    Reason::DomainNotAllowed,
    Reason::DomainUnresolved,
    Reason::RestrictionsHeaderInvalid,
    Reason::RestrictionsClaimMissing,
    Reason::RestrictionsPolicyMismatch,
    Reason::ConditionalAccessBlock,
    Reason::MfaRequired,
    Reason::MfaNotTrusted,
    Reason::CompliantDeviceRequired,
    Reason::HybridDeviceRequired,
    Reason::DeviceNotTrusted,
    Reason::InviterNotAllowed,
    Reason::InviteeUnresolved,
    Reason::SyncCallerNotWorkload,
    Reason::SyncNotAllowed,
];

/// Where a case goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    In,
    Out,
}

/// Every reason that a generated case can come to.
pub(crate) fn reasons(way: Way) -> impl Iterator<Item = &'static str> {
    let other = if way == Way::In { OUTWARD } else { INWARD };
    let out_of_reach = OUT_OF_REACH.iter().map(|(_, reasons)| *reasons).chain([other]);
    let out_of_reach: Vec<_> = out_of_reach.flatten().collect();
    Reason::ALL.iter().filter(move |reason| !out_of_reach.contains(reason)).map(|reason| reason.word())
}

#[test]
fn the_engine_agrees_with_the_reference() {
    reaches_everything(Way::In, CASES, generate::case);
}

#[test]
fn the_engine_agrees_with_the_reference_on_the_way_out() {
    reaches_everything(Way::Out, CASES / 2, generate::egress);
}

fn reaches_everything<S: Strategy<Value = Case>>(way: Way, usual: u32, strategy: impl Fn() -> S + Sync) {
    let cases = number("CASES").unwrap_or(usual);
    let seed = number("SEED").unwrap_or(0);
    let reached = Mutex::new(BTreeMap::<String, u32>::new());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (reached, strategy) = (&reached, &strategy);
            scope.spawn(move || {
                let seed = seed.wrapping_mul(THREADS).wrapping_add(thread);
                agree(cases / THREADS, seed, &strategy(), reached);
            });
        }
    });
    let reached = reached.into_inner().unwrap();
    for (reason, count) in &reached {
        println!("{count:>8}  {reason}");
    }
    let told: &[&str] = if way == Way::In { &["consent suppressed", "consent required"] } else { &[] };
    for reason in reasons(way).chain(told.iter().copied()) {
        let count = reached.get(reason).copied().unwrap_or_default();
        let floor = u64::from(FLOOR) * u64::from(cases) / 1_000_000;
        assert!(u64::from(count) >= floor, "{reason} was reached {count} times only, expected {floor}");
    }
}

fn agree(
    cases: u32,
    seed: u32,
    strategy: &impl Strategy<Value = Case>,
    reached: &Mutex<BTreeMap<String, u32>>,
) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(seed.to_le_bytes()).for_each(|(byte, seed)| *byte = seed);
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, random);
    let counts = RefCell::new(BTreeMap::<String, u32>::new());
    let outcome = runner.run(strategy, |case| {
        let expected = model::decide(&case.request());
        let decided = engine::decide(&case);
        if decided != expected {
            return Err(TestCaseError::fail(format!("decided {decided:?}\nexpected {expected:?}")));
        }
        let consent = expected.consent.map(|word| format!("consent {word}"));
        for reached in consent.into_iter().chain([expected.reason]) {
            *counts.borrow_mut().entry(reached).or_default() += 1;
        }
        Ok(())
    });
    for (reason, count) in counts.into_inner() {
        *reached.lock().unwrap().entry(reason).or_default() += count;
    }
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, case)) => panic!("{why}\n{}", shown(&case)),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

fn shown(case: &Case) -> String {
    format!(
        "config {}\nbundle {}\nprincipal_map {}\nclaims {}\nroute {:?}\nheaders {:?}\nbody {:?}\n{} {:?} {}\nnow {}",
        case.config,
        case.bundle,
        case.principal_map,
        case.claims.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string),
        case.route,
        case.headers,
        case.body,
        case.method,
        case.host,
        case.path,
        case.now
    )
}

fn number(name: &str) -> Option<u32> {
    std::env::var_os(name).map(|text| text.into_string().unwrap().parse().expect("a number"))
}
