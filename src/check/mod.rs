//! Envoy's external authorization: a frame in, a decision out, an answer always.
//!
//! To Envoy an RPC error is no denial but a failure, and then `failure_mode_allow` decides. So every check is
//! answered with OK on the wire and a verdict inside, whatever went wrong ("Every Check gets an answer"): a policy
//! denial is code 7, a token failure 16, a fault of ours 14, never `error_response`. An OK can be built from a
//! permit alone.
//!
//! Exceptions, which the transport itself refuses: broken HTTP/2 or gRPC framing, a compressed message, a message
//! over `limits.max_message`.

mod codec;
mod credentials;
mod decision;
mod gate;
mod invitee;
mod judge;
mod listen;
mod patience;
mod payload;
mod problem;
mod request;
mod response;
mod route;
mod server;
mod service;
mod signal;
mod tokens;
mod wire;

pub use self::decision::{Decision, DecisionId, Field};
pub use self::gate::{Gate, GateConfig};
pub use self::judge::{Judge, JudgeConfig, Preparation, Prepared, Reported};
pub use self::listen::{Address, Bound, ListenError};
pub use self::payload::PayloadPlace;
pub use self::request::{Body, Http, Malformed, Request, Restrictions};
pub use self::route::{RouteDefaults, RouteError};
pub use self::server::{Limits, Server, Stop};
pub use self::service::{SERVICE, Services};
pub use self::tokens::{Caller, TokenLimits, Tokens};
