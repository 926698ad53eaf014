//! The names of things: tenants, directory objects, applications, clouds.
//!
//! GUIDs are held as 128 bits, so that case and spelling can never matter after the edge.

mod applications;
mod cloud;
mod domain;
mod guid;
mod hint;
mod text;

pub use self::applications::{Applications, UnknownApplication};
pub use self::cloud::{Cloud, UnknownCloud};
pub use self::domain::{Domain, NotADomain};
pub use self::guid::{AppId, NotAGuid, ObjectId, PolicyId, TenantId};
pub use self::hint::Hint;
pub use self::text::IdText;

/// Microsoft's own tenant for personal accounts, the home of nobody that Entra manages.
pub const MSA: TenantId = TenantId::from_u128(0x9188_040d_6c67_4c5b_b112_36a3_04b6_6dad);
