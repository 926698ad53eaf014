//! Generations that are removed under a sidecar that does not know of it yet.

use serde_json::{Value, json};

use super::{Place, name, shut_out};
use crate::harness::Client;
use crate::operator::get;
use crate::proxy::Proxy;
use crate::scene::{SHUT_OUT, guest_of, named, told, world};

const PARTNERS: usize = 300;

/// Whoever has no record is let in by default, so that one that is gone must never seem never to have been.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_removed_with_its_generation_is_not_taken_for_absent() {
    let mut place = Place::empty().await;
    let first = place.applied(&shut_out(PARTNERS, 0));
    let proxy = Proxy::to(&place.cluster.endpoints()[0]).await;
    let sidecar = world(std::slice::from_ref(&proxy.endpoint), &json!({}));
    let app = sidecar.ready().await;
    let mut envoy = Client::connect(&app.check);
    let nobody = guest_of("0b1c2d3e-0000-4000-8000-0000000000b0");
    assert_eq!(told(&envoy.decide(&guest_of(&name(0))).await), SHUT_OUT);
    proxy.mute_watches();
    // After the first flip the generation before stays, for who does not know better.
    place.applied(&shut_out(PARTNERS, 1));
    assert_eq!(place.generations().await, [1, 2]);
    place.applied(&shut_out(PARTNERS, 2));
    assert_eq!(place.generations().await, [2, 3]);
    assert!(proxy.swallowed() > 0);
    for number in 2..PARTNERS {
        let decision = envoy.decide(&guest_of(&name(number))).await;
        assert_eq!(decision["effect"], "deny", "partner {number}: {decision:?}");
        if named(&decision) > first {
            // Everything was compared by now, if the machine is as slow as that.
            break;
        }
        assert_eq!(told(&decision), "deny partner_unavailable by -");
    }
    if named(&envoy.decide(&nobody).await) == first {
        assert_eq!(told(&envoy.decide(&nobody).await), "deny partner_unavailable by -");
    }
    // Who starts now knows.
    let app = place.world.ready().await;
    let mut envoy = Client::connect(&app.check);
    assert_eq!(told(&envoy.decide(&guest_of(&name(2))).await), SHUT_OUT);
    assert_eq!(told(&envoy.decide(&nobody).await), "allow permitted by default");
}

/// A tenant that is there no more is not one of whose partners nothing is known.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_partners_of_a_tenant_that_was_removed_are_not_absent() {
    let place = Place::empty().await;
    let mut both = shut_out(PARTNERS, 0);
    let mut other = both["tenants"][0].clone();
    other["tenantId"] = name(1_000_000).into();
    both["tenants"].as_array_mut().unwrap().push(other);
    let first = place.applied(&both);
    let proxy = Proxy::to(&place.cluster.endpoints()[0]).await;
    let sidecar = world(std::slice::from_ref(&proxy.endpoint), &json!({}));
    let app = sidecar.ready().await;
    let mut envoy = Client::connect(&app.check);
    let of_other = |number: usize| {
        let claims = json!({
            "tid": name(1_000_000), "idp": format!("https://sts.windows.net/{}/", name(number)),
            "aud": "api://orders",
        });
        crate::harness::Asked::with_token(&crate::harness::signer().mint(&claims))
            .on("tenant", &name(1_000_000))
    };
    assert_eq!(told(&envoy.decide(&of_other(0)).await), SHUT_OUT);
    proxy.mute_watches();
    both["tenants"].as_array_mut().unwrap().pop();
    place.applied(&both);
    for number in 1..PARTNERS {
        let decision = envoy.decide(&of_other(number)).await;
        assert_eq!(decision["effect"], "deny", "partner {number}: {decision:?}");
        if named(&decision) != first {
            break;
        }
    }
    assert_eq!(get(&place.world).0["tenants"].as_array().map(Vec::len), Some(1));
    let app = place.world.ready().await;
    let decision = Client::connect(&app.check).decide(&of_other(0)).await;
    assert_eq!(decision.get("reason"), Some(&Value::from("route_invalid")));
}
