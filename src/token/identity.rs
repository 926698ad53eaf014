//! What a token says of its caller, in the shape that decisions read.

use std::borrow::Cow;

use crate::id::{AppId, Applications, Cloud, Domain, Hint, ObjectId, PolicyId, TenantId};
use crate::token::TokenError;
use crate::token::claims::Claims;
use crate::token::idp::Idp;
use crate::token::issuer::{Issuer, entra_host};

/// A caller. Made by [`crate::token::verify()`] or, without evidence, by [`crate::token::claimed()`] and
/// [`crate::token::Unverified::assume`].
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a claim by itself")]
pub struct Identity {
    /// Whether the token's signature was verified, by us or by Envoy; else these are mere claims.
    pub proven: bool,
    /// T: the tenant that issued the token.
    pub tenant: TenantId,
    /// H: where the user is at home.
    pub home: Home,
    /// Where the record that decisions about the caller read was found last; it says nothing of the caller.
    pub record: Hint,
    /// The cloud that the host of `iss` tells.
    pub issuer_host_cloud: Option<Cloud>,
    /// The cloud of the configured issuer whose key verified.
    pub issuer_cloud: Option<Cloud>,
    /// The cloud that the host of `idp` tells.
    pub idp_cloud: Option<Cloud>,
    /// `oid`: the caller's id in T.
    pub object: Option<ObjectId>,
    /// `home_oid`: the caller's id in H.
    pub home_object: Option<ObjectId>,
    /// The caller's groups in T.
    pub groups: Groups,
    /// The resource that the token is for.
    pub audience: Audience,
    /// `azp` and `appid`.
    pub clients: [Client; 2],
    /// No user, but an application by itself.
    pub workload: bool,
    /// `acct`: 0 a member, 1 a guest of T.
    pub account: Option<u64>,
    /// The meaningful values of `xms_idrel`.
    pub relation: Xms,
    /// `amr` tells of multi-factor authentication.
    pub amr_mfa: bool,
    /// `signin_state` has `dvc_cmp`.
    pub device_compliant: bool,
    /// `signin_state` has `dvc_dmjd`.
    pub device_domain_joined: bool,
    /// `acrs`: the authentication contexts that T saw satisfied.
    pub contexts: Box<[Box<str>]>,
    /// `xms_cc` has `cp1`: the client understands claims challenges.
    pub understands_challenges: bool,
    /// `xms_trpid`.
    pub restrictions_policy: Restricted,
    /// The domain of `email`.
    pub email_domain: Option<Domain>,
    /// `wids` has a role that may invite guests.
    pub guest_inviter: bool,
    /// `iat` in Unix seconds, 0 when absent.
    pub issued_at: i64,
}

/// H, the tenant where a user is at home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// An Entra tenant.
    Tenant(TenantId),
    /// None: a personal, social or SAML account, a one-time passcode.
    NonEntra,
    /// Perhaps a tenant, of a cloud that we do not know.
    Unlisted,
}

/// The `groups` claim.
#[derive(Debug, Default)]
pub struct Groups {
    /// Those named, sorted.
    pub known: Box<[ObjectId]>,
    /// Whether a group that is not named is one that the caller is not in.
    pub complete: Completeness,
}

/// What the absence of a group from a token means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Completeness {
    /// The token lists them all.
    Listed,
    /// The token says nothing of groups: none, if the issuer is known to emit them.
    Silent,
    /// There are others, elsewhere.
    #[default]
    Partial,
}

/// The `aud` claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audience {
    /// One of `tokens.audiences`.
    pub accepted: bool,
    /// The application it stands for, as a GUID or through the `applications` map.
    pub application: Option<AppId>,
}

/// The `azp` or `appid` claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Absent.
    Absent,
    /// Something that is no application we know by name or id.
    Unreadable,
    /// An application.
    Known(AppId),
}

/// The `xms_trpid` claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restricted {
    /// Absent.
    No,
    /// Issued under this tenant restrictions policy.
    By(PolicyId),
    /// Something that is no policy id.
    Unreadable,
}

/// The set of odd values of `xms_idrel` up to 63 ("Agent token claims": even ones mean nothing).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Xms(u64);

impl Xms {
    /// Whether any of `values` is in the set.
    pub fn has_any(self, values: &[u8]) -> bool {
        values.iter().any(|value| self.0 >> value & 1 == 1)
    }

    fn read(claim: &str) -> Result<Self, TokenError> {
        let mut set = 0;
        for part in claim.split(' ').filter(|_| !claim.is_empty()) {
            let digits = part.strip_prefix('-').unwrap_or(part);
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(TokenError::Malformed("xms_idrel"));
            }
            if let Some(value @ 0..64) = part.parse::<u8>().ok().filter(|value| value % 2 == 1) {
                set |= 1 << value;
            }
        }
        Ok(Self(set))
    }
}

/// What of the configuration an identity depends on.
#[derive(Debug, Clone, Copy)]
pub(in crate::token) struct Reading<'a> {
    pub(in crate::token) audiences: &'a [Box<str>],
    pub(in crate::token) applications: &'a Applications,
}

impl Identity {
    pub(in crate::token) fn of<'i>(
        claims: &Claims<'_>,
        reading: Reading<'_>,
        issuers: impl IntoIterator<Item = &'i Issuer, IntoIter: Clone>,
        verified_by: Option<&Issuer>,
    ) -> Result<Self, TokenError> {
        let tenant = tenant(claims)?;
        let (home, idp_cloud) = match claims.idp.as_deref().map(|idp| Idp::read(idp, issuers)).transpose()? {
            None => (Home::Tenant(tenant), None),
            Some(Idp::Entra(home, cloud)) => (Home::Tenant(home), cloud),
            Some(Idp::Other) => (Home::NonEntra, None),
            Some(Idp::UnlistedHost) => (Home::Unlisted, None),
        };
        let relation = claims.xms_idrel.as_deref().map(Xms::read).transpose()?.unwrap_or_default();
        let application = |name: &str| reading.applications.resolve(name).ok();
        Ok(Self {
            proven: false,
            tenant,
            home,
            record: Hint::default(),
            issuer_host_cloud: claims.iss.as_deref().and_then(host_cloud),
            issuer_cloud: verified_by.map(|issuer| issuer.cloud),
            idp_cloud,
            object: claims.oid.as_deref().and_then(|id| id.parse().ok()),
            home_object: claims.home_oid.as_deref().and_then(|id| id.parse().ok()),
            groups: Groups::of(claims),
            audience: Audience {
                accepted: claims.aud.as_deref().is_some_and(|aud| is_accepted(aud, reading.audiences)),
                application: claims.aud.as_deref().and_then(application),
            },
            clients: [claims.azp.as_deref(), claims.appid.as_deref()].map(|name| match name {
                None => Client::Absent,
                Some(name) => application(name).map_or(Client::Unreadable, Client::Known),
            }),
            workload: is_workload(claims, relation),
            account: claims.acct,
            relation,
            amr_mfa: any(claims.amr.as_deref(), |method| ["mfa", "ngcmfa"].contains(&method)),
            device_compliant: any(claims.signin_state.as_deref(), |state| state == "dvc_cmp"),
            device_domain_joined: any(claims.signin_state.as_deref(), |state| state == "dvc_dmjd"),
            contexts: claims.acrs.iter().flatten().map(|context| (**context).into()).collect(),
            understands_challenges: any(claims.xms_cc.as_deref(), |capability| {
                capability.eq_ignore_ascii_case("cp1")
            }),
            restrictions_policy: match claims.xms_trpid.as_deref().map(str::parse) {
                None => Restricted::No,
                Some(Ok(policy)) => Restricted::By(policy),
                Some(Err(_)) => Restricted::Unreadable,
            },
            email_domain: claims.email.as_deref().and_then(Domain::of_address),
            guest_inviter: any(claims.wids.as_deref(), is_inviting_role),
            issued_at: claims.iat.unwrap_or(0),
        })
    }
}

/// `tid`, without which a token says nothing.
pub(in crate::token) fn tenant(claims: &Claims<'_>) -> Result<TenantId, TokenError> {
    claims.tid.as_deref().and_then(|tid| tid.parse().ok()).ok_or(TokenError::Malformed("tid"))
}

/// Exactly one of ours; a GUID in either case.
fn is_accepted(audience: &str, accepted: &[Box<str>]) -> bool {
    let guid = audience.parse::<AppId>().is_ok();
    accepted.iter().any(|one| **one == *audience || guid && one.eq_ignore_ascii_case(audience))
}

fn host_cloud(issuer: &str) -> Option<Cloud> {
    entra_host(issuer.strip_prefix("https://")?.split('/').next()?)?.cloud()
}

/// semantics §2, "Workload".
fn is_workload(claims: &Claims<'_>, relation: Xms) -> bool {
    match claims.idtyp.as_deref() {
        Some("app") => true,
        Some("user") => false,
        _ => relation.has_any(&[7, 13, 33]) || claims.roles && !claims.of_user,
    }
}

fn any(values: Option<&[Cow<'_, str>]>, test: impl Fn(&str) -> bool) -> bool {
    values.unwrap_or_default().iter().any(|value| test(value))
}

/// Global Administrator, User Administrator, Guest Inviter ("Microsoft Entra built-in roles").
fn is_inviting_role(role: &str) -> bool {
    [
        "62e90394-69f5-4237-9190-012177145e10",
        "fe930be7-5e62-47db-91af-98c3a49a38b1",
        "95e79109-95c0-4d8e-aee3-d01accf2d47b",
    ]
    .iter()
    .any(|inviting| inviting.eq_ignore_ascii_case(role))
}

impl Groups {
    /// Beyond 200 groups Entra names none or some and points elsewhere ("Groups overage claim").
    fn of(claims: &Claims<'_>) -> Self {
        let Some(named) = &claims.groups else {
            let complete = if claims.groups_elsewhere { Completeness::Partial } else { Completeness::Silent };
            return Self { known: Box::default(), complete };
        };
        let mut known: Vec<ObjectId> = named.iter().filter_map(|group| group.parse().ok()).collect();
        let all_read = known.len() == named.len() && !claims.groups_elsewhere;
        known.sort_unstable();
        let complete = if all_read { Completeness::Listed } else { Completeness::Partial };
        Self { known: known.into(), complete }
    }
}
