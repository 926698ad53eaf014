//! One token has one spelling: the cache and the log depend on it.

use super::{ACCEPTED, check, row};
use crate::forge::{Draft, good};

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[test]
fn base64url_has_no_padding_no_other_alphabet_and_nothing_between() {
    let parts = with_remainders().parts();
    let mut rows = vec![row("as it was", parts.join("."), ACCEPTED)];
    let mut spell = |name: &str, change: &dyn Fn(&str) -> String| {
        for place in 0..3 {
            let mut changed = parts.clone();
            changed[place] = change(&parts[place]);
            assert_ne!(changed, parts, "{name} changes nothing");
            rows.push(row(format!("{name} in part {place}"), changed.join("."), "token_malformed"));
        }
    };
    spell("padding", &|part| format!("{part}{}", "=".repeat((4 - part.len() % 4) % 4)));
    spell("one padding", &|part| format!("{part}="));
    spell("padding by escape", &|part| format!("{part}%3D"));
    spell("stray bits", &stray_bits);
    spell("the standard alphabet", &|part| format!("+/{}", &part[2..]));
    for (name, byte) in [
        ("a space", " "),
        ("a tab", "\t"),
        ("a newline", "\n"),
        ("a carriage return", "\r\n"),
        ("a NUL", "\0"),
        ("a vertical tab", "\u{b}"),
        ("a no-break space", "\u{a0}"),
        ("a zero width space", "\u{200b}"),
        ("a byte order mark", "\u{feff}"),
        ("a full-width A", "Ａ"),
        ("an asterisk", "*"),
        ("a tilde", "~"),
    ] {
        spell(&format!("{name} before"), &|part| format!("{byte}{part}"));
        spell(&format!("{name} inside"), &|part| format!("{}{byte}{}", &part[..8], &part[8..]));
        spell(&format!("{name} behind"), &|part| format!("{part}{byte}"));
    }
    spell("a lonely character", &|part| format!("{part}{}", "A".repeat((5 - part.len() % 4) % 4)));
    check(rows);
}

/// A good token whose parts all end within a byte group, so that each has bits to spare.
fn with_remainders() -> Draft {
    let fits = |length: usize| !length.is_multiple_of(3);
    let draft = (0..3)
        .map(|pad| good().header("x", "x".repeat(pad)))
        .find(|draft| fits(draft.header_bytes().len()))
        .unwrap();
    let padded = |pad| draft.clone().claim("x", "x".repeat(pad));
    (0..3).map(padded).find(|draft| fits(draft.payload_bytes().len())).unwrap()
}

/// The same bytes with one unused bit set at the end.
fn stray_bits(part: &str) -> String {
    let (rest, last) = part.split_at(part.len() - 1);
    let value = ALPHABET.iter().position(|&letter| letter == last.as_bytes()[0]).unwrap();
    assert_eq!(value % 4, 0, "the bits are unused");
    format!("{rest}{}", char::from(ALPHABET[value | 1]))
}
