//! A way to a member that breaks as it is told to. It reads HTTP/2's frames and no more (RFC 9113, section 4.1).

use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// What is to go wrong, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The request that has this is carried out, and nobody hears of it.
    LoseAnswerTo(&'static str),
    /// The request that has this never arrives, and nobody hears of that.
    LoseRequest(&'static str),
}

/// The way.
pub(crate) struct Proxy {
    pub(crate) endpoint: String,
    state: Arc<State>,
    accepting: AbortHandle,
}

#[derive(Default)]
struct State {
    fault: Mutex<Option<Fault>>,
    links: Mutex<Vec<Arc<Link>>>,
    swallowed: AtomicUsize,
}

/// One connection.
#[derive(Default)]
struct Link {
    /// Streams on which the client has not said its last word: the watches.
    open: Mutex<HashSet<u32>>,
    /// Streams on which the client hears nothing any more.
    muted: Mutex<HashSet<u32>>,
    /// Nothing goes through any more, in either direction.
    cut: Mutex<bool>,
}

const PREFACE: usize = 24;
const HEADER: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const END_STREAM: u8 = 1;

impl Proxy {
    pub(crate) async fn to(endpoint: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = endpoint.strip_prefix("http://").unwrap().to_owned();
        let proxy = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&target).await else { continue };
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let link = Arc::new(Link::default());
                held(&shared.links).push(Arc::clone(&link));
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                tokio::spawn(requests(Arc::clone(&shared), Arc::clone(&link), from_client, to_server));
                tokio::spawn(answers(Arc::clone(&shared), link, from_server, to_client));
            }
        });
        Self { endpoint: proxy, state, accepting: accepting.abort_handle() }
    }

    pub(crate) fn fault(&self, fault: Fault) {
        *held(&self.state.fault) = Some(fault);
    }

    /// What was to go wrong did.
    pub(crate) fn has_happened(&self) -> bool {
        held(&self.state.fault).is_none()
    }

    /// From now on nothing is heard on the watches that there are, while their connections go on.
    pub(crate) fn mute_watches(&self) {
        for link in held(&self.state.links).iter() {
            let open = held(&link.open).clone();
            held(&link.muted).extend(open);
        }
    }

    /// How many messages were not passed on.
    pub(crate) fn swallowed(&self) -> usize {
        self.state.swallowed.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn requests(
    state: Arc<State>,
    link: Arc<Link>,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
) -> io::Result<()> {
    let mut preface = [0; PREFACE];
    from.read_exact(&mut preface).await?;
    to.write_all(&preface).await?;
    loop {
        let Frame { kind, flags, stream, bytes } = frame(&mut from).await?;
        if kind == HEADERS {
            held(&link.open).insert(stream);
        }
        if kind == RESET || matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
            held(&link.open).remove(&stream);
        }
        let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        let fault = held(&state.fault).take_if(|fault| match fault {
            Fault::LoseAnswerTo(text) | Fault::LoseRequest(text) => has(text),
        });
        if fault.is_some() {
            *held(&link.cut) = true;
        }
        if !*held(&link.cut) || matches!(fault, Some(Fault::LoseAnswerTo(_))) {
            to.write_all(&bytes).await?;
        }
        if matches!(fault, Some(Fault::LoseAnswerTo(_))) {
            // The request ends with a frame that may come by itself.
            let mut last = flags;
            while last & END_STREAM == 0 {
                let Frame { flags, bytes, .. } = frame(&mut from).await?;
                to.write_all(&bytes).await?;
                last = flags;
            }
        }
    }
}

async fn answers(
    state: Arc<State>,
    link: Arc<Link>,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
) -> io::Result<()> {
    loop {
        let Frame { kind, stream, bytes, .. } = frame(&mut from).await?;
        if matches!(kind, DATA | HEADERS) && held(&link.muted).contains(&stream) {
            state.swallowed.fetch_add(usize::from(kind == DATA), Ordering::SeqCst);
        } else if !*held(&link.cut) {
            to.write_all(&bytes).await?;
        }
    }
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    /// All of it.
    bytes: Vec<u8>,
}

async fn frame(from: &mut OwnedReadHalf) -> io::Result<Frame> {
    let mut bytes = vec![0; HEADER];
    from.read_exact(&mut bytes).await?;
    let length = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
    let (kind, flags) = (bytes[3], bytes[4]);
    let stream = u32::from_be_bytes([bytes[5], bytes[6], bytes[7], bytes[8]]);
    bytes.resize(HEADER + usize::try_from(length).unwrap(), 0);
    from.read_exact(&mut bytes[HEADER..]).await?;
    Ok(Frame { kind, flags, stream, bytes })
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}
