//! Why a rule, or a part of one, does not run.

use crate::detect::ProblemKind;

/// A reason, and its kind.
#[derive(Debug)]
pub(super) struct Refused {
    /// What is wrong.
    pub(super) reason: String,
    /// What kind of problem it is.
    pub(super) kind: ProblemKind,
}

impl Refused {
    /// Right, but not for here.
    pub(super) fn other(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), kind: ProblemKind::Other }
    }

    /// Right, but no event that comes in here can match.
    pub(super) fn impossible(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), kind: ProblemKind::Impossible }
    }

    /// The same, with where it is.
    pub(super) fn within(self, place: &str) -> Self {
        Self { reason: format!("in `{place}`: {}", self.reason), kind: self.kind }
    }
}

impl From<String> for Refused {
    fn from(reason: String) -> Self {
        Self { reason, kind: ProblemKind::Broken }
    }
}

impl From<&str> for Refused {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}
