//! Invitations, whose body Envoy hands on: on that route alone, and never a part of it as if it were the whole.

use serde_json::{Value, json};

use crate::envoy::change;
use crate::gate::{EXAMPLE, PARTNER, write_policy};
use crate::scene::Scene;
use crate::upstream::Seen;

const ROUTE: &str = include_str!("../../deploy/envoy/invitations.yaml");
const STRICTER: &str = "                        # Stricter: adds to what the virtual host says.\n";
const LIMIT: usize = 16 * 1024;

/// As shipped, with the shipped route; and everyone may invite.
async fn scene(edit: impl FnOnce(String) -> String) -> Scene {
    let scene = Scene::with(|shipped| edit(change(&shipped, STRICTER, &format!("{ROUTE}{STRICTER}")))).await;
    let revision = scene.gate.revision().await;
    let everyone = change(EXAMPLE, r#""adminsAndGuestInviters""#, r#""everyone""#);
    write_policy(scene.directory.path(), &everyone);
    let renewed = async || (scene.gate.revision().await != revision).then_some(());
    crate::patience::until("the policy to be renewed", renewed).await;
    scene
}

fn invitation(address: &str) -> Value {
    json!({"invitedUserEmailAddress": address, "inviteRedirectUrl": "https://orders.contoso.example"})
}

/// An invitation with a message that makes it this long.
fn padded(length: usize) -> Value {
    let message = |text: &str| {
        let mut invitation = invitation("kim@fabrikam.com");
        invitation["invitedUserMessageInfo"] = json!({"customizedMessageBody": text});
        invitation
    };
    let rest = length - message("").to_string().len();
    message(&"x".repeat(rest))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_allowed_and_refused_by_its_invitees_domain() {
    let scene = scene(|shipped| shipped).await;
    let token = scene.gate.guest(PARTNER);
    let invite = |body: &Value| scene.post("/invitations").bearer(&token).json(body);

    let good = invitation("kim@fabrikam.com");
    let seen = Seen::of(&invite(&good).send().await);
    assert_eq!(seen.body, good.to_string(), "the body goes on as it came");
    assert_eq!(scene.upstream.requests(), 1);

    let refused = invite(&invitation("kim@example.net")).send().await;
    assert_eq!((refused.status, refused.problem().reason()), (403, "domain_blocked"));
    let line = scene.envoy.logged("decision_id", refused.problem().decision_id()).await;
    assert_eq!((&line["effect"], &line["reason"]), (&json!("deny"), &json!("domain_blocked")));
    assert!(!line.to_string().contains("example.net"), "{line}");
    let nobody = invite(&json!({})).send().await;
    assert_eq!((nobody.status, nobody.problem().reason()), (403, "invitee_unresolved"));
    let bodyless = scene.post("/invitations").bearer(&token).header("Content-Length", "0").send().await;
    assert_eq!((bodyless.status, bodyless.problem().reason()), (403, "invitee_unresolved"));
    let text = good.to_string();
    let odd =
        scene.post("/invitations").bearer(&token).header("Content-Type", "application/json; charset=utf-7");
    let odd = odd.text(&text).send().await;
    assert_eq!(
        (odd.status, odd.problem().reason()),
        (403, "invitee_unresolved"),
        "two could read it differently"
    );
    assert_eq!(scene.upstream.requests(), 1);

    // Elsewhere no body is waited for, and none is asked for.
    let seen = Seen::of(&scene.post("/orders").bearer(&token).json(&padded(LIMIT * 2)).send().await);
    assert_eq!(seen.body.len(), LIMIT * 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_above_the_limit_names_nobody() {
    let scene = scene(|shipped| shipped).await;
    let token = scene.gate.guest(PARTNER);
    let invite = |body: &Value| scene.post("/invitations").bearer(&token).json(body);
    let whole = Seen::of(&invite(&padded(LIMIT)).send().await);
    assert_eq!(whole.body.len(), LIMIT);

    let cut = invite(&padded(LIMIT + 1)).send().await;
    assert_eq!((cut.status, cut.problem().reason()), (403, "invitee_unresolved"));
    // What a client says of it is not believed, and what is cut off is not JSON for that alone: the rest is blanks.
    let blank = format!("{}{}", invitation("kim@fabrikam.com"), " ".repeat(LIMIT));
    let request = scene.post("/invitations").bearer(&token).header("X-Envoy-Auth-Partial-Body", "false");
    let claimed = request.text(&blank).send().await;
    assert_eq!((claimed.status, claimed.problem().reason()), (403, "invitee_unresolved"));
    assert_eq!(scene.upstream.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_partial_messages_envoy_refuses_by_itself() {
    let scene = scene(|shipped| change(&shipped, "allow_partial_message: true, ", "")).await;
    let token = scene.gate.guest(PARTNER);
    let answer = scene.post("/invitations").bearer(&token).json(&padded(LIMIT + 1)).send().await;
    assert_eq!(answer.status, 413, "{answer:?}");
    assert_eq!(scene.upstream.requests(), 0);
}
