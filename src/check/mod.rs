//! Envoy's external authorization: a frame in, a decision out, an answer always.
//!
//! To Envoy an RPC error is no denial but a failure, and then `failure_mode_allow` decides. So every check is
//! answered with OK on the wire and a verdict inside, whatever went wrong ("Every Check gets an answer"): a policy
//! denial is code 7, a token failure 16, a fault of ours 14, never `error_response`. An OK can be built from a
//! permit alone.
//!
//! A message that is missing, cut short, compressed or over `limits.max_message` is denied like any other that
//! cannot be read, and one that has not come when a caller's `grpc-timeout` is about to run out as overload. Exceptions are what HTTP/2 itself
//! refuses: broken framing, a header list over `limits.max_header_list`, a stream over `limits.max_concurrent_streams`;
//! calls beyond what may be under way ([`calls`]); a method that nobody has; and a connection that waits because there
//! are `limits.max_connections`, does not begin within `limits.handshake_timeout`, leaves a ping unanswered, or is cut
//! off after `limits.drain`.

mod calls;
mod credentials;
mod decision;
mod eager;
mod frames;
mod gate;
mod gathered;
mod grpc;
mod health;
mod http2;
mod inbox;
mod invitee;
mod judge;
mod keepalive;
mod payload;
mod places;
mod problem;
mod reported;
mod request;
mod response;
mod route;
mod service;
mod signal;
mod stream;
mod tokens;
mod turn;
mod waking;
mod wire;

pub use self::decision::{Decision, DecisionId, Field};
pub use self::gate::{Gate, GateConfig};
pub use self::health::Health;
pub use self::http2::{Http2, Http2Limits};
pub use self::judge::{Judge, JudgeConfig, Preparation, Prepared};
pub use self::payload::PayloadPlace;
pub use self::reported::{Heard, Reported};
pub use self::request::{Body, Http, Malformed, Request, Restrictions};
pub use self::route::{RouteDefaults, RouteError};
pub use self::service::{SERVICE, Services};
pub use self::tokens::{Caller, TokenLimits, Tokens};
