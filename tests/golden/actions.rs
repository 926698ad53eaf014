//! The same for what a route does beyond access: who may invite whom, what a redemption tells, who synchronises.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{APP, H, L, NOW, OTHER, USER, case};
use crate::engine;
use crate::reference::generate::Case;
use crate::reference::model::Decision;

const INVITER: &str = "95e79109-95c0-4d8e-aee3-d01accf2d47b";

#[test]
fn the_actions_are_as_reviewed() {
    super::as_reviewed("action-matrix.txt", &matrix());
}

fn matrix() -> String {
    let mut text = String::from(
        "What is asked beyond access: invitations, redemption, synchronisation.\n\
         Y permitted   . denied; then the reason. Written by GOLDEN=write cargo test --test properties golden\n",
    );
    inviters(&mut text);
    invitees(&mut text);
    redemptions(&mut text);
    synchronisations(&mut text);
    text
}

fn mark(decision: &Decision) -> &'static str {
    if decision.effect == "allow" { "Y" } else { "." }
}

fn inviters(text: &mut String) {
    text.push_str("\n== invite: by allowInvitesFrom and the caller\n\n");
    for from in ["", "none", "adminsAndGuestInviters", "adminsGuestInvitersAndAllMembers", "everyone"] {
        for (who, claims) in super::callers() {
            for role in [false, true] {
                let mut claims = claims.clone();
                if role {
                    claims["wids"] = json!([INVITER]);
                }
                let mut case = invitation(&claims, "kim@example.org");
                partner(&mut case)["b2bDirectConnectInbound"] = setting("allowed", "AllUsers");
                if !from.is_empty() {
                    tenant(&mut case)["authorizationPolicy"] = json!({"allowInvitesFrom": from});
                }
                let decision = engine::decide(&case);
                let (from, role) = (
                    if from.is_empty() { "not given" } else { from },
                    if role { ", guest inviter" } else { "" },
                );
                let who = format!("{who}{role}");
                writeln!(text, "{}  {from:<33} {who:<48} {}", mark(&decision), decision.reason).unwrap();
            }
        }
    }
}

fn invitees(text: &mut String) {
    text.push_str("\n== invite: by the invitee's domain; example.com is of a listed organisation\n\n");
    let nobody = json!({"accessType": "allowed", "targets": []});
    let mut none_listed = setting("allowed", "AllUsers");
    none_listed["usersAndGroups"] = nobody;
    let settings = [
        ("let in", setting("allowed", "AllUsers")),
        ("blocked", setting("blocked", "AllUsers")),
        ("a user blocked", setting("blocked", USER)),
        ("nobody allowed", none_listed),
    ];
    let lists = [
        ("no lists", json!([]), json!([])),
        ("it is allowed", json!(["EXAMPLE.com"]), json!([])),
        ("another is allowed", json!(["example.net"]), json!([])),
        ("it is blocked", json!([]), json!(["Example.com"])),
        ("allowed and blocked", json!(["example.com"]), json!(["example.com"])),
    ];
    for address in ["kim@example.com", "kim@mail.example.com", "kim@example.org", "kim"] {
        for (listed, allowed, blocked) in &lists {
            for (organisation, setting) in &settings {
                let mut case = invitation(&claims(&json!({"wids": [INVITER]})), address);
                partner(&mut case)["b2bCollaborationInbound"] = setting.clone();
                let tenant = tenant(&mut case);
                tenant["domains"] = json!({"example.com": H});
                tenant["b2bManagementPolicy"] = json!({"InvitationsAllowedAndBlockedDomainsPolicy": {
                    "AllowedDomains": allowed, "BlockedDomains": blocked,
                }});
                let decision = engine::decide(&case);
                let mark = mark(&decision);
                writeln!(text, "{mark}  {address:<22} {listed:<20} {organisation:<16} {}", decision.reason)
                    .unwrap();
            }
        }
    }
}

fn redemptions(text: &mut String) {
    text.push_str("\n== redeem: by both tenants' settings; consent, and the user's mails and prompt\n\n");
    let home = format!("https://sts.windows.net/{H}/");
    let callers = [
        ("guest", claims(&json!({"idp": home, "acct": 1}))),
        (
            "direct connect",
            claims(&json!({"tid": H, "iss": format!("https://login.microsoftonline.com/{H}/v2.0")})),
        ),
        ("from outside Entra", claims(&json!({"idp": "live.com"}))),
        ("internal", claims(&json!({"acct": 0}))),
    ];
    for (who, claims) in &callers {
        for (hosted, cloud) in [
            ("not hosted", "microsoftonline.com"),
            ("hosted", "microsoftonline.com"),
            ("hosted, another cloud", "microsoftonline.us"),
        ] {
            for flags in 0..16_u8 {
                let set = |bit: u8| flags >> bit & 1 == 1;
                let consent =
                    |inbound, outbound| json!({"inboundAllowed": inbound, "outboundAllowed": outbound});
                let mut case = action("redeem", claims);
                let ours = partner(&mut case);
                ours["automaticUserConsentSettings"] = consent(set(2), set(0));
                ours["b2bDirectConnectInbound"] = setting("allowed", "AllUsers");
                tenant(&mut case)["crossTenantAccessPolicy"]["allowedCloudEndpoints"] =
                    json!(["microsoftonline.us"]);
                if hosted != "not hosted" {
                    let theirs = json!({
                        "tenantId": L, "automaticUserConsentSettings": consent(set(1), set(3)),
                        "b2bDirectConnectOutbound": setting("allowed", "AllUsers"),
                    });
                    let policy =
                        json!({"allowedCloudEndpoints": ["microsoftonline.com"], "partners": [theirs]});
                    let other = json!({"tenantId": H, "cloud": cloud, "crossTenantAccessPolicy": policy});
                    case.bundle["tenants"].as_array_mut().unwrap().push(other);
                }
                write!(text, "{who:<19}{hosted:<23}").unwrap();
                for (bit, name) in [(3, "source out"), (2, "target in"), (1, "source in"), (0, "target out")]
                {
                    write!(text, "{:<11}", if set(bit) { name } else { "" }).unwrap();
                }
                writeln!(text, "{}", told(&engine::decide(&case))).unwrap();
            }
        }
    }
}

fn synchronisations(text: &mut String) {
    text.push_str(
        "\n== user_sync: by the caller, the route's source and the target's record; then consent\n\n",
    );
    let foreign = json!({"tid": H, "iss": format!("https://login.microsoftonline.com/{H}/v2.0")});
    let app = |more: &Value| {
        let mut claims = claims(more);
        claims["idtyp"] = json!("app");
        claims
    };
    let callers = [
        ("a workload of the source", app(&foreign)),
        ("a user of the source", claims(&foreign)),
        ("a workload of ours", app(&json!({}))),
        ("a user of ours", claims(&json!({"acct": 0}))),
        ("a third tenant's workload here", app(&json!({"idp": format!("https://sts.windows.net/{OTHER}/")}))),
    ];
    for (who, claims) in &callers {
        for (named, source) in [("none", None), ("the source", Some(H)), ("another", Some(OTHER))] {
            for allowed in [json!(null), json!(false), json!(true)] {
                let mut case = action("user_sync", claims);
                case.route.extend(source.map(|source| ("source_tenant".to_owned(), source.to_owned())));
                partner(&mut case)["identitySynchronization"] =
                    json!({"userSyncInbound": {"isSyncAllowed": allowed}});
                let decision = engine::decide(&case);
                let told = decision.consent.as_deref().unwrap_or_default();
                let (mark, allowed) = (mark(&decision), allowed.to_string());
                let line =
                    format!("{mark}  {who:<31} {named:<11} {allowed:<6} {:<25} {told}", decision.reason);
                writeln!(text, "{}", line.trim_end()).unwrap();
            }
        }
    }
}

fn told(decision: &Decision) -> String {
    let words = [
        (decision.invitation_email, "invitation mail"),
        (decision.consent_prompt, "prompt"),
        (decision.notification_email, "notification mail"),
    ];
    let words: Vec<_> =
        words.into_iter().filter(|(told, _)| *told == Some(true)).map(|(_, word)| word).collect();
    let consent = decision.consent.as_deref().unwrap_or("nothing told");
    format!("{consent:<13}{}", words.join(", ")).trim_end().to_owned()
}

fn action(name: &str, claims: &Value) -> Case {
    let mut case = case(claims, &json!(null), &[], false);
    case.route.insert("action".to_owned(), name.to_owned());
    case
}

fn invitation(claims: &Value, address: &str) -> Case {
    let mut case = action("invite", claims);
    case.body = Some(vec![("invitedUserEmailAddress".to_owned(), address.into())]);
    case
}

fn claims(more: &Value) -> Value {
    let mut claims = json!({
        "tid": L, "iss": format!("https://login.microsoftonline.com/{L}/v2.0"), "aud": APP, "oid": USER,
        "azp": "22222222-2222-3333-4444-555555555555", "iat": NOW, "exp": NOW + 3600,
    });
    claims.as_object_mut().unwrap().extend::<Map<_, _>>(more.as_object().unwrap().clone());
    claims
}

fn tenant(case: &mut Case) -> &mut Value {
    &mut case.bundle["tenants"][0]
}

/// What Contoso keeps for the other tenant.
fn partner(case: &mut Case) -> &mut Value {
    &mut tenant(case)["crossTenantAccessPolicy"]["partners"][0]
}

/// Whoever is named, for every application.
fn setting(access: &str, user: &str) -> Value {
    let half = |access: &str, target: &str, kind: &str| json!({"accessType": access, "targets": [{"target": target, "targetType": kind}]});
    // Blocked users alone leave the applications open; all of them would contradict that.
    let applications = if user == "AllUsers" { access } else { "allowed" };
    json!({
        "usersAndGroups": half(access, user, "user"),
        "applications": half(applications, "AllApplications", "application"),
    })
}
