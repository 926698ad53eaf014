//! Whom of a partner's users one application is open to, for those whose rules are lists of exactly that.

use anyhow::bail;

use crate::table::{Half, Partner, Setting, Table};

#[derive(Debug)]
pub(crate) enum Admitted<'t> {
    Everyone,
    These(Vec<&'t str>),
    Nobody,
}

impl<'t> Admitted<'t> {
    /// Of this partner's users, if they prove multi-factor authentication.
    pub(crate) fn of(table: &'t Table, partner: &str, application: &str) -> anyhow::Result<Self> {
        let Some(Partner { inbound, outbound, mfa: true, .. }) = table.partners.get(partner) else {
            return Ok(Self::Nobody);
        };
        let inbound = Self::by(inbound.as_ref().unwrap_or(&table.default), application)?;
        match outbound.as_ref().map(|outbound| Self::by(outbound, application)) {
            None | Some(Ok(Self::Everyone)) => Ok(inbound),
            Some(_) => bail!("partner {partner} does not let everyone go"),
        }
    }

    fn by(setting: &'t Setting, application: &str) -> anyhow::Result<Self> {
        let Half { allowed, targets } = &setting.users;
        let is_everyone = targets.contains_key("AllUsers");
        Ok(match (is_open(&setting.applications, application), allowed, is_everyone) {
            (false, ..) | (true, false, true) => Self::Nobody,
            (true, true, true) => Self::Everyone,
            (true, true, false) => Self::These(targets.keys().map(String::as_str).collect()),
            (true, false, false) => bail!("everyone but a few"),
        })
    }
}

fn is_open(Half { allowed, targets }: &Half, application: &str) -> bool {
    *allowed == (targets.contains_key("AllApplications") || targets.contains_key(application))
}
