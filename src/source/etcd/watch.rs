//! One stream of what changes.

use std::fmt;

use etcd_client::{Client, Event, EventType, WatchOptions, WatchResponse, WatchStream};

use crate::directory::{Change, Record};
use crate::id::TenantId;
use crate::source::etcd::keys::{Key, Keys, Range, canonical};
use crate::source::etcd::partners::record;
use crate::source::etcd::principals::PrincipalChange;
use crate::source::etcd::{EtcdError, signed};

/// What to watch, and since when.
#[derive(Debug)]
pub(in crate::source) struct Watched {
    pub(in crate::source) range: Range,
    /// The last revision that is known already.
    pub(in crate::source) after: u64,
    pub(in crate::source) of: Of,
}

/// What the keys of a range are.
#[derive(Debug, Clone, Copy)]
pub(in crate::source) enum Of {
    Small,
    /// Of a tenant in a generation.
    Partners(TenantId, u64),
    Principals,
}

/// What a message of the stream comes to. It is no text as a whole, for principals are nobody's to read.
pub(in crate::source) enum Heard {
    Nothing,
    /// Something happened that cannot be told any more: it was compacted.
    Lost,
    /// Small keys changed, and so did these, which nobody knows.
    Hint(Vec<String>),
    /// Everything until a revision was told.
    Principals(u64, Vec<PrincipalChange>),
    Partners {
        tenant: TenantId,
        generation: u64,
        /// Everything until here was told.
        revision: u64,
        changes: Vec<Change>,
    },
}

/// What it is about, how much of it, and until when.
impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Lost => f.write_str("what is not known any more"),
            Self::Hint(foreign) => write!(f, "small keys, {} of them unknown", foreign.len()),
            Self::Principals(revision, changes) => write!(f, "{} principals until {revision}", changes.len()),
            Self::Partners { tenant, generation, revision, changes } => {
                let count = changes.len();
                write!(f, "{count} partners of {tenant} in generation {generation} until {revision}")
            }
        }
    }
}

/// A transaction may have a hundred records, and a message many transactions.
const MAX_MESSAGE: usize = 256 << 20;

/// The stream.
pub(in crate::source) struct Watching {
    stream: WatchStream,
    watched: Vec<Watched>,
    keys: Keys,
}

impl Watching {
    /// Begins to watch it all.
    pub(in crate::source) async fn begin(
        client: &Client,
        (keys, watched): (Keys, Vec<Watched>),
    ) -> Result<Self, EtcdError> {
        let mut stream = None;
        for Watched { range: (from, to), after, .. } in &watched {
            let since = signed(after.saturating_add(1));
            let options = WatchOptions::new().with_range(to.as_str()).with_start_revision(since);
            match &mut stream {
                None => {
                    let mut opening = client.watch_client().max_decoding_message_size(MAX_MESSAGE);
                    stream = Some(opening.watch(from.as_str(), Some(options)).await?);
                }
                Some(stream) => stream.watch(from.as_str(), Some(options)).await?,
            }
        }
        let stream = stream.ok_or_else(|| EtcdError::Ended("there is nothing to watch".to_owned()))?;
        Ok(Self { stream, watched, keys })
    }

    /// The next thing that happens.
    pub(in crate::source) async fn next(&mut self) -> Result<Heard, EtcdError> {
        let message = self.stream.message().await?;
        let message = message.ok_or_else(|| EtcdError::Ended("by the member".to_owned()))?;
        if message.compact_revision() > 0 {
            return Ok(Heard::Lost);
        }
        if message.canceled() {
            return Err(EtcdError::Ended(message.cancel_reason().to_owned()));
        }
        Ok(self.heard(&message))
    }

    fn heard(&self, message: &WatchResponse) -> Heard {
        let Some(revision) = message.events().iter().filter_map(revision).max() else {
            return Heard::Nothing;
        };
        let Some(Watched { range: (start, _), of, .. }) = self.watched(message) else {
            return Heard::Lost;
        };
        let (tenant, generation) = match of {
            Of::Small => {
                let foreign = message.events().iter().filter_map(|event| self.foreign(event));
                return Heard::Hint(foreign.collect());
            }
            Of::Principals => {
                let changes = message.events().iter().filter_map(PrincipalChange::of);
                return Heard::Principals(revision, changes.collect());
            }
            Of::Partners(tenant, generation) => (*tenant, *generation),
        };
        Heard::Partners {
            tenant,
            generation,
            revision,
            changes: message.events().iter().filter_map(|event| change(event, start)).collect(),
        }
    }

    /// What a message is about. Its keys tell, for a proxy gives watches other numbers than were asked for.
    fn watched(&self, message: &WatchResponse) -> Option<&Watched> {
        let key = message.events().first()?.kv()?.key();
        let holds = |(from, to): &Range| from.as_bytes() <= key && key < to.as_bytes();
        self.watched.iter().find(|watched| holds(&watched.range))
    }

    /// The event's key, where it is new and nobody knows it.
    fn foreign(&self, event: &Event) -> Option<String> {
        let key = event.kv().filter(|_| event.event_type() == EventType::Put)?.key();
        // A tenant's generation may be written before anybody hosts it.
        let known = self.keys.tenant_of(key).is_some_and(|(tenant, named)| {
            named != Key::Foreign || self.keys.generation_of(tenant, key).is_some()
        });
        (!known).then(|| String::from_utf8_lossy(key).into_owned())
    }
}

fn revision(event: &Event) -> Option<u64> {
    Some(event.kv()?.mod_revision().unsigned_abs())
}

/// What an event says of a partner; nothing where its key is the marker's, or no tenant's.
fn change(event: &Event, start: &str) -> Option<Change> {
    let kv = event.kv()?;
    let name = kv.key().strip_prefix(start.as_bytes())?;
    let Some(other) = canonical(name) else {
        if !name.is_empty() {
            tracing::error!("policy: etcd has a key among partners that is no tenant's; it has no effect");
        }
        return None;
    };
    let (record, text) = match event.event_type() {
        EventType::Put => (record(other, kv.value()), Some(kv.value().into())),
        EventType::Delete => (Record::Absent, None),
    };
    Some(Change { revision: kv.mod_revision().unsigned_abs(), other, record, text })
}
