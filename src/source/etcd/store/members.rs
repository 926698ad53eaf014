//! The member that is asked, and the next one where that does not answer.

use std::fmt;
use std::time::Duration;

use etcd_client::KvClient;
use tokio::time::{Instant, sleep};

use super::failure::{passes, told};
use crate::source::etcd::{EtcdError, EtcdSettings, connection, within};
use crate::source::store::StoreError;

/// A cluster, one member at a time.
pub(super) struct Members {
    settings: EtcdSettings,
    client: Option<KvClient>,
    /// Whose turn it is to be asked, as far as it counts.
    turn: usize,
}

/// For one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Members may elect a leader meanwhile.
const GIVES_UP: Duration = Duration::from_secs(5);
/// Between two that do not answer.
const PAUSE: Duration = Duration::from_millis(100);
/// A page of records that are all as long as etcd takes them.
const MAX_MESSAGE: usize = 1 << 30;

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Members").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Members {
    pub(super) fn new(settings: EtcdSettings) -> Self {
        Self { settings, client: None, turn: 0 }
    }

    pub(super) fn place(&self) -> String {
        format!("etcd at `{}`, prefix `{}`,", self.settings.endpoints.join(", "), self.settings.prefix)
    }

    /// Asks until somebody answers. Only for what may be asked twice.
    pub(super) async fn ask<T>(
        &mut self,
        request: impl AsyncFn(KvClient) -> Result<T, EtcdError>,
    ) -> Result<T, StoreError> {
        let until = Instant::now() + GIVES_UP;
        let mut asked = 0_usize;
        loop {
            let answer = self.ask_once(&request).await;
            asked = asked.saturating_add(1);
            let again = asked < self.settings.endpoints.len() || Instant::now() < until;
            match answer {
                Err(error) if again && passes(&error) => sleep(PAUSE).await,
                Err(error) => return Err(self.failed(&error)),
                Ok(answer) => return Ok(answer),
            }
        }
    }

    /// Asks one member.
    pub(super) async fn ask_once<T>(
        &mut self,
        request: impl AsyncFn(KvClient) -> Result<T, EtcdError>,
    ) -> Result<T, EtcdError> {
        let client = match self.client.take() {
            Some(client) => client,
            None => self.connect().await?,
        };
        let answer = within(PATIENCE, request(client.clone())).await;
        if !answer.as_ref().is_err_and(passes) {
            self.client = Some(client);
        }
        answer
    }

    pub(super) fn failed(&self, error: &EtcdError) -> StoreError {
        told(self.place(), error)
    }

    async fn connect(&mut self) -> Result<KvClient, EtcdError> {
        let turn = self.turn.checked_rem(self.settings.endpoints.len()).unwrap_or_default();
        self.turn = turn.wrapping_add(1);
        let endpoint = self.settings.endpoints.get(turn).map_or("", String::as_str);
        // Who is cut off from the others would know only what was.
        let client = within(PATIENCE, connection::connect(&self.settings, endpoint, true)).await?;
        Ok(client.kv_client().max_decoding_message_size(MAX_MESSAGE))
    }
}
