//! As much of HTTP/2 (RFC 9113) as a client needs that only ever sends one kind of request: frames in and out, and
//! the request's headers in HPACK (RFC 7541). Written by hand because a client library costs about as much per
//! request as the servers that are measured here.

/// What a connection begins with, before the first SETTINGS frame.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;

/// Of DATA and HEADERS.
pub(crate) const END_STREAM: u8 = 1;
/// Of HEADERS.
pub(crate) const END_HEADERS: u8 = 4;
/// Of SETTINGS and PING.
pub(crate) const ACK: u8 = 1;

/// In a `RST_STREAM` frame: nobody waits any more.
pub(crate) const CANCEL: [u8; 4] = [0, 0, 0, 8];

/// The bytes that a peer may be sent beyond what it asked for, at first.
pub(crate) const FIRST_WINDOW: usize = 65_535;
/// Bytes of one frame, unless the peer allows more.
pub(crate) const FRAME: usize = 16_384;
/// The most that it may ask for.
pub(crate) const WIDEST_WINDOW: u32 = 0x7fff_ffff;

/// SETTINGS: nothing pushed, and streams as wide as they can be.
pub(crate) const OUR_SETTINGS: [u8; 12] = [0, 2, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff];

/// A frame as it came.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Takes the first frame off `input`, once all of it is there.
    pub(crate) fn take(input: &mut &'a [u8]) -> Option<Self> {
        let ([long, middle, short, kind, flags, stream @ ..], rest) = input.split_first_chunk::<9>()?;
        let length = usize::from(*long) << 16 | usize::from(*middle) << 8 | usize::from(*short);
        let (payload, rest) = rest.split_at_checked(length)?;
        *input = rest;
        Some(Self {
            kind: *kind,
            flags: *flags,
            stream: u32::from_be_bytes(*stream) & WIDEST_WINDOW,
            payload,
        })
    }

    /// The 31 bits that a window update carries.
    pub(crate) fn increment(&self) -> u32 {
        self.payload.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes) & WIDEST_WINDOW)
    }
}

/// Appends a frame to what will be sent.
pub(crate) fn put(output: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    output.extend_from_slice(&length);
    output.extend_from_slice(&[kind, flags]);
    output.extend_from_slice(&stream.to_be_bytes());
    output.extend_from_slice(payload);
}

/// What Envoy's gRPC client sends, `:authority` being the name of its cluster.
const OWN: [(&str, &str); 8] = [
    (":path", "/envoy.service.auth.v3.Authorization/Check"),
    (":authority", "tenantgate"),
    ("te", "trailers"),
    ("grpc-timeout", "200m"),
    ("content-type", "application/grpc"),
    ("x-envoy-internal", "true"),
    ("x-forwarded-for", "10.0.0.7"),
    ("x-envoy-expected-rq-timeout-ms", "200"),
];
/// `:method: POST` and `:scheme: http`, in HPACK's static table.
const STATIC: [u8; 2] = [0x83, 0x86];

/// The headers of a connection's first request, which the server remembers.
pub(crate) fn first_headers() -> Vec<u8> {
    let mut block = STATIC.to_vec();
    for (name, value) in OWN {
        // Literal, to be indexed, with its name spelled out; every length here takes one byte.
        block.push(0x40);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// The headers of every other request: references to what is remembered, of which the latest is number 62.
pub(crate) fn later_headers() -> Vec<u8> {
    let remembered: Vec<u8> = (62..).zip(OWN).map(|(number, _)| 0x80 | number).collect();
    STATIC.into_iter().chain(remembered.into_iter().rev()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_taken_once_it_is_whole() {
        let mut output = Vec::new();
        put(&mut output, DATA, END_STREAM, 5, b"abc");
        assert_eq!(Frame::take(&mut &output[..11]).map(|frame| frame.kind), None);
        put(&mut output, PING, 0, 0, &[]);
        let mut input = output.as_slice();
        let frame = Frame::take(&mut input).unwrap();
        assert_eq!(
            (frame.kind, frame.flags, frame.stream, frame.payload),
            (DATA, END_STREAM, 5, &b"abc"[..])
        );
        assert_eq!(Frame::take(&mut input).unwrap().kind, PING);
        assert!(input.is_empty());
    }

    #[test]
    fn later_headers_refer_to_the_first_in_their_order() {
        assert_eq!(later_headers(), [0x83, 0x86, 0xc5, 0xc4, 0xc3, 0xc2, 0xc1, 0xc0, 0xbf, 0xbe]);
    }
}
