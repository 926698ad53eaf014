//! What a decision needs, ready to use: a compiled policy of any size, the configured choices, and identities.

use std::sync::Arc;

use serde_json::Value;
use tenantgate::engine::{Access, Action, Mode, Required, Route, Rules, Unresolved};
use tenantgate::id::Applications;
use tenantgate::policy::{Contexts, Options, Revision, Snapshot, compile};
use tenantgate::token::{Expectation, Identity, KeyRing, Unverified};

use crate::fixtures::id::{APPLICATION, TENANT};
use crate::fixtures::{AUDIENCE, Caller, bundle, claims};

/// A policy and the choices around it.
pub(crate) struct World {
    pub(crate) snapshot: Snapshot,
    pub(crate) rules: Rules,
    applications: Arc<Applications>,
}

impl World {
    /// With so many partners, and with these Conditional Access policies.
    pub(crate) fn new(partners: u32, policies: &[Value]) -> Self {
        let bundle = bundle(partners, policies);
        let compiled = compile([bundle.as_bytes()], Revision("bench".into()), &Options::default());
        let snapshot = compiled.snapshot.expect("the bundle compiles");
        let applications = Arc::new(Applications::new([(AUDIENCE.into(), APPLICATION)]));
        let contexts = Contexts::new(["c1", "c2", "c3"].map(|context| Some(context.into())));
        let rules = Rules { applications: Arc::clone(&applications), contexts, ..Rules::default() };
        Self { snapshot, rules, applications }
    }

    /// The caller's identity, as its token would prove it.
    pub(crate) fn identity(&self, caller: Caller) -> Identity {
        self.identity_of(&claims(caller))
    }

    /// The identity that these claims would prove.
    pub(crate) fn identity_of(&self, claims: &Value) -> Identity {
        let expected = Expectation {
            audiences: Box::new([AUDIENCE.into()]),
            skew: 0,
            max_bytes: 16 * 1024,
            applications: Arc::clone(&self.applications),
        };
        let claims = claims.to_string();
        Unverified(claims.as_bytes()).assume(&KeyRing::default(), &expected).expect("the claims are readable")
    }
}

/// The request of this caller at Contoso's application.
pub(crate) fn access(identity: &Identity) -> Access<'_> {
    let route = Route {
        mode: Mode::Inbound,
        action: Action::Access,
        tenant: TENANT,
        application: None,
        source_tenant: None,
        resource_tenant: None,
        require: Required::default(),
        report_only: None,
    };
    Access { route, identity, principal: None, restrictions: None, invitee: Err(Unresolved::NoBody) }
}
