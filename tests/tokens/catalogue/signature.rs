//! Signatures that are none, or of something else.

use aws_lc_rs::digest::{SHA256, digest};

use super::{ACCEPTED, check, row};
use crate::forge::{attackers, good, ours};

#[test]
fn only_the_signature_of_this_very_text_by_this_very_key_is_one() {
    let changed = |change: fn(&mut Vec<u8>)| {
        good().signed(move |signed| {
            let mut signature = ours().sign(signed);
            change(&mut signature);
            signature
        })
    };
    let fixed = |bytes: Vec<u8>| good().signed(move |_| bytes.clone());
    let refused = [
        ("empty", fixed(vec![])),
        ("one zero", fixed(vec![0])),
        ("64 zeros, as r = s = 0", fixed(vec![0; 64])),
        ("256 zeros", fixed(vec![0; 256])),
        ("the number one", fixed([vec![0; 255], vec![1]].concat())),
        ("256 times 0xff", fixed(vec![0xff; 256])),
        ("the modulus itself", fixed(ours().modulus())),
        ("the modulus less one", {
            let mut bytes = ours().modulus();
            bytes[255] -= 1;
            fixed(bytes)
        }),
        ("as long as a token may be", fixed(vec![1; 8192])),
        ("cut at the end", changed(|signature| signature.truncate(255))),
        ("cut at the start", changed(|signature| *signature = signature.split_off(1))),
        ("half", changed(|signature| signature.truncate(128))),
        ("a zero behind it", changed(|signature| signature.push(0))),
        ("a zero before it", changed(|signature| signature.insert(0, 0))),
        ("twice", changed(|signature| signature.extend(signature.clone()))),
        ("backwards", changed(|signature| signature.reverse())),
        ("its first bit flipped", changed(|signature| signature[0] ^= 0x80)),
        ("a bit in its middle flipped", changed(|signature| signature[128] ^= 1)),
        ("its last bit flipped", changed(|signature| signature[255] ^= 1)),
        ("of another key", good().by_attacker()),
        ("of the header alone", good().signed(|signed| ours().sign(part(signed, 0)))),
        ("of the payload alone", good().signed(|signed| ours().sign(part(signed, 1)))),
        ("of the text without the dot", good().signed(|signed| ours().sign(&without_dot(signed)))),
        ("of the hash of the text", good().signed(|signed| ours().sign(digest(&SHA256, signed).as_ref()))),
        ("the padded hash itself, as for e = 1", good().signed(|signed| padded(signed).to_vec())),
    ];
    check(refused.map(|(name, draft)| row(name, draft, "token_signature")));
}

#[test]
fn the_signature_of_another_token_signs_nothing_here() {
    let other = good().claim("oid", "0a1b2c3d-0000-4000-8000-00000000000b");
    let [header, payload, signature] = good().parts();
    let [_, other_payload, other_signature] = other.parts();
    let older = good().header("typ", "at+jwt");
    let [older_header, ..] = older.parts();
    check([
        row("as it was", format!("{header}.{payload}.{signature}"), ACCEPTED),
        row("another's signature", format!("{header}.{payload}.{other_signature}"), "token_signature"),
        row("another's payload", format!("{header}.{other_payload}.{signature}"), "token_signature"),
        row("another's header", format!("{older_header}.{payload}.{signature}"), "token_signature"),
    ]);
}

#[test]
fn an_attackers_own_key_is_unknown_by_its_own_name() {
    let forged = good().by_attacker().header("jwk", attackers().jwk("theirs"));
    check([
        row("its own name", forged.clone().header("kid", "theirs"), "token_key_unknown"),
        row("our name", forged, "token_signature"),
    ]);
}

fn part(signed: &[u8], place: usize) -> &[u8] {
    signed.split(|&byte| byte == b'.').nth(place).unwrap()
}

fn without_dot(signed: &[u8]) -> Vec<u8> {
    signed.iter().copied().filter(|&byte| byte != b'.').collect()
}

/// EMSA-PKCS1-v1_5 of SHA-256.
fn padded(signed: &[u8]) -> [u8; 256] {
    const INFO: [u8; 19] =
        [0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
    let mut padded = [0xff; 256];
    padded[0] = 0;
    padded[1] = 1;
    padded[204] = 0;
    padded[205..224].copy_from_slice(&INFO);
    padded[224..].copy_from_slice(digest(&SHA256, signed).as_ref());
    padded
}
