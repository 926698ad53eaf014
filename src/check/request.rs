//! What we need of a `CheckRequest`, as slices of its frame; every absent field has an answer.
//!
//! Field numbers: `envoy/service/auth/v3/external_auth.proto` and `attribute_context.proto`; a round trip with the
//! generated types holds them fast.

use std::fmt;

use crate::check::wire::{BadWire, Fields};
use crate::token::Credential;

/// The frame is no `CheckRequest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the frame is no CheckRequest")]
pub struct Malformed;

impl From<BadWire> for Malformed {
    fn from(BadWire: BadWire) -> Self {
        Self
    }
}

/// One check.
#[derive(Debug, Default)]
pub struct Request<'a> {
    /// None for a TCP check.
    pub http: Option<Http<'a>>,
    /// `context_extensions`: the route, as Envoy's configuration has it.
    pub route: Vec<(&'a [u8], &'a [u8])>,
    /// `metadata_context`: what filters before ours have said, in as many pieces as it came.
    pub metadata: Vec<&'a [u8]>,
}

/// The HTTP request that is checked.
#[derive(Debug, Default)]
pub struct Http<'a> {
    /// `GET`, `CONNECT`, …
    pub method: &'a [u8],
    /// As the client wrote it.
    pub host: &'a [u8],
    /// With the query.
    pub path: &'a [u8],
    /// `Authorization`
    pub authorization: Credential<'a>,
    /// `Accept`
    pub accept: &'a [u8],
    /// Whether there is a `Cookie`.
    pub cookie: bool,
    /// `sec-Restrict-Tenant-Access-Policy`
    pub restrictions: Restrictions<'a>,
    /// Copies of our own headers that the client sent.
    pub spoofed: Vec<&'a [u8]>,
    /// What Envoy buffered of the body.
    pub body: Body<'a>,
}

/// The request's body, where Envoy's configuration has `with_request_body`; empty where it has not.
#[derive(Clone, Copy, Default)]
pub struct Body<'a> {
    /// `body`: bytes that are no UTF-8 were replaced.
    pub text: &'a [u8],
    /// `raw_body`, with `pack_as_bytes`.
    pub raw: &'a [u8],
    /// `x-envoy-auth-partial-body` does not say that this is all.
    pub partial: bool,
    /// `Content-Encoding` or `Content-Type` say that it is no plain UTF-8: the upstream may read something else in it.
    pub encoded: bool,
}

impl fmt::Debug for Body<'_> {
    /// Bodies are personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text: _, raw: _, partial, encoded } = self;
        f.debug_struct("Body").field("partial", partial).field("encoded", encoded).finish_non_exhaustive()
    }
}

/// A header that may be there once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Restrictions<'a> {
    /// It is not.
    #[default]
    Absent,
    /// Its value.
    One(&'a [u8]),
    /// It is there more than once.
    Several,
}

/// Our own headers begin so.
pub(in crate::check) const OWN_PREFIX: &str = "x-tenantgate-";

impl<'a> Request<'a> {
    /// Reads a frame.
    pub fn read(frame: &'a [u8]) -> Result<Self, Malformed> {
        let mut request = Self::default();
        let mut fields = Fields::of(frame);
        while let Some((number, value)) = fields.next()? {
            if number == 1 {
                request.attributes(value.bytes()?)?;
            }
        }
        Ok(request)
    }

    /// `AttributeContext`
    fn attributes(&mut self, message: &'a [u8]) -> Result<(), Malformed> {
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                4 => self.request(value.bytes()?)?,
                10 => self.route.push(entry(value.bytes()?)?),
                11 => self.metadata.push(value.bytes()?),
                _ => {}
            }
        }
        Ok(())
    }

    /// `AttributeContext.Request`
    fn request(&mut self, message: &'a [u8]) -> Result<(), Malformed> {
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            if number == 2 {
                // Repeated messages merge, says protobuf.
                self.http.get_or_insert_default().read(value.bytes()?)?;
            }
        }
        Ok(())
    }
}

impl<'a> Http<'a> {
    /// `AttributeContext.HttpRequest`: headers come as a map, or raw where Envoy has `encode_raw_headers`.
    fn read(&mut self, message: &'a [u8]) -> Result<(), Malformed> {
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                2 => self.method = value.bytes()?,
                3 => {
                    let (name, value) = entry(value.bytes()?)?;
                    self.add_header(name, value);
                }
                4 => self.path = value.bytes()?,
                5 => self.host = value.bytes()?,
                11 => self.body.text = value.bytes()?,
                12 => self.body.raw = value.bytes()?,
                13 => self.raw_headers(value.bytes()?)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// `core.v3.HeaderMap`
    fn raw_headers(&mut self, message: &'a [u8]) -> Result<(), Malformed> {
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            if number == 1 {
                let (name, value) = header_value(value.bytes()?)?;
                self.add_header(name, value);
            }
        }
        Ok(())
    }

    /// One header of the request, in any case.
    pub fn add_header(&mut self, name: &'a [u8], value: &'a [u8]) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        match name.len() {
            6 if is("accept") => self.accept = value,
            12 if is("content-type") => self.body.encoded |= !names_utf8_at_most(value),
            16 if is("content-encoding") => {
                self.body.encoded |= !value.is_empty() && !value.eq_ignore_ascii_case(b"identity");
            }
            25 if is("x-envoy-auth-partial-body") => self.body.partial |= value != b"false",
            6 if is("cookie") => self.cookie = true,
            13 if is("authorization") => self.authorization = self.authorization.and(value),
            33 if is("sec-restrict-tenant-access-policy") => {
                self.restrictions = match self.restrictions {
                    Restrictions::Absent => Restrictions::One(value),
                    Restrictions::One(_) | Restrictions::Several => Restrictions::Several,
                };
            }
            _ => {
                let prefix = name.get(..OWN_PREFIX.len()).unwrap_or_default();
                if prefix.eq_ignore_ascii_case(OWN_PREFIX.as_bytes()) {
                    self.spoofed.push(name);
                }
            }
        }
    }
}

/// Whether a `Content-Type` has no charset but UTF-8, which JSON is in anyhow (RFC 8259, section 8.1).
fn names_utf8_at_most(content_type: &[u8]) -> bool {
    content_type.split(|byte| *byte == b';').skip(1).map(<[u8]>::trim_ascii).all(|parameter| {
        let is_charset = parameter.get(..7).is_some_and(|name| name.eq_ignore_ascii_case(b"charset"));
        let value = parameter.get(7..).unwrap_or_default().trim_ascii_start();
        let value = value.strip_prefix(b"=").unwrap_or_default().trim_ascii_start();
        !is_charset || value.eq_ignore_ascii_case(b"utf-8") || value.eq_ignore_ascii_case(b"\"utf-8\"")
    })
}

/// A map's entry: key 1, value 2.
pub(in crate::check) fn entry(message: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let (mut key, mut value): (&[u8], &[u8]) = Default::default();
    let mut fields = Fields::of(message);
    while let Some((number, field)) = fields.next()? {
        match number {
            1 => key = field.bytes()?,
            2 => value = field.bytes()?,
            _ => {}
        }
    }
    Ok((key, value))
}

/// `core.v3.HeaderValue`: key 1, value 2 or, raw, 3.
fn header_value(message: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let (mut key, mut value, mut raw): (&[u8], &[u8], &[u8]) = Default::default();
    let mut fields = Fields::of(message);
    while let Some((number, field)) = fields.next()? {
        match number {
            1 => key = field.bytes()?,
            2 => value = field.bytes()?,
            3 => raw = field.bytes()?,
            _ => {}
        }
    }
    Ok((key, if raw.is_empty() { value } else { raw }))
}
