//! Errors of the words of Redis Cluster.

use super::Failure;
use crate::model::FindError;

impl From<FindError> for Failure {
    fn from(error: FindError) -> Failure {
        Failure::refused(error)
    }
}
