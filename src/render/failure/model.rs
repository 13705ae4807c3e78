//! Errors of the words of Redis Cluster.

use super::Failure;
use crate::model::FindError;

impl From<FindError> for Failure {
    fn from(error: FindError) -> Failure {
        match &error {
            FindError::Unknown(unknown) => match unknown.meant.clone() {
                Some(meant) => Failure::refused(error).hint(format!("did you mean {meant}?")),
                None => Failure::refused(error),
            },
            FindError::Ambiguous(..) => Failure::refused(error),
        }
    }
}
