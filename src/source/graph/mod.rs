//! Microsoft Graph's answers as files, and bundles made of them.
//!
//! A directory has the answers to a tenant's documented requests under the names of what was asked for; a tenant's
//! own, or a directory for each of several. What becomes of them:
//!
//! | file | request | in the tenant of the bundle |
//! |---|---|---|
//! | `tenant.json` | none: what Graph has no place for | its members, such as `displayName`, `revocations` |
//! | `crossTenantAccessPolicy.json` | `/policies/crossTenantAccessPolicy` | `crossTenantAccessPolicy` |
//! | `default.json` | `…/default` | `crossTenantAccessPolicy.default` |
//! | `partners.json`, `partners-2.json`, … | `…/partners`, and each `@odata.nextLink` | `crossTenantAccessPolicy.partners` |
//! | `identitySynchronization-<tenantId>.json` | `…/partners/<tenantId>/identitySynchronization` | the partner's `identitySynchronization` |
//! | `conditionalAccessPolicies.json`, `-2`, … | `/identity/conditionalAccess/policies` | `conditionalAccess.policies` |
//! | `authorizationPolicy.json` | `/policies/authorizationPolicy` | `authorizationPolicy` |
//! | `b2bManagementPolicies.json` | `/policies/b2bManagementPolicies` (beta) | `b2bManagementPolicy`, unpacked |
//!
//! Resources are kept whole, unknown properties, order and the spelling of numbers included. A list's own annotations
//! become those of the property that has the list, as OData writes them for a list within an object: the
//! `@odata.context` of `partners.json` is `partners@odata.context` in the bundle. The one thing that changes its form
//! is the domain lists' string ([`packed`]). Where the pages of a list end is not kept, nor is whitespace.
//!
//! The bundle gets a `cloud` where the host in `@odata.context` is a national one's and `tenant.json` has none ([`cloud`]).
//!
//! `null` in a file says that the bundle has no such member; it is what export writes for what is absent, since
//! without the default or the partners more would be permitted than was written, so these files must be there.

mod answers;
mod assembly;
mod check;
mod cloud;
mod context;
mod dissection;
mod error;
mod export;
mod file;
mod import;
mod layout;
mod output;
mod packed;
mod pages;
mod parts;
mod text;

pub use self::check::Found;
pub use self::error::{GraphError, Problem, Wrong};
pub use self::export::{Export, Exported};
pub use self::import::{Import, Imported, Progress};
pub(in crate::source) use self::output::Output;
pub(in crate::source) use self::text::{Writer, compact};
