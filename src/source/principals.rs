//! The principal map's file: read at start, compared every two seconds, the last good one stays.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::policy::PrincipalMap;
use crate::source::task::Task;
use crate::store::Publisher;

const COMPARE_EVERY: Duration = Duration::from_secs(2);

/// Why a principal map cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadPrincipals {
    /// The file is not there.
    #[error("cannot read `{}`", .0.display())]
    Read(PathBuf, #[source] std::io::Error),
    /// It is something else. What, is not told: keys and values are people's.
    #[error(
        "`{}`, up to line {line}, column {column}, is no principal map: {{\"<tenant>\": {{\"<oid>\": {{\"homeTenant\", \
         \"homeOid\", \"homeGroups\": []}}}}}}, each principal once",
        .path.display()
    )]
    Content {
        /// Of the file.
        path: PathBuf,
        /// Where reading ended, from 1.
        line: usize,
        /// Where in the line, from 1.
        column: usize,
    },
}

/// The one writer of the principal map.
#[derive(Debug)]
pub struct Principals {
    path: PathBuf,
    last: Vec<u8>,
    publisher: Publisher<PrincipalMap>,
}

impl Principals {
    /// Reads the map, and publishes it.
    pub fn load(path: PathBuf, publisher: Publisher<PrincipalMap>) -> Result<Self, BadPrincipals> {
        let mut principals = Self { path, last: Vec::new(), publisher };
        principals.compare()?;
        Ok(principals)
    }

    /// Goes on comparing for as long as the task lives.
    pub fn spawn(mut self) -> Task {
        Task::spawn(async move {
            loop {
                tokio::time::sleep(COMPARE_EVERY).await;
                match self.compare() {
                    Ok(false) => {}
                    Ok(true) => tracing::info!("principal map applied"),
                    Err(error) => {
                        let cause =
                            std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                        tracing::error!("principal map refused, the last good one stays: {error}: {cause}");
                    }
                }
            }
        })
    }

    /// Whether there was something new.
    fn compare(&mut self) -> Result<bool, BadPrincipals> {
        let path = &self.path;
        let text = std::fs::read(path).map_err(|error| BadPrincipals::Read(path.clone(), error))?;
        if text == self.last {
            return Ok(false);
        }
        let read = read(path, &text);
        self.last = text;
        self.publisher.publish(read?);
        Ok(true)
    }
}

fn read(path: &Path, text: &[u8]) -> Result<PrincipalMap, BadPrincipals> {
    serde_json::from_slice(text).map_err(|error| BadPrincipals::Content {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
    })
}
