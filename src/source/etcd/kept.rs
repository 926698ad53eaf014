//! The last good policy in a file, for a restart without the cluster (`policy.cache`).
//!
//! One JSON object a line: what it is of, each hosted tenant followed by its partners that were at hand, and the
//! SHA-256 of all that. Values are the store's, byte by byte, and read like the store's. The file appears whole or
//! not at all; one that was cut short or changed is refused.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::directory::AtHand;
use crate::id::TenantId;
use crate::source::document::{directory_of, hexadecimal};

/// A policy as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) struct Kept {
    /// Whose it is: keys of another prefix are another policy.
    pub(in crate::source) prefix: String,
    /// The cluster's id.
    pub(in crate::source) cluster: u64,
    /// The snapshot's revision.
    pub(in crate::source) revision: u64,
    /// When the cluster was last reached, in Unix seconds: the policy was known to be the present one then.
    pub(in crate::source) reached_at: i64,
    pub(in crate::source) tenants: Vec<KeptTenant>,
}

/// A hosted tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) struct KeptTenant {
    pub(in crate::source) id: TenantId,
    pub(in crate::source) generation: u64,
    pub(in crate::source) settings: Arc<[u8]>,
    /// Those that were at hand.
    pub(in crate::source) partners: Vec<AtHand>,
}

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
pub(in crate::source) enum Unusable {
    /// It cannot be read.
    #[error("{0}")]
    File(#[from] io::Error),
    /// It is not what was written.
    #[error("it was cut short or changed")]
    Damaged,
    /// It says something that this version does not understand.
    #[error("line {0}: {1}")]
    Line(usize, String),
}

const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    PolicyCache { version: u32, prefix: String, cluster: u64, revision: u64, reached_at: i64 },
    Tenant { id: String, generation: u64, settings: String },
    Partner { id: String, read_at: u64, record: Option<String> },
    Sha256(String),
}

impl Kept {
    /// The highest revision that anything in it was read at.
    pub(in crate::source) fn newest(&self) -> u64 {
        let at_hand = self.tenants.iter().flat_map(|tenant| &tenant.partners);
        at_hand.map(|partner| partner.read_at).fold(self.revision, u64::max)
    }

    /// Puts it in the place of what is at `path`.
    ///
    /// # Errors
    /// Where the file cannot be written; what was there before is there still.
    pub(in crate::source) fn write(&self, path: &Path) -> io::Result<()> {
        let directory = directory_of(path);
        let mut file = tempfile::Builder::new().prefix(".tenantgate-").tempfile_in(directory)?;
        let mut text = Vec::new();
        self.lines().try_for_each(|line| write_line(&mut text, &line))?;
        let sum = Line::Sha256(sum_of(&text));
        write_line(&mut text, &sum)?;
        file.write_all(&text)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        // Without this, a power loss could bring back the file from before.
        File::open(directory)?.sync_all()
    }

    fn lines(&self) -> impl Iterator<Item = Line> {
        let Self { prefix, cluster, revision, reached_at, tenants } = self;
        let head = Line::PolicyCache {
            version: VERSION,
            prefix: prefix.clone(),
            cluster: *cluster,
            revision: *revision,
            reached_at: *reached_at,
        };
        std::iter::once(head).chain(tenants.iter().flat_map(KeptTenant::lines))
    }

    /// What was written to `path` last; nothing where nothing is there.
    pub(in crate::source) fn read(path: &Path) -> Result<Option<Self>, Unusable> {
        let text = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        let mut lines =
            whole(&text)?.split_inclusive(|byte| *byte == b'\n').map(serde_json::from_slice).zip(1..);
        let mut next = || {
            let (line, number) = lines.next()?;
            Some((line.map_err(|error: serde_json::Error| Unusable::Line(number, error.to_string())), number))
        };
        let Some((Ok(Line::PolicyCache { version: VERSION, prefix, cluster, revision, reached_at }), _)) =
            next()
        else {
            return Err(Unusable::Line(1, "no policy cache of this version".to_owned()));
        };
        let mut kept = Self { prefix, cluster, revision, reached_at, tenants: Vec::new() };
        while let Some((line, number)) = next() {
            kept.add(line?).map_err(|why| Unusable::Line(number, why))?;
        }
        Ok(Some(kept))
    }

    fn add(&mut self, line: Line) -> Result<(), String> {
        let id = |id: String| id.parse().map_err(|_| "no tenant's id".to_owned());
        match line {
            Line::Tenant { id: tenant, generation, settings } => {
                let settings = settings.into_bytes().into();
                self.tenants.push(KeptTenant { id: id(tenant)?, generation, settings, partners: Vec::new() });
            }
            Line::Partner { id: other, read_at, record } => {
                let tenant = self.tenants.last_mut().ok_or("a partner of nobody")?;
                let text = record.map(|record| record.into_bytes().into());
                tenant.partners.push(AtHand { other: id(other)?, read_at, text });
            }
            Line::PolicyCache { .. } | Line::Sha256(_) => return Err("out of place".to_owned()),
        }
        Ok(())
    }
}

impl KeptTenant {
    fn lines(&self) -> impl Iterator<Item = Line> {
        let Self { id, generation, settings, partners } = self;
        let tenant = Line::Tenant { id: id.to_string(), generation: *generation, settings: text(settings) };
        let partners = partners.iter().map(|AtHand { other, read_at, text: record }| Line::Partner {
            id: other.to_string(),
            read_at: *read_at,
            record: record.as_deref().map(text),
        });
        std::iter::once(tenant).chain(partners)
    }
}

/// What is no text is no JSON either, and stays as unreadable as it is.
fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

fn write_line(text: &mut Vec<u8>, line: &Line) -> io::Result<()> {
    serde_json::to_writer(&mut *text, line)?;
    text.push(b'\n');
    Ok(())
}

/// All lines but the last, which tells their sum.
fn whole(text: &[u8]) -> Result<&[u8], Unusable> {
    let body = text.strip_suffix(b"\n").ok_or(Unusable::Damaged)?;
    let end = memchr::memrchr(b'\n', body).map_or(0, |at| at.saturating_add(1));
    let (lines, sum) = text.split_at_checked(end).ok_or(Unusable::Damaged)?;
    match serde_json::from_slice(sum) {
        Ok(Line::Sha256(sum)) if sum == sum_of(lines) => Ok(lines),
        Ok(_) | Err(_) => Err(Unusable::Damaged),
    }
}

fn sum_of(lines: &[u8]) -> String {
    hexadecimal(digest(&SHA256, lines).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        let at_hand = |other, text: Option<&str>| AtHand {
            other: TenantId::from_u128(other),
            read_at: 7,
            text: text.map(|text| text.as_bytes().into()),
        };
        let tenant = |id, partners| KeptTenant {
            id: TenantId::from_u128(id),
            generation: 3,
            settings: b"{\n\"name\": \"\xc3\xa9\"}".as_slice().into(),
            partners,
        };
        Kept {
            prefix: "/tenantgate".to_owned(),
            cluster: u64::MAX,
            revision: 9,
            reached_at: 1_700_000_000,
            tenants: vec![
                tenant(1, vec![at_hand(5, Some(r#"{"a": 1.0}"#)), at_hand(6, None)]),
                tenant(2, Vec::new()),
            ],
        }
    }

    #[test]
    fn what_is_written_is_read_and_nothing_is_left_beside() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cache");
        assert!(Kept::read(&path).unwrap().is_none());
        kept().write(&path).unwrap();
        assert_eq!(Kept::read(&path).unwrap(), Some(kept()));
        let later = Kept { revision: 10, tenants: Vec::new(), ..kept() };
        later.write(&path).unwrap();
        assert_eq!(Kept::read(&path).unwrap(), Some(later));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_as_it_was_written_is_refused_wherever_it_differs() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cache");
        kept().write(&path).unwrap();
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            fs::write(&path, &whole[..at]).unwrap();
            assert!(Kept::read(&path).is_err(), "cut at {at}");
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(&path, &changed).unwrap();
            assert!(Kept::read(&path).is_err(), "changed at {at}");
        }
    }

    #[test]
    fn what_this_version_does_not_understand_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cache");
        let head = r#"{"policy_cache":{"version":1,"prefix":"/t","cluster":1,"revision":1,"reached_at":1}}"#;
        let partner =
            r#"{"partner":{"id":"3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21","read_at":1,"record":null}}"#;
        let read = |lines: &[&str]| {
            let text: String = lines.iter().flat_map(|line| [*line, "\n"]).collect();
            let sum = sum_of(text.as_bytes());
            fs::write(&path, format!("{text}{{\"sha256\":\"{sum}\"}}\n")).unwrap();
            Kept::read(&path)
        };
        assert!(read(&[head]).unwrap().is_some());
        let tenant = r#"{"tenant":{"id":"7","generation":1,"settings":"{}"}}"#;
        for lines in [
            &[][..],
            &[partner],
            &[&head.replace(":1,\"p", ":2,\"p")],
            &[head, partner],
            &[head, head],
            &[head, tenant],
            &[head, "{}"],
        ] {
            assert!(matches!(read(lines), Err(Unusable::Line(..))), "{lines:?}");
        }
    }
}
