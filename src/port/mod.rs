//! A port: its socket, its TLS, and an accept loop with bounds and an orderly end.
//!
//! A connection has `limits.handshake_timeout` to begin, TLS handshake included, and `limits.drain` to end once
//! the end has come. Beyond `limits.max_connections`, or without descriptors, whoever has not begun yet makes room, the
//! oldest first; if everybody has, new ones wait. What is spoken on a port is its owner's business ([`Protocol`]).

mod address;
mod bound;
mod certificates;
mod client;
mod connections;
mod descriptors;
mod handed;
mod name;
mod patience;
mod server;
mod stop;
mod tls;
mod turn;

pub use self::address::Address;
pub use self::bound::{Bound, ListenError};
pub use self::certificates::{Certificates, Renewal};
pub use self::client::ClientName;
pub use self::descriptors::use_all_descriptors;
pub use self::handed::{BadSocket, Handed};
pub use self::patience::Opened;
pub use self::server::{Limits, Protocol, Server};
pub use self::stop::{Ending, Stop};
pub use self::tls::{TlsConfig, TlsError};
pub use self::turn::wait_for_turn;
