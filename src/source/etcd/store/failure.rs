//! What a cluster's answers mean to who writes.

use etcd_client::Error;
use tonic::{Code, Status};

use crate::source::etcd::EtcdError;
use crate::source::store::StoreError;

/// For whoever is to do something about it.
pub(super) fn told(place: String, error: &EtcdError) -> StoreError {
    let Some(status) = status(error) else {
        return StoreError::Unreachable { place, why: error.to_string() };
    };
    let (code, why) = (status.code(), status.message().to_owned());
    // etcd has no code of its own for this one.
    if code == Code::ResourceExhausted && why.contains("space exceeded") {
        return StoreError::Full { place };
    }
    let by_name = why.contains("authentication") || why.contains("user name is empty");
    if code == Code::PermissionDenied || code == Code::Unauthenticated || by_name {
        return StoreError::Refused { place, why };
    }
    if is_gone(error) {
        let why = "what was being read was compacted meanwhile; try again".to_owned();
        return StoreError::Unreachable { place, why };
    }
    StoreError::Unreachable { place, why }
}

/// Whether another member, or the same one later, may answer otherwise. Whether the request was carried out is not
/// known.
pub(super) fn passes(error: &EtcdError) -> bool {
    match error {
        EtcdError::Late(_) => true,
        EtcdError::Cluster(Error::GRpcStatus(status)) => {
            let passing = [Code::Unavailable, Code::DeadlineExceeded, Code::Cancelled, Code::Unknown];
            passing.contains(&status.code())
        }
        EtcdError::Cluster(error) => matches!(error, Error::TransportError(_) | Error::IoError(_)),
        EtcdError::File(..) | EtcdError::Headless | EtcdError::Ended(_) => false,
    }
}

/// Whether the revision that was asked for was compacted, or is none yet.
pub(super) fn is_gone(error: &EtcdError) -> bool {
    status(error).is_some_and(|status| status.code() == Code::OutOfRange)
}

fn status(error: &EtcdError) -> Option<&Status> {
    if let EtcdError::Cluster(Error::GRpcStatus(status)) = error { Some(status) } else { None }
}
