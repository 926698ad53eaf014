//! What tests need of the world: keys, tokens, an application, a client.

pub(crate) mod bundles;
mod case;
mod client;
mod key_server;
pub(crate) mod signer;
pub(crate) mod world;

pub(crate) use self::case::{Case, cases, members};
pub(crate) use self::client::{Asked, Client, check_request};
pub(crate) use self::key_server::{KeyServer, Reply, world as one_issuer};
pub(crate) use self::signer::{Sign, another_signer, now, signer};
pub(crate) use self::world::{L, Merge, World, pointer_set};
