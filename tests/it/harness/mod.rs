//! What tests need of the world: keys, tokens, an application, a client.

mod client;
mod key_server;
mod signer;
mod world;

pub(crate) use self::client::{Asked, Client, check_request};
pub(crate) use self::key_server::{KeyServer, Reply, world as one_issuer};
pub(crate) use self::signer::{Sign, another_signer, now, signer};
pub(crate) use self::world::{L, Merge, World, pointer_set};
