//! The shipped files themselves.

use crate::envoy::{OVER_A_SOCKET, OVER_TCP};

#[test]
fn the_two_variants_differ_in_tenantgates_address_alone() {
    let said = |text: &'static str| text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let differing: Vec<_> =
        said(OVER_TCP).zip(said(OVER_A_SOCKET)).filter(|(tcp, socket)| tcp != socket).collect();
    assert_eq!(said(OVER_TCP).count(), said(OVER_A_SOCKET).count());
    let [(tcp, socket)] = *differing else { panic!("{differing:#?}") };
    assert!(tcp.contains("port_value: 9191"), "{tcp}");
    assert!(socket.contains("pipe: {path: /run/tenantgate/check.sock}"), "{socket}");
}
