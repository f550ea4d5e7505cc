//! One of the two places where the clock is read: the time of arrival. Everything else is handed the time.

use chrono::{DateTime, Utc};

/// Now.
#[expect(clippy::disallowed_methods, reason = "the shell reads the clock here, so that nobody else has to")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}
