//! `iss` is the issuer's template with this very tenant in it; in the form of its version, of its cloud.

use serde_json::json;

use super::{ACCEPTED, check, row};
use crate::forge::{FABRIKAM, TENANT, attackers, good, v1, v2};

#[test]
fn an_issuer_is_written_in_one_way() {
    let uris = [
        ("http", format!("http://login.microsoftonline.com/{TENANT}/v2.0")),
        ("an upper-case scheme", format!("HTTPS://login.microsoftonline.com/{TENANT}/v2.0")),
        ("no scheme", format!("login.microsoftonline.com/{TENANT}/v2.0")),
        ("no scheme but slashes", format!("//login.microsoftonline.com/{TENANT}/v2.0")),
        ("an upper-case host", format!("https://LOGIN.microsoftonline.com/{TENANT}/v2.0")),
        ("a dot behind the host", format!("https://login.microsoftonline.com./{TENANT}/v2.0")),
        ("a port", format!("https://login.microsoftonline.com:443/{TENANT}/v2.0")),
        ("user info", format!("https://login.microsoftonline.com@attacker.example/{TENANT}/v2.0")),
        ("user info before", format!("https://x@login.microsoftonline.com/{TENANT}/v2.0")),
        ("a host behind ours", format!("https://login.microsoftonline.com.attacker.example/{TENANT}/v2.0")),
        ("a host before ours", format!("https://attackerlogin.microsoftonline.com/{TENANT}/v2.0")),
        ("a letter that looks like o", format!("https://lоgin.microsoftonline.com/{TENANT}/v2.0")),
        (
            "our issuer in a path",
            format!("https://attacker.example/https://login.microsoftonline.com/{TENANT}/v2.0"),
        ),
        (
            "our issuer in a query",
            format!("https://attacker.example/?login.microsoftonline.com/{TENANT}/v2.0"),
        ),
        ("a slash more at the end", format!("https://login.microsoftonline.com/{TENANT}/v2.0/")),
        ("a slash more in between", format!("https://login.microsoftonline.com//{TENANT}/v2.0")),
        ("two slashes before the version", format!("https://login.microsoftonline.com/{TENANT}//v2.0")),
        ("no version", format!("https://login.microsoftonline.com/{TENANT}/")),
        ("no version, no slash", format!("https://login.microsoftonline.com/{TENANT}")),
        ("another version", format!("https://login.microsoftonline.com/{TENANT}/v2.1")),
        ("an upper-case version", format!("https://login.microsoftonline.com/{TENANT}/V2.0")),
        ("an encoded slash", format!("https://login.microsoftonline.com%2f{TENANT}/v2.0")),
        ("an encoded slash behind", format!("https://login.microsoftonline.com/{TENANT}%2fv2.0")),
        ("an encoded letter", format!("https://login.microsoftonline.com/{TENANT}/%762.0")),
        ("a backslash", format!("https://login.microsoftonline.com\\{TENANT}/v2.0")),
        ("a way back", format!("https://login.microsoftonline.com/{FABRIKAM}/../{TENANT}/v2.0")),
        ("a way nowhere", format!("https://login.microsoftonline.com/./{TENANT}/v2.0")),
        ("a query", format!("https://login.microsoftonline.com/{TENANT}/v2.0?x")),
        ("a fragment", format!("https://login.microsoftonline.com/{TENANT}/v2.0#x")),
        ("a space behind", format!("https://login.microsoftonline.com/{TENANT}/v2.0 ")),
        ("a space before", format!(" https://login.microsoftonline.com/{TENANT}/v2.0")),
        ("a newline behind", format!("https://login.microsoftonline.com/{TENANT}/v2.0\n")),
        ("braces", v2(&format!("{{{TENANT}}}"))),
        ("32 digits", v2(&TENANT.replace('-', ""))),
        ("common", v2("common")),
        ("organizations", v2("organizations")),
        ("the placeholder", v2("{tenantid}")),
        ("no tenant", "https://login.microsoftonline.com/v2.0".to_owned()),
        ("an empty tenant", v2("")),
        ("two tenants", format!("https://login.microsoftonline.com/{TENANT}/{TENANT}/v2.0")),
        ("nothing", String::new()),
        ("the tenant alone", TENANT.to_owned()),
        ("an unknown issuer", format!("https://attacker.example/{TENANT}/v2.0")),
        ("a host that is Entra's and not configured", format!("https://login.windows.net/{TENANT}/")),
    ];
    check(uris.into_iter().map(|(name, iss)| row(name, good().claim("iss", iss), "token_issuer")));
    let types =
        [json!(null), json!(1), json!([v2(TENANT)]), json!([v2(TENANT), "x"]), json!({}), json!(false)];
    check(types.into_iter().map(|iss| row(iss.to_string(), good().claim("iss", iss), "token_malformed")));
    check([row("no issuer", good().without("iss"), "token_issuer")]);
}

#[test]
fn an_issuer_speaks_for_its_own_tenant() {
    let another_issuer = format!("https://issuer.example/{TENANT}/v2.0");
    check([
        row("iss of another tenant", good().claim("iss", v2(FABRIKAM)), "token_issuer"),
        row("tid of another tenant", good().claim("tid", FABRIKAM), "token_issuer"),
        row("both of another tenant", good().claim("tid", FABRIKAM).claim("iss", v2(FABRIKAM)), ACCEPTED),
        row(
            "v1 iss of another tenant",
            good().claim("iss", v1(FABRIKAM)).claim("ver", "1.0"),
            "token_issuer",
        ),
        row("an issuer beside Entra", good().claim("iss", another_issuer.clone()), ACCEPTED),
        row(
            "the same, tid of another",
            good().claim("iss", another_issuer).claim("tid", FABRIKAM),
            "token_issuer",
        ),
    ]);
}

#[test]
fn an_issuer_has_the_form_of_its_version() {
    let version_1 = good().claim("iss", v1(TENANT)).claim("ver", "1.0");
    let mut rows = vec![
        row("version 1", version_1.clone(), ACCEPTED),
        row("version 1 with the issuer of version 2", good().claim("ver", "1.0"), "token_issuer"),
        row("version 2 with the issuer of version 1", version_1.clone().claim("ver", "2.0"), "token_issuer"),
        row(
            "version 1 without the last slash",
            version_1.clone().claim("iss", format!("https://sts.windows.net/{TENANT}")),
            "token_issuer",
        ),
        row(
            "version 1 at the host of version 2",
            good().claim("ver", "1.0").claim("iss", format!("https://login.microsoftonline.com/{TENANT}/")),
            "token_issuer",
        ),
        row(
            "version 2 at the host of version 1",
            good().claim("iss", format!("https://sts.windows.net/{TENANT}/v2.0")),
            "token_issuer",
        ),
        row("no version, issuer of version 2", good().without("ver"), ACCEPTED),
        row("no version, issuer of version 1", version_1.without("ver"), ACCEPTED),
    ];
    for version in ["3.0", "2", "1", "2.0 ", "", "v2.0", "2.0\0", "02.0", "２.0"] {
        rows.push(row(format!("version {version:?}"), good().claim("ver", version), "token_issuer"));
    }
    for version in [json!(2.0), json!(2), json!(null), json!(["2.0"])] {
        rows.push(row(format!("version {version}"), good().claim("ver", version), "token_malformed"));
    }
    check(rows);
}

#[test]
fn a_cloud_signs_with_its_own_keys() {
    let government = format!("https://login.microsoftonline.us/{TENANT}/v2.0");
    let theirs = good().claim("iss", government.clone()).header("kid", "theirs").by_attacker();
    let china = format!("https://login.partner.microsoftonline.cn/{TENANT}/v2.0");
    check([
        row("its own key", theirs.clone(), ACCEPTED),
        row("another cloud's key", good().claim("iss", government.clone()), "token_key_unknown"),
        row(
            "another cloud's key by its name",
            good().claim("iss", government).header("kid", "theirs"),
            "token_signature",
        ),
        row("its key for another cloud", theirs.claim("iss", v2(TENANT)), "token_key_unknown"),
        row("a cloud that is not configured", good().claim("iss", china.clone()), "token_issuer"),
        row(
            "the same, with a key of theirs",
            good().claim("iss", china).header("kid", "theirs").by_attacker(),
            "token_issuer",
        ),
        row(
            "our name with their key",
            good().header("kid", "theirs").signed(|signed| attackers().sign(signed)),
            "token_key_unknown",
        ),
    ]);
}
