//! Cross-tenant access policy: from Microsoft Graph's JSON to something that can be looked up.
//!
//! A *bundle* holds any number of hosted tenants: organisations whose settings are kept here. Each has a default
//! configuration and a record (a *partner*) for every organisation that it treats differently
//! (Graph `crossTenantAccessPolicy`). Reading happens once, completely, and reports everything it finds with a
//! JSON pointer; a policy whose meaning is not supported is refused, never loaded as if it had none.
//!
//! Inheritance from partner to default is not resolved here but at decision time, by reference: a tightened
//! default must reach every partner at once.

mod common;
mod compile;
mod conditional;
mod domains;
mod fields;
mod finding;
mod json;
mod listed;
mod loosening;
mod partner;
mod partners;
mod pointer;
mod principal;
mod setting;
mod shelf;
mod snapshot;
mod table;
mod target;

pub use self::compile::{Compiled, Compiler, Options, PartnerEdit, amend, compile, compile_partner};
pub use self::conditional::{
    AppCondition, AppSet, ConditionalPolicy, Control, Controls, ExternalUsers, GuestTypes, Operator,
    PolicyState, Tenants, UserCondition, UserSet,
};
pub use self::domains::{DomainLists, InvitesFrom};
pub use self::finding::{Finding, Findings, Level};
pub use self::listed::Listed;
pub use self::loosening::{Loosening, loosenings};
pub use self::partner::{Consent, Partner, Settings, TrustFlag, service_default};
pub use self::partners::Partners;
pub use self::pointer::escaped;
pub use self::principal::{Principal, PrincipalMap};
pub use self::setting::{Conflict, Effective, Origin, Setting, SettingKind};
pub use self::shelf::{Fetch, Found, Shelf};
pub use self::snapshot::{Contexts, GuestAccess, Revision, Revocation, Snapshot, Tenant};
pub use self::target::{Access, AppTargets, Half, Suite, UserTargets};
