//! Cedar, as its documentation has it: one `Authorizer`, policies parsed and entities made once, a request for each
//! question.

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression,
};
use serde_json::{Value, json};

use crate::case::Known;
use crate::table::{Half, Setting, Table};

const POLICY: &str = include_str!("policy.cedar");

/// Rules and entities, ready to be asked.
pub(crate) struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    kinds: Kinds,
}

/// Names that every request has.
struct Kinds {
    user: EntityTypeName,
    application: EntityTypeName,
    tenant: EntityTypeName,
    access: EntityUid,
}

impl Cedar {
    pub(crate) fn new(table: &Table) -> anyhow::Result<Self> {
        let tenants = table.partners.iter().map(|(id, partner)| {
            let mut attributes = json!({"mfa": partner.mfa, "device": partner.device});
            for (name, kept) in [("inbound", &partner.inbound), ("outbound", &partner.outbound)] {
                if let Some(kept) = kept {
                    attributes[name] = setting(kept);
                }
            }
            entity("Tenant", id, &attributes)
        });
        let default = entity("Setting", "default", &setting(&table.default));
        let entities: Value = tenants.chain([default]).collect();
        Ok(Self {
            authorizer: Authorizer::new(),
            policies: POLICY.parse()?,
            entities: Entities::from_json_value(entities, None)?,
            kinds: Kinds {
                user: "User".parse()?,
                application: "Application".parse()?,
                tenant: "Tenant".parse()?,
                access: r#"Action::"access""#.parse()?,
            },
        })
    }

    /// What it is asked for this.
    pub(crate) fn request(&self, known: &Known) -> anyhow::Result<Request> {
        let Kinds { user, application, tenant, access } = &self.kinds;
        let named = |kind: &EntityTypeName, id: &str| {
            EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
        };
        let home = known.home.as_ref().map(|home| RestrictedExpression::new_entity_uid(named(tenant, home)));
        let said = [("mfa", known.mfa), ("device", false)];
        let said = said.map(|(name, is_so)| (name.to_owned(), RestrictedExpression::new_bool(is_so)));
        let context =
            Context::from_pairs(said.into_iter().chain(home.map(|home| ("home".to_owned(), home))))?;
        let (principal, resource) = (named(user, &known.user), named(application, &known.application));
        Ok(Request::new(principal, access.clone(), resource, context, None)?)
    }

    pub(crate) fn permits(&self, request: &Request) -> bool {
        self.authorizer.is_authorized(request, &self.policies, &self.entities).decision() == Decision::Allow
    }

    /// Errors of the rules themselves, which would be denials that nobody meant.
    pub(crate) fn problems(&self, request: &Request) -> Vec<String> {
        let answer = self.authorizer.is_authorized(request, &self.policies, &self.entities);
        answer.diagnostics().errors().map(ToString::to_string).collect()
    }
}

fn setting(Setting { users, applications }: &Setting) -> Value {
    json!({"users": half(users, "User", "AllUsers"), "applications": half(applications, "Application", "AllApplications")})
}

fn half(Half { allowed, targets }: &Half, kind: &str, everything: &str) -> Value {
    let listed = targets.keys().filter(|id| *id != everything);
    let listed: Value = listed.map(|id| json!({"__entity": {"type": kind, "id": id}})).collect();
    json!({"allowed": allowed, "all": targets.contains_key(everything), "targets": listed})
}

fn entity(kind: &str, id: &str, attributes: &Value) -> Value {
    json!({"uid": {"type": kind, "id": id}, "attrs": attributes, "parents": []})
}
