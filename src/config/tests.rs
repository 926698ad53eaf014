//! Reading a configuration, good and bad.

use std::path::{Path, PathBuf};

use crate::config::{Config, Environment};
use crate::port::Address;

const LEAST: &str =
    "{tokens: {issuers: [{cloud: microsoftonline.com}], audiences: [a]}, policy: {path: p.json}}";

fn read(text: &str) -> Result<Config, String> {
    let read = Config::read(text, PathBuf::new(), &Environment::default());
    read.and_then(|config| config.compose().map(|_| config)).map_err(|error| error.to_string())
}

fn with(key: &str, value: &str) -> Result<Config, String> {
    let environment = Environment::of([(format!("TENANTGATE_{key}"), value.to_owned())]);
    Config::read(LEAST, PathBuf::new(), &environment).map_err(|error| error.to_string())
}

#[test]
fn the_sample_with_every_key_is_valid_and_says_the_defaults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/tenantgate.yaml");
    let sample = Config::load(&path, &Environment::default()).unwrap();
    sample.compose().unwrap();
    let least = read(LEAST).unwrap();
    let shown = |config: &Config| {
        format!("{:?} {:?} {:?} {:?}", config.limits, config.decision_log, config.partners, config.telemetry)
    };
    assert_eq!(shown(&sample), shown(&least));
    assert_eq!(format!("{:?}", sample.listen), format!("{:?}", least.listen));
    assert_eq!(format!("{:?}", sample.restrictions), format!("{:?}", least.restrictions));
    assert_eq!(format!("{:?}", sample.egress), format!("{:?}", least.egress));
}

#[test]
fn json_is_yaml_and_nothing_at_all_names_what_is_missing() {
    assert!(read(&LEAST.replace('{', "{ ")).is_ok());
    assert!(read("").unwrap_err().contains("tokens.audiences"));
    assert!(read("[").is_err());
}

#[test]
fn an_unknown_key_or_value_names_the_nearest_known_one() {
    for (text, told) in [
        ("lisen: {}", "did you mean `listen`?"),
        ("tokens: {audience: [a]}", "did you mean `audiences`?"),
        ("mode: inbond", "did you mean `inbound`?"),
        ("decision_log: {sink: stdou}", "did you mean `stdout`?"),
        ("authenticationContexts: {mfas: c1}", "did you mean `mfa`?"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(told), "{text}: {error}");
    }
    assert!(read("tokens: {clock_skew: 60}").unwrap_err().contains("tokens.clock_skew"));
}

#[test]
fn what_this_build_does_not_have_is_refused_when_switched_on() {
    for (key, value) in [("DECISION_LOG__SINK", "stdout"), ("TELEMETRY__OTLP", "http://localhost")] {
        let error = with(key, value).unwrap_err();
        assert!(error.contains("not supported by this build"), "{key}: {error}");
    }
}

#[test]
fn how_etcd_is_reached_must_fit_together() {
    let etcd = |settings: &str| {
        let text = "{audiences: [a], issuers: [{cloud: microsoftonline.com}]}";
        read(&format!("tokens: {text}\npolicy: {{source: etcd, etcd: {settings}}}"))
    };
    for good in [
        "{}",
        "{endpoints: ['http://a:2379', 'http://b:2379'], username: u, password_file: p}",
        "{endpoints: ['https://a:2379'], tls: {ca: ca.pem, certificate: c.pem, key: k.pem}}",
    ] {
        assert!(etcd(good).is_ok(), "{good}: {:?}", etcd(good));
    }
    let cached = with("POLICY__CACHE", "file").unwrap_err();
    assert!(cached.contains("`policy.cache`: is for `source: etcd`"), "{cached}");
    for (bad, told) in [
        ("{endpoints: []}", "policy.etcd.endpoints"),
        ("{endpoints: ['a:2379']}", "policy.etcd.endpoints"),
        ("{endpoints: ['http://a:2379', 'https://b:2379']}", "policy.etcd.endpoints"),
        ("{prefix: tenantgate}", "policy.etcd.prefix"),
        ("{prefix: /}", "policy.etcd.prefix"),
        ("{username: u}", "policy.etcd.username"),
        ("{endpoints: ['https://a:2379']}", "policy.etcd.tls"),
        ("{tls: {ca: ca.pem}}", "policy.etcd.tls"),
        ("{endpoints: ['https://a:2379'], tls: {}}", "policy.etcd.tls.ca"),
        ("{endpoints: ['https://a:2379'], tls: {ca: ca.pem, key: k.pem}}", "policy.etcd.tls.certificate"),
    ] {
        let error = etcd(bad).unwrap_err();
        assert!(error.contains(told), "{bad}: {error}");
    }
    let lists = "tokens: {audiences: [a], issuers: [{cloud: microsoftonline.com}]}\npolicy: {source: etcd}";
    let lists = format!("{lists}\nrestrictions: {{version: v1}}");
    assert!(read(&lists).unwrap_err().contains("restrictions.version"));
}

#[test]
fn settings_that_would_open_a_door_are_refused() {
    for (key, value, told) in [
        ("TOKENS__AUDIENCES", "[]", "at least one audience"),
        ("TOKENS__ISSUERS", "[]", "at least one issuer"),
        ("TOKENS__CLOCK_SKEW", "301s", "300s"),
    ] {
        let error = with(key, value).unwrap_err();
        assert!(error.contains(told), "{key}: {error}");
    }
    for (jwks, told) in [
        ("http://login.example/keys", "plain HTTP"),
        ("ftp://login.example/keys", "not supported"),
        ("keys.json", "neither"),
        ("https://name:word@login.example/keys", "credentials"),
        ("https://name@login.example/keys", "credentials"),
    ] {
        let issuer = format!(
            "{{issuer: 'https://login.example/{{tenantid}}/', jwks: '{jwks}', cloud: microsoftonline.com}}"
        );
        let error = read(&LEAST.replace("{cloud: microsoftonline.com}", &issuer)).unwrap_err();
        assert!(error.contains(told) && error.contains("tokens.issuers[0].jwks"), "{jwks}: {error}");
        assert!(!error.contains("word"), "{error}");
    }
    let literal = "{issuer: 'https://login.example/', jwks: 'file:k', cloud: microsoftonline.com}";
    assert!(
        read(&LEAST.replace("{cloud: microsoftonline.com}", literal)).unwrap_err().contains("{tenantid}")
    );
}

#[test]
fn hosts_that_could_never_match_are_refused() {
    let hosts = |key: &str, value: &str| {
        let read = with(key, value).and_then(|config| config.compose().map_err(|error| error.to_string()));
        read.map(|_| ()).unwrap_err()
    };
    for (host, told) in [
        ("https://graph.microsoft.com", "no host"),
        ("graph.microsoft.com:443", "no host"),
        ("graph.microsoft.com.", "no host"),
        ("*graph.microsoft.com", "no host"),
        ("device.login.microsoftonline.com", "forbids"),
    ] {
        for (key, value) in [
            ("sign_in_hosts", format!("['{host}']")),
            ("resource_hosts", format!("{{'{host}': 00000003-0000-0000-c000-000000000000}}")),
        ] {
            let error = hosts(&format!("RESTRICTIONS__{key}"), &value);
            assert!(error.contains(told) && error.contains(&format!("restrictions.{key}")), "{error}");
        }
    }
    let error = hosts("RESTRICTIONS__SIGN_IN_HOSTS", "[login.example, LOGIN.example]");
    assert!(error.contains("twice"), "{error}");
}

#[test]
fn the_environment_wins_and_what_kubernetes_injects_is_not_ours() {
    assert_eq!(with("LISTEN__CHECK", "127.0.0.1:9000").unwrap().listen.check.to_string(), "127.0.0.1:9000");
    assert_eq!(with("authenticationcontexts__MFA", "c9").unwrap().authentication_contexts.len(), 1);
    assert!(with("SERVICE_HOST", "x").is_ok() && with("PORT_9191_TCP", "x").is_ok());
    assert!(with("LISTEN__CHEK", "x").unwrap_err().contains("TENANTGATE_LISTEN__CHEK"));
}

#[test]
fn numbers_that_make_no_service_are_refused_with_their_key() {
    for (key, value) in [
        ("LIMITS__MAX_CONNECTIONS", "0"),
        ("LIMITS__MAX_CONNECTIONS", "18446744073709551615"),
        ("LIMITS__MAX_CONCURRENT_STREAMS", "0"),
        ("LIMITS__MAX_MESSAGE", "0"),
        ("LIMITS__MAX_HEADER_LIST", "0"),
        ("LIMITS__DRAIN", "1000000years"),
        ("TOKENS__MAX_BYTES", "0"),
        ("TOKENS__VERIFY_QUEUE", "0"),
        ("TOKENS__KEYS__REFRESH", "0s"),
        ("TOKENS__KEYS__UNKNOWN_KID_INTERVAL", "0s"),
        ("DECISION_LOG__SAMPLE_ALLOW", "7"),
    ] {
        let error = with(key, value).unwrap_err();
        let named = key.to_ascii_lowercase().replace("__", ".");
        assert!(error.contains(&named), "{key}={value}: {error}");
    }
}

#[test]
fn where_keys_come_from_and_how_is_checked() {
    for (key, value, told) in [
        ("TOKENS__PROXY", "ftp://proxy", "an http: or https: URL"),
        ("TOKENS__VERIFIED_PAYLOAD", "payload", "NAMESPACE/KEY"),
        ("TOKENS__AUDIENCES", "['']", "empty audience"),
    ] {
        let environment = Environment::of([(format!("TENANTGATE_{key}"), value.to_owned())]);
        let read = Config::read(LEAST, PathBuf::new(), &environment).and_then(|config| config.compose());
        let error = read.unwrap_err().to_string();
        assert!(error.contains(told), "{key}: {error}");
    }
    assert!(with("TOKENS__PROXY", "http://proxy.example:3128").unwrap().compose().is_ok());
}

#[test]
fn a_variable_that_breaks_a_list_is_named() {
    let error = with("TOKENS__ISSUERS__0__CLOUD", "microsoftonline.com").unwrap_err();
    assert!(error.contains("TENANTGATE_TOKENS__ISSUERS__0__CLOUD"), "{error}");
    assert!(!with("DENIAL", "1").unwrap_err().contains("struct"));
}

#[test]
fn no_tenant_is_an_issuers_name() {
    let id = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";
    let issuer =
        format!("{{issuer: 'https://login.example/{id}/v2.0', jwks: 'file:k', cloud: microsoftonline.com}}");
    let config = read(&LEAST.replace("{cloud: microsoftonline.com}", &issuer)).unwrap();
    let names: Vec<_> = config.compose().unwrap().keys.into_iter().map(|source| source.name).collect();
    assert_eq!(names, ["https://login.example/{tenantid}/v2.0".into()]);
}

#[test]
fn a_sockets_path_is_relative_to_the_file_too() {
    let text = LEAST.replace("{tokens:", "{listen: {check: 'unix:gate.sock'}, tokens:");
    let config = Config::read(&text, PathBuf::from("/etc/tenantgate"), &Environment::default()).unwrap();
    let Address::Unix(path) = config.compose().unwrap().check.address else { panic!("a path") };
    assert_eq!(path, Path::new("/etc/tenantgate/gate.sock"));
}
