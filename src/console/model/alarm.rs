//! What must be seen within a second, wherever the keyboard is: a critical alert, and whatever is lost.

use crate::alert::Severity;
use crate::console::model::Model;

/// What stands for that; when it is another than it was on the picture, the picture cannot wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    critical: u64,
    rejected: u64,
    shed: u64,
    is_stale: bool,
}

impl Alarm {
    /// As it stands now, also behind a frozen picture.
    pub fn of(model: &Model) -> Self {
        let counters = &model.newest_status().counters;
        Self {
            critical: model.alerts.count_of_severity(Severity::Critical),
            rejected: counters.rejected.values().sum(),
            shed: counters.shed.values().sum::<u64>() + counters.console_shed,
            is_stale: model.company.stale.is_some(),
        }
    }
}
