//! What `tenantgate policy` writes: by the command itself, with sidecars that follow it.

mod commands;
mod full;
mod large;
mod races;
mod removal;

use serde_json::{Value, json};

use crate::cluster::{Cluster, Writer};
use crate::harness::{L, World};
use crate::operator::{Done, bundle, policy};
use crate::scene::{self, world};

/// A cluster that holds nothing, and the files of an operator of it.
pub(crate) struct Place {
    pub(crate) cluster: Cluster,
    pub(crate) writer: Writer,
    pub(crate) world: World,
}

impl Place {
    pub(crate) async fn empty() -> Self {
        Self::on(Cluster::start(1).await).await
    }

    pub(crate) async fn on(cluster: Cluster) -> Self {
        let (writer, world) = (Writer(cluster.client().await), world(&cluster.endpoints(), &json!({})));
        Self { cluster, writer, world }
    }

    /// Applies it, and gives the revision.
    pub(crate) fn applied(&self, bundle: &Value) -> i64 {
        let done = crate::operator::apply(&self.world, bundle, &["--acknowledge"]);
        assert_eq!(done.code, 0, "{}{}", done.out, done.err);
        revision(&done.out)
    }

    /// Every key under the prefix that begins so, with its value.
    pub(crate) async fn held(&mut self, under: &str) -> Vec<(String, String)> {
        let options = etcd_client::GetOptions::new().with_prefix();
        let found = self.writer.0.get(format!("/tenantgate/{under}"), Some(options)).await.unwrap();
        let pair = |kv: &etcd_client::KeyValue| {
            (kv.key_str().unwrap().to_owned(), kv.value_str().unwrap().to_owned())
        };
        found.kvs().iter().map(pair).collect()
    }

    /// The numbers of L's generations that have anything.
    pub(crate) async fn generations(&mut self) -> Vec<u64> {
        let under = format!("v1/tenants/{L}/gen/");
        let mut numbers: Vec<u64> = self
            .held(&under)
            .await
            .iter()
            .map(|(key, _)| key.split('/').nth(6).unwrap().parse().unwrap())
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

/// Of `revision 7; …`, and of `nothing to change; revision 7`.
pub(crate) fn revision(told: &str) -> i64 {
    let told = told.strip_prefix("nothing to change; ").unwrap_or(told);
    let digits = told.strip_prefix("revision ").and_then(|told| told.split([';', '\n']).next());
    digits.unwrap_or_else(|| panic!("no revision: {told}")).parse().unwrap()
}

pub(crate) fn history(world: &World) -> Value {
    let Done { code, out, err } = policy(world, &["history", "--json"]);
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).unwrap()
}

/// Somebody of this number, whose people may come in or not, with something to tell versions by.
pub(crate) fn somebody(number: usize, access: &str, version: usize) -> Value {
    let mut partner = scene::partner(&name(number), access);
    partner["version"] = version.into();
    partner
}

/// Spread as names are that chance made.
pub(crate) fn name(number: usize) -> String {
    let first = u32::try_from(number).unwrap().wrapping_mul(0x9e37_79b1);
    format!("{first:08x}-604b-40ac-a9d7-{number:012x}")
}

/// L lets everybody in but those of these partners, of this version.
pub(crate) fn shut_out(count: usize, version: usize) -> Value {
    let mut partners: Vec<_> = (0..count).map(|number| somebody(number, "blocked", version)).collect();
    partners.sort_by_key(|partner| partner["tenantId"].as_str().unwrap().to_owned());
    bundle("allowed", &partners)
}
