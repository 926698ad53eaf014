//! Our reading of a frame against prost's.

use prost::Message as _;
use tenantgate::check::Request;
use tenantgate::token::Credential;

use crate::harness::{Asked, check_request};

#[test]
fn a_frame_reads_as_it_was_written() {
    for raw in [false, true] {
        let asked = Asked {
            method: "POST".to_owned(),
            host: "orders.contoso.example".to_owned(),
            path: "/x".to_owned(),
            headers: vec![
                ("accept".to_owned(), "text/html".to_owned()),
                ("authorization".to_owned(), "Bearer t".to_owned()),
                ("x-tenantgate-user".to_owned(), "spoofed".to_owned()),
            ],
            route: vec![("tenant".to_owned(), "T".to_owned())],
            body: "{}".to_owned(),
            raw,
        };
        let frame = check_request(&asked).encode_to_vec();
        let request = Request::read(&frame).unwrap();
        assert_eq!(request.route, [(&b"tenant"[..], &b"T"[..])]);
        let http = request.http.unwrap();
        assert_eq!(http.method, b"POST");
        assert_eq!(http.host, b"orders.contoso.example");
        assert_eq!(http.accept, b"text/html");
        assert_eq!(http.authorization, Credential::One(b"Bearer t"));
        assert_eq!(http.spoofed, [b"x-tenantgate-user"]);
        let (text, bytes): (&[u8], &[u8]) = if raw { (b"", b"{}") } else { (b"{}", b"") };
        assert_eq!((http.body.text, http.body.raw), (text, bytes));
    }
}

#[test]
fn a_cut_frame_is_refused_by_both_or_by_none() {
    let asked = Asked::with_token("t").on("tenant", "T");
    let frame = check_request(&asked).encode_to_vec();
    for end in 0..frame.len() {
        let cut = &frame[..end];
        let prost = tenantgate::pb::envoy::service::auth::v3::CheckRequest::decode(cut).is_ok();
        assert_eq!(Request::read(cut).is_ok(), prost, "cut at {end}");
    }
}

#[test]
fn unknown_fields_and_groups_are_skipped() {
    let mut frame = vec![0x7a, 1, 0, 0x83, 1, 0x08, 1, 0x84, 1, 0x9d, 1, 0, 0, 0, 0];
    frame.extend(check_request(&Asked::with_token("t")).encode_to_vec());
    assert!(Request::read(&frame).unwrap().http.is_some());
    assert!(Request::read(&[0x83, 1, 0x08, 1]).is_err(), "a group without end");
    assert!(Request::read(&[0x00, 0]).is_err(), "field number 0");
}
