//! The real code on a generated case: everything of a check but the bytes of the wire and the signature.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tenantgate::check::{Decision, Field, Http, Judge, Preparation, Request};
use tenantgate::config::{Composed, Config, Environment};
use tenantgate::engine::{Effect, Explanation, Marking, Signal, Walked};
use tenantgate::policy::{Compiled, PrincipalMap, Revision, Snapshot, compile};
use tenantgate::store::{Publisher, Status, cell};
use tenantgate::token::{KeyRing, KeySet, TokenError, attested};

use crate::reference::generate::Case;
use crate::reference::model;

/// What the engine says of the case, in the reference's words.
pub(crate) fn decide(case: &Case) -> model::Decision {
    explain(case).0
}

/// The same, with every step.
pub(crate) fn explain(case: &Case) -> (model::Decision, Vec<Walked>) {
    let Composed { judge, expected, keys, policy_options, .. } = config(&case.config).compose().unwrap();
    let ring = KeyRing { sets: keys.into_iter().map(|source| KeySet::empty(source.issuer)).collect() };
    let bundle = case.bundle.to_string();
    let Compiled { snapshot, findings } = compile([bundle.as_bytes()], Revision("1".into()), &policy_options);
    let snapshot: Snapshot = snapshot.unwrap_or_else(|| panic!("the bundle was refused: {findings:?}"));
    let (publisher, policy) = cell();
    publisher.publish(snapshot);
    let (principals, map) = cell();
    publish(&principals, &case.principal_map);
    let status = Arc::new(Status::default());
    status.reached(case.now);
    let judge = Judge::new(judge, policy, map, status);

    let mut http = Http {
        method: case.method.as_bytes(),
        host: case.host.as_bytes(),
        path: case.path.as_bytes(),
        ..Http::default()
    };
    for (name, value) in &case.headers {
        http.add_header(name.as_bytes(), value.as_bytes());
    }
    let body = case.body.as_deref().map(text).unwrap_or_default();
    http.body.raw = body.as_bytes();
    let route = case.route.iter().map(|(key, value)| (key.as_bytes(), value.as_bytes())).collect();
    let request = Request { http: Some(http), route, ..Request::default() };
    let claims = case.claims.as_ref().map(ToString::to_string);
    let caller = claims.as_deref().map_or(Err(TokenError::Missing), |text| {
        let mut identity = attested(text.as_bytes(), &ring, &expected, case.now)?;
        // As if a key of the issuer had verified it.
        let uri = case.claims.as_ref().and_then(|claims| claims["iss"].as_str()).unwrap_or_default();
        let mut issuers = ring.sets.iter().map(|set| &set.issuer);
        let issuer = issuers.find(|issuer| issuer.template.tenant(uri) == Some(identity.tenant));
        identity.issuer_cloud = issuer.map(|issuer| issuer.cloud);
        Ok(identity)
    });
    let mut explanation = Explanation::default();
    let preparation: Preparation<'_> = judge.prepare(&request, case.now, &mut explanation);
    let caller = caller.as_ref().map_err(|error| *error);
    let decided = judge.conclude(&preparation, caller, &mut explanation, decision);
    (decided, explanation.steps)
}

/// An object with these members, repeated ones too.
fn text(members: &[(String, Value)]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
    format!("{{{}}}", members.join(","))
}

fn config(config: &Value) -> Config {
    let mut document = config.clone();
    document["policy"] = json!({"path": "policy.json"});
    Config::read(&document.to_string(), PathBuf::new(), &Environment::default()).unwrap()
}

fn publish(publisher: &Publisher<PrincipalMap>, principals: &Value) {
    let mut map = json!({});
    for principal in principals.as_array().into_iter().flatten() {
        let (tenant, oid) = (principal["tenant"].as_str().unwrap(), principal["oid"].as_str().unwrap());
        let mut entry = principal.clone();
        entry.as_object_mut().unwrap().retain(|name, _| name.starts_with("home"));
        map[tenant][oid] = entry;
    }
    publisher.publish(serde_json::from_value(map).unwrap());
}

fn decision(decision: &Decision<'_>) -> model::Decision {
    let fields = decision.fields();
    let field = |name: &str| &fields.iter().find(|(known, _)| *known == name).unwrap().1;
    let text = |name: &str| match field(name) {
        Field::Null => None,
        Field::Text(text) => Some((*text).to_owned()),
        Field::Id(id) => Some(id.to_string()),
        Field::Truth(_) | Field::List(_) => panic!("{name} is no text"),
    };
    let truth = |name: &str| match field(name) {
        Field::Null => None,
        Field::Truth(truth) => Some(*truth),
        Field::Text(_) | Field::Id(_) | Field::List(_) => panic!("{name} is neither yes nor no"),
    };
    let Field::List(report_only) = field("report_only") else { panic!("report_only is no list") };
    let reason = text("reason").unwrap();
    model::Decision {
        application: text("application").filter(|_| reason != "route_invalid"),
        guest_access: text("guest_access"),
        consent: text("consent"),
        invitation_email: truth("invitation_email"),
        consent_prompt: truth("consent_prompt"),
        notification_email: truth("notification_email"),
        demand: decision.www_authenticate().as_deref().and_then(demand),
        marks: (decision.verdict.effect() == Effect::Allow)
            .then(|| marks(decision.verdict.marking))
            .flatten(),
        effect: text("effect").unwrap(),
        reason,
        relation: text("relation"),
        partner: text("partner"),
        setting: text("setting"),
        origin: text("origin"),
        report_only: report_only.to_vec(),
    }
}

fn marks(marking: Marking<'_>) -> Option<String> {
    match marking {
        Marking::Ours => None,
        Marking::Untouched => Some("untouched".to_owned()),
        Marking::SignIn(Signal::Policy(tenant, policy)) => Some(format!("policy {tenant}:{policy}")),
        Marking::SignIn(Signal::Tenants(tenant)) => {
            let others = tenant.unrestricted_partners().iter().filter(|other| **other != tenant.id);
            let ids: Vec<_> = std::iter::once(&tenant.id).chain(others).map(ToString::to_string).collect();
            Some(format!("tenants {}", ids.join(",")))
        }
        Marking::SignIn(Signal::NoPersonalAccounts) => Some("restrict-msa".to_owned()),
        Marking::SignIn(Signal::Nothing) => Some("nothing".to_owned()),
    }
}

/// What a challenge asks for, out of its header.
fn demand(challenge: &str) -> Option<String> {
    let (_, claims) = challenge.split_once(r#"claims=""#)?;
    let (claims, _) = claims.split_once('"')?;
    Some(String::from_utf8(STANDARD.decode(claims).unwrap()).unwrap())
}
