//! The way out through a real Envoy: what leaves the network, what does not, and how one might slip by.

use serde_json::json;

use crate::client::{Answer, Request};
use crate::gate::{BLOCKED, PARTNER, TENANT};
use crate::origin::{Origin, Reached};
use crate::outside::{Outside, POLICY, here_is_elsewhere, policy};
use crate::tunnel::{Refused, Tunnel};

const LOGIN: &str = "login.microsoftonline.com";
const GRAPH: &str = "graph.microsoft.com";
const ELSEWHERE: &str = "www.example.com";
const SEC: &str = "sec-restrict-tenant-access-policy";
/// Copies that a client might try.
const SPOOFED: [&str; 6] = [
    "sec-Restrict-Tenant-Access-Policy",
    "SEC-RESTRICT-TENANT-ACCESS-POLICY",
    "sec-restrict-tenant-access-policy",
    "Restrict-Access-To-Tenants",
    "RESTRICT-ACCESS-CONTEXT",
    "restrict-access-context",
];

fn spoofing(tunnel: Tunnel) -> Tunnel {
    SPOOFED.iter().fold(tunnel, |tunnel, name| tunnel.header(name, "evil"))
}

/// The sign-in host heard our policy, once, and nothing of the client's.
fn told(reached: &Reached) {
    assert_eq!(reached.all(SEC), [format!("{TENANT}:{POLICY}")], "{reached:?}");
    assert!(reached.all("restrict-access-to-tenants").is_empty(), "{reached:?}");
    assert!(reached.all("restrict-access-context").is_empty(), "{reached:?}");
    assert!(!format!("{reached:?}").contains("evil"), "{reached:?}");
}

fn refused(answer: &Answer, status: u16, reason: &str) {
    assert_eq!((answer.status, answer.problem().reason()), (status, reason), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_host_gets_our_header_and_what_the_client_sent_beside_it() {
    let outside = Outside::new().await;
    let request = spoofing(outside.to(LOGIN)).bearer("a.b.c").header("Cookie", "session=1; more=2");
    let request = request.header("X-Forwarded-For", "10.0.0.1").header("User-Agent", "test");
    let reached = Reached::of(&request.path("/common/oauth2/token?a=b").send().await.unwrap());
    told(&reached);
    assert_eq!(reached.sni.as_deref(), Some(LOGIN));
    assert_eq!(reached.line, "GET /common/oauth2/token?a=b HTTP/1.1");
    let mut names: Vec<_> = reached.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    assert_eq!(names, ["authorization", "cookie", "host", SEC, "user-agent", "x-forwarded-for"]);
    for (name, value) in [
        ("authorization", "Bearer a.b.c"),
        ("cookie", "session=1; more=2"),
        ("x-forwarded-for", "10.0.0.1"),
        ("host", LOGIN),
    ] {
        assert_eq!(reached.all(name), [value]);
    }
    let line = outside.envoy.logged("reason", "sign_in_host").await;
    assert_eq!((line["sni"].as_str(), line["effect"].as_str()), (Some(LOGIN), Some("allow")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_host_gets_only_accounts_that_may_be_used_here() {
    let outside = Outside::new().await;
    let graph = || outside.to(GRAPH).path("/v1.0/me");
    for (tenant, home) in [(TENANT, None), (PARTNER, None), (PARTNER, Some(TENANT))] {
        let token = outside.token(tenant, home);
        let reached = Reached::of(&graph().bearer(&token).send().await.unwrap());
        // The credential as it came, and nothing of what we know.
        assert_eq!(reached.all("authorization"), [format!("Bearer {token}")]);
        assert!(reached.headers.iter().all(|(name, _)| !name.starts_with("x-")), "{reached:?}");
        assert!(reached.all(SEC).is_empty());
    }
    let before = outside.origin.requests().len();
    let foreign = graph().bearer(&outside.token(BLOCKED, None)).send().await.unwrap();
    refused(&foreign, 403, "users_and_applications_blocked");
    assert_eq!(foreign.problem().text("entra_code"), Some("AADSTS5000211"));
    let guest = graph().bearer(&outside.token(PARTNER, Some(BLOCKED))).send().await.unwrap();
    refused(&guest, 403, "users_and_applications_blocked");
    refused(&graph().send().await.unwrap(), 403, "anonymous_blocked");
    let own = outside.token(TENANT, None);
    refused(&graph().bearer(&own).header("Cookie", "a=b").send().await.unwrap(), 401, "token_ambiguous");
    for query in ["access_token=x", "a=b&TempAuth=x", "s%69g=x"] {
        let request = outside.to(GRAPH).path(&format!("/f?{query}")).bearer(&own);
        refused(&request.send().await.unwrap(), 401, "token_ambiguous");
    }
    let twice = graph().bearer(&own).bearer(&outside.token(BLOCKED, None));
    refused(&twice.send().await.unwrap(), 401, "token_ambiguous");
    assert_eq!(outside.origin.requests().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_list_names_passes_untouched() {
    let outside = Outside::new().await;
    // TLS from end to end: the client sees the host's own certificate, and Envoy nothing at all.
    let reached = Reached::of(&spoofing(outside.through_to(ELSEWHERE)).send().await.unwrap());
    let as_sent: Vec<_> = [("Host", ELSEWHERE), ("Connection", "close")]
        .into_iter()
        .chain(SPOOFED.map(|name| (name, "evil")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert_eq!(reached.headers, as_sent);

    // Where Envoy sees the request: plain HTTP, and a name that was not the certificate's.
    let plain = Request::new(
        outside.envoy.edge,
        "GET",
        &format!("http://{ELSEWHERE}:{}/a?b", outside.origin.plain.port()),
    );
    let plain =
        plain.header("x-tenantgate-user", "mine").header(SEC, "mine").header("Cookie", "a=b").bearer("x");
    let inspected = outside
        .to(LOGIN)
        .host(ELSEWHERE)
        .path("/a?b")
        .header("x-tenantgate-user", "mine")
        .header(SEC, "mine")
        .header("Cookie", "a=b")
        .bearer("x");
    for answer in [plain.send().await, inspected.send().await.unwrap()] {
        let reached = Reached::of(&answer);
        assert_eq!(reached.line, "GET /a?b HTTP/1.1");
        let mut headers: Vec<_> = reached.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        headers.sort();
        assert_eq!(headers, ["authorization", "cookie", "host", SEC, "x-tenantgate-user"], "{reached:?}");
        for (name, value) in
            [(SEC, "mine"), ("x-tenantgate-user", "mine"), ("cookie", "a=b"), ("authorization", "Bearer x")]
        {
            assert_eq!(reached.all(name), [value]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_policy_id_nobody_signs_in() {
    for default in [json!({}), json!(null), json!({"id": "default"})] {
        let outside = Outside::with(&policy(&default), Origin::start().await, here_is_elsewhere).await;
        let answer = outside.to(LOGIN).header(SEC, &format!("{TENANT}:{POLICY}")).send().await.unwrap();
        refused(&answer, 403, "restrictions_policy_missing");
        assert!(outside.origin.requests().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_host_is_told_in_every_spelling() {
    let outside = Outside::new().await;
    let login = || spoofing(outside.to(LOGIN));
    for request in [
        login().host("LOGIN.MicrosoftOnline.com"),
        login().host("login.microsoftonline.com."),
        login().host("login.microsoftonline.com:443"),
        login().host("Login.Microsoftonline.Com.:443"),
        login().host("login.microsoftonline.com:8443"),
        login().sni(Some("LOGIN.microsoftonline.com")),
        login().connect("LOGIN.MICROSOFTONLINE.COM:443"),
        login().connect("login.microsoftonline.com.:443"),
        login().connect("login.microsoftonline.com:8443"),
        // By another name, or by an address.
        login().connect("www.example.com:443"),
        login().connect("127.0.0.1:443"),
        // The name inside is the one that counts.
        spoofing(outside.to(GRAPH)).host(LOGIN),
    ] {
        let shown = format!("{request:?}");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status, 200, "{shown}: {answer:?}");
        told(&Reached::of(&answer));
    }
    // Where the request went is what was judged.
    assert!(outside.origin.requests().iter().all(|reached| reached.sni.as_deref() == Some(LOGIN)));
    assert!(!outside.origin.asked_for().contains(&ELSEWHERE.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_host_is_judged_in_every_spelling() {
    let outside = Outside::new().await;
    let graph = || outside.to(GRAPH);
    for request in [
        graph().host("GRAPH.microsoft.com"),
        graph().host("graph.microsoft.com."),
        graph().host("graph.microsoft.com:443"),
        graph().host("graph.microsoft.com:8443"),
        graph().connect("www.example.com:443"),
        outside.to(LOGIN).host(GRAPH),
    ] {
        let token = outside.token(BLOCKED, None);
        refused(&request.clone().bearer(&token).send().await.unwrap(), 403, "users_and_applications_blocked");
        refused(&request.send().await.unwrap(), 403, "anonymous_blocked");
    }
    assert!(outside.origin.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hides_its_name_goes_nowhere() {
    let outside = Outside::new().await;
    let login = || outside.to(LOGIN);
    // No name at all, and no TLS at all.
    assert_eq!(login().sni(None).send().await.unwrap_err(), Refused::Tls);
    assert_eq!(outside.through_to(LOGIN).sni(None).send().await.unwrap_err(), Refused::Tls);
    assert_eq!(login().send_plain().await.unwrap_err(), Refused::Closed);
    // A listed name is never passed on as it is: the client sees our certificate.
    assert_eq!(outside.through_to(LOGIN).send().await.unwrap_err(), Refused::Tls);
    // A tunnel in a tunnel, which tenantgate would not judge.
    for line in ["CONNECT graph.microsoft.com:443 HTTP/1.1", "CONNECT www.example.com:443 HTTP/1.1"] {
        let answer = login().host(GRAPH).line(line).send().await.unwrap();
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
    // Names that TLS libraries do not write, and one that they do.
    for name in ["login.microsoftonline.com.", "www.example.com.", "127.0.0.1", "localhost", ""] {
        assert_eq!(login().greeted(name).await, 0, "{name}");
    }
    assert!(outside.origin.requests().is_empty());
    assert!(login().greeted(ELSEWHERE).await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_does_not_prove_its_name_gets_no_credential() {
    let origin = Origin::proving(&[ELSEWHERE]).await;
    let outside = Outside::with(&policy(&json!({"id": POLICY})), origin, here_is_elsewhere).await;
    let request = outside.to(GRAPH).bearer(&outside.token(TENANT, None));
    assert_eq!(request.send().await.unwrap().status, 503);
    assert!(outside.origin.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tenantgate_nothing_is_looked_into_and_nothing_leaves() {
    let mut outside = Outside::new().await;
    outside.gate.stop().await;
    for name in [LOGIN, GRAPH, ELSEWHERE] {
        assert_eq!(outside.to(name).send().await.unwrap_err(), Refused::Connect(503));
    }
    let plain = Request::new(outside.envoy.edge, "GET", &format!("http://{ELSEWHERE}/"));
    assert_eq!(plain.send().await.status, 503);
    assert!(outside.origin.requests().is_empty());
}

/// As shipped, where the outside is on the proxy's own machine.
#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_opens_no_door_to_its_own_machine() {
    let outside = Outside::with(&policy(&json!({"id": POLICY})), Origin::start().await, str::to_owned).await;
    let port = outside.origin.plain.port();
    for url in [format!("http://127.0.0.1:{port}/"), format!("http://{ELSEWHERE}:{port}/")] {
        assert_eq!(Request::new(outside.envoy.edge, "GET", &url).send().await.status, 403, "{url}");
    }
    let own = outside.to(GRAPH).bearer(&outside.token(TENANT, None));
    assert_eq!(own.send().await.unwrap().status, 403);
    assert!(outside.origin.requests().is_empty());
}
