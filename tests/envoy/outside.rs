//! Everything that a test of the way out needs: a network of others, Envoy as its only door, and tenantgate.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_rustls::rustls::pki_types::CertificateDer;

use crate::envoy::{EGRESS, Envoy, change, change_all};
use crate::gate::{Gate, PARTNER, TENANT, USER, write_policy};
use crate::origin::Origin;
use crate::patience::until;
use crate::tunnel::Tunnel;
use tenantgate::port::Address;

pub(crate) const POLICY: &str = "44444444-aaaa-4000-8000-000000000001";

pub(crate) struct Outside {
    pub(crate) envoy: Envoy,
    pub(crate) gate: Gate,
    pub(crate) origin: Origin,
    /// What clients on our network trust.
    inspection: CertificateDer<'static>,
    _directory: TempDir,
}

impl Outside {
    pub(crate) async fn new() -> Self {
        Self::with(&policy(&json!({"id": POLICY})), Origin::start().await, here_is_elsewhere).await
    }

    /// With another policy, another outside and another configuration of Envoy.
    pub(crate) async fn with(policy: &Value, origin: Origin, edit: impl FnOnce(&str) -> String) -> Self {
        let directory = TempDir::new().unwrap();
        write_policy(directory.path(), &policy.to_string());
        let inspection = certificates(directory.path());
        fs::write(directory.path().join("outside.pem"), &origin.authority.1).unwrap();
        let gate = Gate::start_over(&directory, "127.0.0.1:0", &json!({
            "mode": "tenant_restrictions",
            "restrictions": {"resource_hosts": {"graph.microsoft.com": "00000003-0000-0000-c000-000000000000"}},
        })).await;
        let configuration = edit(&placed(directory.path(), &origin, &gate));
        let envoy = Envoy::start(directory.path(), &configuration).await;
        until("Envoy to find tenantgate", async || envoy.trusts_gate().await.then_some(())).await;
        Self { envoy, gate, origin, inspection, _directory: directory }
    }

    /// A client's request to a host that is looked into.
    pub(crate) fn to(&self, name: &str) -> Tunnel {
        Tunnel::to(self.envoy.edge, name, &self.inspection)
    }

    /// A client's request that reaches its host as it is: the client sees the host's own certificate.
    pub(crate) fn through_to(&self, name: &str) -> Tunnel {
        Tunnel::to(self.envoy.edge, name, &self.origin.authority.0)
    }

    /// A token for Graph that this tenant issued, to its own user or to one from `home`.
    pub(crate) fn token(&self, tenant: &str, home: Option<&str>) -> String {
        let mut claims = json!({"tid": tenant, "aud": "https://graph.microsoft.com", "oid": USER});
        if let Some(home) = home {
            claims["idp"] = format!("https://sts.windows.net/{home}/").into();
        }
        self.gate.mint(&claims)
    }
}

/// Contoso's: Fabrikam's users may use their own accounts here, nobody else's may.
pub(crate) fn policy(default: &Value) -> Value {
    let all = |target: &str, kind: &str| json!({"accessType": "allowed", "targets": [{"target": target, "targetType": kind}]});
    let open = json!({"usersAndGroups": all("AllUsers", "user"), "applications": all("AllApplications", "application")});
    json!({"tenants": [{"tenantId": TENANT, "crossTenantAccessPolicy": {
        "default": default,
        "partners": [{"tenantId": PARTNER, "tenantRestrictions": open}],
    }}]})
}

/// The outside of these tests is on this machine, which the shipped file protects.
pub(crate) fn here_is_elsewhere(placed: &str) -> String {
    change(
        placed,
        "{address_prefix: 127.0.0.0, prefix_len: 8}",
        "{address_prefix: 127.0.0.9, prefix_len: 32}",
    )
}

/// The one command of the README.
fn certificates(directory: &Path) -> CertificateDer<'static> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/envoy/egress-certificates");
    let made = Command::new(script).arg(directory.join("egress")).output().unwrap();
    assert!(made.status.success(), "{made:?}: it needs openssl");
    let pem = fs::read(directory.join("egress/authority.pem")).unwrap();
    CertificateDer::from(pem::parse(pem).unwrap().into_contents())
}

/// The shipped file with this scene's addresses and paths, and nothing else that matters changed.
fn placed(directory: &Path, origin: &Origin, gate: &Gate) -> String {
    let Address::Tcp(gate) = gate.address() else { panic!("tenantgate is behind a socket") };
    let port = |number: u16| format!("port_value: {number}}}");
    let resolver = format!(
        "dns_lookup_family: V4_PREFERRED\n    typed_dns_resolver_config:\n      name: envoy.network.dns_resolver.cares\n      typed_config: {{\"@type\": type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig, resolvers: [{{socket_address: {{address: 127.0.0.1, {}}}]}}",
        port(origin.names.port())
    );
    let certificates = format!("{}/egress/", directory.display());
    let text = change_all(EGRESS, "/etc/envoy/egress/", &certificates, 2);
    let changes = [
        (
            "{pipe: {path: /run/envoy/admin.sock, mode: 384}}".to_owned(),
            "{socket_address: {address: 127.0.0.1, port_value: 0}}".to_owned(),
        ),
        (port(10080), port(0)),
        (port(9191), port(gate.port())),
        ("port_value: 443\n".to_owned(), format!("port_value: {}\n", origin.secure.port())),
        (r#"inline_string: "443""#.to_owned(), format!(r#"inline_string: "{}""#, origin.secure.port())),
        ("dns_lookup_family: V4_PREFERRED".to_owned(), resolver),
        (
            "/etc/ssl/certs/ca-certificates.crt".to_owned(),
            directory.join("outside.pem").display().to_string(),
        ),
        (" timeout: 0.25s".to_owned(), " timeout: 20s".to_owned()),
        (" timeout: 0.5s".to_owned(), " timeout: 20s".to_owned()),
    ];
    changes.iter().fold(text, |text, (from, to)| change(&text, from, to))
}
