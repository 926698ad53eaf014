//! Conditional Access policies (Graph `conditionalAccessPolicy`): the part that can be enforced on a request.
//!
//! A condition that is skipped in silence is a hole. Whatever is neither understood nor neutral refuses the load
//! with the policy's name, unless the bundle says to ignore that policy.

use std::cell::Cell;

use super::values::sorted;
use crate::id::{AppId, ObjectId};
use crate::policy::conditional::{
    AppCondition, AppSet, ConditionalPolicy, Control, Controls, ExternalUsers, GuestTypes, Operator,
    PolicyState, Tenants, UserCondition, UserSet,
};
use crate::policy::fields::{Field, Fields};
use crate::policy::finding::Findings;
use crate::policy::json::Node;
use crate::policy::pointer::Pointer;

/// `conditionalAccess`: the policies that are not disabled, in their order.
pub(super) fn policies(field: Field<'_, '_>, findings: &mut Findings) -> Option<Box<[ConditionalPolicy]>> {
    let fields = field.object(findings)?;
    let ignored: Vec<String> = super::values::list(fields.take("ignore"), findings);
    let mut policies = Vec::new();
    if let Some(list) = fields.take("policies") {
        for (index, node) in list.array(findings).iter().enumerate() {
            policies.extend(policy(Field { node, at: list.at.item(index) }, &ignored, findings));
        }
    }
    fields.finish_exact(findings);
    Some(policies.into())
}

fn policy(field: Field<'_, '_>, ignored: &[String], findings: &mut Findings) -> Option<ConditionalPolicy> {
    let fields = field.object(findings)?;
    let id = fields.take("id").and_then(|id| id.text(findings)).map(str::to_owned);
    let name = fields.take("displayName").and_then(|name| name.text(findings)).map(str::to_owned);
    if id.as_ref().is_some_and(|id| ignored.iter().any(|ignored| ignored.eq_ignore_ascii_case(id))) {
        return None;
    }
    let name = name.or_else(|| id.clone()).unwrap_or_else(|| "without a name".to_owned());
    let reader = Reader { name: &name, supported: Cell::new(true) };
    let state = match fields.require("state", findings)?.text(findings)? {
        "disabled" => return None,
        "enabled" => PolicyState::Enabled,
        "enabledForReportingButNotEnforced" => PolicyState::ReportOnly,
        other => {
            reader.unsupported(&fields.at.member("state"), &format!("state `{other}`"), findings);
            return None;
        }
    };
    let conditions = fields.take("conditions").and_then(|conditions| reader.conditions(conditions, findings));
    let controls = fields.take("grantControls").and_then(|controls| reader.controls(controls, findings));
    fields.pass_over(&[
        "templateId",
        "createdDateTime",
        "modifiedDateTime",
        "deletedDateTime",
        "description",
    ]);
    reader.neutral(&fields, findings);
    let at = fields.at;
    let (Some((applications, users)), Some(controls)) = (conditions, controls) else {
        if reader.supported.get() {
            reader.unsupported(
                &at,
                "a policy without conditions on applications and users, or without controls",
                findings,
            );
        }
        return None;
    };
    let id = id.unwrap_or_else(|| name.clone()).into();
    reader.supported.get().then_some(ConditionalPolicy { id, state, applications, users, controls })
}

struct Reader<'p> {
    name: &'p str,
    supported: Cell<bool>,
}

impl Reader<'_> {
    fn unsupported(&self, at: &Pointer<'_>, what: &str, findings: &mut Findings) {
        self.supported.set(false);
        let message =
            format!("Conditional Access policy `{}` has {what}, which cannot be enforced here", self.name);
        let remedy = "remove it from the bundle, disable it, or list its id under conditionalAccess.ignore";
        findings.error("conditional_access_unsupported", at, message, remedy);
    }

    /// Whatever was not asked for must say nothing.
    fn neutral(&self, fields: &Fields<'_, '_>, findings: &mut Findings) {
        for (name, node) in fields.unnamed() {
            if !node.is_neutral() {
                self.unsupported(&fields.at.member(name), &format!("`{name}`"), findings);
            }
        }
    }

    fn conditions(
        &self,
        field: Field<'_, '_>,
        findings: &mut Findings,
    ) -> Option<(AppCondition, UserCondition)> {
        let fields = field.object(findings)?;
        let applications = fields.take("applications").and_then(|field| self.applications(field, findings));
        let users = fields.take("users").and_then(|field| self.users(field, findings));
        if let Some(clients) = fields.take("clientAppTypes") {
            let every = Node::Array(vec![Node::Text("all".into())]);
            if *clients.node != every && !clients.node.is_neutral() {
                self.unsupported(&clients.at, "`clientAppTypes`", findings);
            }
        }
        self.neutral(&fields, findings);
        Some((applications?, users?))
    }

    fn applications(&self, field: Field<'_, '_>, findings: &mut Findings) -> Option<AppCondition> {
        let fields = field.object(findings)?;
        let include = fields.take("includeApplications");
        let include = self.app_set(include, findings);
        let exclude = fields.take("excludeApplications");
        let exclude = self.app_set(exclude, findings);
        self.neutral(&fields, findings);
        Some(AppCondition { include, exclude })
    }

    fn app_set(&self, field: Option<Field<'_, '_>>, findings: &mut Findings) -> AppSet {
        let (mut all, mut office365, mut ids) = (false, false, Vec::<AppId>::new());
        self.each(field, findings, |text| {
            match text {
                "All" => all = true,
                "None" => {}
                "Office365" => office365 = true,
                id => ids.push(id.parse().map_err(|_| ())?),
            }
            Ok(())
        });
        AppSet { all, office365, ids: sorted(ids) }
    }

    fn users(&self, field: Field<'_, '_>, findings: &mut Findings) -> Option<UserCondition> {
        let fields = field.object(findings)?;
        let names = ["includeUsers", "includeGroups", "includeGuestsOrExternalUsers"];
        let include = self.user_set(&fields, names, findings);
        let names = ["excludeUsers", "excludeGroups", "excludeGuestsOrExternalUsers"];
        let exclude = self.user_set(&fields, names, findings);
        self.neutral(&fields, findings);
        Some(UserCondition { include, exclude })
    }

    fn user_set(
        &self,
        fields: &Fields<'_, '_>,
        names: [&'static str; 3],
        findings: &mut Findings,
    ) -> UserSet {
        let [users_name, groups_name, external_name] = names;
        let (mut all, mut guests, mut users, mut groups) =
            (false, false, Vec::<ObjectId>::new(), Vec::<ObjectId>::new());
        self.each(fields.take(users_name), findings, |text| {
            match text {
                "All" => all = true,
                "None" => {}
                "GuestsOrExternalUsers" => guests = true,
                id => users.push(id.parse().map_err(|_| ())?),
            }
            Ok(())
        });
        self.each(fields.take(groups_name), findings, |text| {
            groups.push(text.parse().map_err(|_| ())?);
            Ok(())
        });
        let exempts = external_name.starts_with("exclude");
        let external = fields.take(external_name).and_then(|field| self.external(field, exempts, findings));
        UserSet { all, guests, users: sorted(users), groups: sorted(groups), external }
    }

    /// Every text of a list; one that cannot be read is unsupported, never left out.
    fn each(
        &self,
        field: Option<Field<'_, '_>>,
        findings: &mut Findings,
        mut read: impl FnMut(&str) -> Result<(), ()>,
    ) {
        let Some(field) = field else { return };
        for (index, node) in field.array(findings).iter().enumerate() {
            let at = field.at.item(index);
            if let Some(text) = (Field { node, at }).text(findings)
                && read(text).is_err()
            {
                self.unsupported(&at, &format!("`{text}`"), findings);
            }
        }
    }

    /// Guests by type and home. What says nothing of either would apply to nobody, or exempt everybody.
    fn external(
        &self,
        field: Field<'_, '_>,
        exempts: bool,
        findings: &mut Findings,
    ) -> Option<ExternalUsers> {
        let fields = field.object(findings)?;
        let mut types = GuestTypes::default();
        let words = fields.take("guestOrExternalUserTypes");
        for word in words.and_then(|words| words.text(findings)).unwrap_or_default().split(',') {
            match GuestTypes::WORDS.iter().find(|(known, _)| *known == word.trim()) {
                Some((_, kind)) => types = types.with(*kind),
                None if word.trim().is_empty() => {}
                None => self.unsupported(&fields.at, &format!("guest type `{}`", word.trim()), findings),
            }
        }
        if types == GuestTypes::default() {
            self.unsupported(&fields.at, "guests of no type", findings);
        }
        let tenants = match fields.take("externalTenants") {
            None if exempts => {
                self.unsupported(&fields.at, "an exemption without `externalTenants`", findings);
                return None;
            }
            None => Tenants::All,
            Some(tenants) => self.tenants(tenants, findings)?,
        };
        self.neutral(&fields, findings);
        Some(ExternalUsers { types, tenants })
    }

    fn tenants(&self, field: Field<'_, '_>, findings: &mut Findings) -> Option<Tenants> {
        let fields = field.object(findings)?;
        let tenants = match fields.require("membershipKind", findings)?.text(findings)? {
            "all" => Tenants::All,
            "enumerated" => {
                let members = super::values::list(fields.take("members"), findings);
                if members.is_empty() {
                    self.unsupported(&fields.at, "enumerated tenants without members", findings);
                }
                Tenants::Only(sorted(members))
            }
            other => {
                self.unsupported(&fields.at, &format!("membershipKind `{other}`"), findings);
                return None;
            }
        };
        self.neutral(&fields, findings);
        Some(tenants)
    }

    fn controls(&self, field: Field<'_, '_>, findings: &mut Findings) -> Option<Controls> {
        let fields = field.object(findings)?;
        let operator =
            fields.take("operator").and_then(|operator| operator.text(findings)).map(str::to_owned);
        let (mut block, mut required) = (false, Vec::new());
        self.each(fields.take("builtInControls"), findings, |text| {
            match Control::ALL.into_iter().find(|control| control.word() == text) {
                Some(control) => required.push(control),
                None if text == "block" => block = true,
                None => return Err(()),
            }
            Ok(())
        });
        self.neutral(&fields, findings);
        let required = sorted(required);
        match (block, &*required, operator.as_deref()) {
            (true, [], _) => Some(Controls::Block),
            (false, [_], None | Some("AND")) | (false, [_, _, ..], Some("AND")) => {
                Some(Controls::Require(Operator::And, required))
            }
            (false, [_, ..], Some("OR")) => Some(Controls::Require(Operator::Or, required)),
            (true, ..) => {
                self.unsupported(&fields.at, "`block` beside other controls", findings);
                None
            }
            (false, [], _) => {
                self.unsupported(&fields.at, "no control at all", findings);
                None
            }
            (false, ..) => {
                self.unsupported(&fields.at, "several controls without AND or OR", findings);
                None
            }
        }
    }
}
