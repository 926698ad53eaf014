//! The decision: identity and policy in, verdict out. Pure, synchronous, without allocation.
//!
//! The steps, in the order that decides which reason a denial has (semantics §13):
//!
//! 1. *relation* — what the caller is to the protected tenant ([`Relation`]), from who issued the token and where
//!    the user is at home;
//! 2. *header* — a tenant-restrictions header must agree with the token;
//! 3. *revocation* — tokens called back;
//! 4. *cloud* — Microsoft clouds that may work together;
//! 5. *setting* — the setting that counts for the other tenant must permit user and application, in three-valued
//!    logic: unknown never permits;
//! 6. *other side* — where the other tenant is hosted too, its own setting must permit as well;
//! 7. *domains* — for callers from outside Entra, the domain lists;
//! 8. *requirements* — Conditional Access: what the token must prove, and whose word counts;
//! 9. *action* — invitations, their redemption, and synchronisation ask more than access.
//!
//! So it is inbound. Outbound has no header, domain lists or requirements. Under tenant restrictions the class of the
//! host ([`Hosts`]) comes first: sign-in hosts are told of the policy ([`Signal`]), resource hosts read a token, and
//! nothing is asked of any other.
//!
//! An [`Observer`] hears of every step; `explain`, report-only outcomes and the log are observers of the one walk,
//! never a second one. Only this module makes a [`Permit`].
//!
//! ```compile_fail,E0451
//! // Nobody else can say yes.
//! let forged = tenantgate::engine::Permit { reason: tenantgate::engine::Reason::Permitted, reported: None };
//! ```

mod access;
mod action;
mod application;
mod cloud;
mod conditional;
mod decide;
mod domains;
mod evidence;
mod header;
mod hosts;
mod inbound;
mod invitation;
mod kleene;
mod observer;
mod outbound;
mod partners;
mod principal;
mod reason;
mod redemption;
mod relation;
mod restrictions;
mod revocation;
mod rules;
mod setting;
mod sign_in;
mod sync;
mod verdict;
mod walk;

pub use self::access::{Access, Action, Mode, Required, Route};
pub use self::decide::decide;
pub use self::header::{BadHeader, RestrictionsHeader};
pub use self::hosts::{BadPattern, HostClass, Hosts, Patterns, Unrestricted, is_plain};
pub use self::invitation::Unresolved;
pub use self::observer::{Detail, Explanation, Observer, Outcome, Step, Walked};
pub use self::partners::{Partners, Reads, Resident, Unread, Wanted};
pub use self::reason::{Class, Reason};
pub use self::redemption::{Messages, Redemption};
pub use self::relation::Relation;
pub use self::rules::{NonEntra, OwnUsers, Rules, Suites};
pub use self::sign_in::{SignIn, Signal, Version};
pub use self::verdict::{Basis, Demand, Effect, Marking, Permit, ReportedBy, Ruling, Verdict};
