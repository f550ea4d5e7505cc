//! The alerts that are held so that a later link can be told on them: the newest, each as it was told last, and no longer than it
//! rests on a connection.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::alert::{Alert, AlertId};

/// How many alerts are held.
const MAX_ALERTS: usize = 4096;

/// The alerts, by id and in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Held {
    alerts: HashMap<AlertId, (u64, Arc<Alert>)>,
    order: BTreeMap<u64, AlertId>,
    next: u64,
}

impl Held {
    pub(super) fn get(&self, id: &AlertId) -> Option<&Arc<Alert>> {
        self.alerts.get(id).map(|(_, alert)| alert)
    }

    /// Holds an alert; one that is held already keeps its turn. Answers how many went for it.
    pub(super) fn insert(&mut self, alert: &Arc<Alert>) -> u64 {
        if let Some((_, own)) = self.alerts.get_mut(&alert.id) {
            own.clone_from(alert);
            return 0;
        }
        self.alerts.insert(alert.id.clone(), (self.next, alert.clone()));
        self.order.insert(self.next, alert.id.clone());
        self.next += 1;
        let mut gone = 0;
        while self.alerts.len() > MAX_ALERTS
            && let Some((_, oldest)) = self.order.pop_first()
        {
            gone += u64::from(self.alerts.remove(&oldest).is_some());
        }
        gone
    }

    pub(super) fn remove(&mut self, id: &AlertId) {
        if let Some((number, _)) = self.alerts.remove(id) {
            self.order.remove(&number);
        }
    }

    /// How many there are, in both.
    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize) {
        (self.alerts.len(), self.order.len())
    }
}
