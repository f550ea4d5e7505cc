//! Evidence for an export that is not at hand: the collector is asked alert by alert, then all is written.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::{Alert, AlertId};
use crate::console::model::export::ExportForm;
use crate::console::model::{Effect, Model};
use crate::feed::Request;
use crate::roster::Entry;

/// Of how many alerts evidence is gathered for one export.
const MOST: usize = 1000;
/// How long an answer may take, and after how many that never came nobody is asked any more.
const PATIENCE: TimeDelta = TimeDelta::seconds(1);
const UNANSWERED: usize = 3;

/// An export that waits for evidence.
#[derive(Debug)]
pub(super) struct Gathering {
    form: ExportForm,
    /// All that are to be written.
    alerts: Vec<AlertId>,
    missing: VecDeque<AlertId>,
    all: usize,
    asked: Option<(AlertId, DateTime<Utc>)>,
    unanswered: usize,
    found: HashMap<AlertId, Arc<Alert>>,
}

impl Gathering {
    /// What was found for an alert.
    pub(super) fn found(&self, id: &AlertId) -> Option<&Alert> {
        self.found.get(id).map(|alert| &**alert)
    }
}

impl Model {
    /// Whether an export of these alerts has to wait for evidence that somebody else has; then that begins.
    pub(super) fn begin_gathering(&mut self, form: &ExportForm, numbers: &[u64]) -> bool {
        if self.status.store.is_none() && !self.config.is_attached {
            return false;
        }
        let entries = numbers.iter().filter_map(|number| self.alerts.get(*number));
        let alerts = entries.clone().map(|entry| entry.header.id.clone()).collect();
        let missing = entries.filter(|entry| entry.alert.is_none()).map(|entry| entry.header.id.clone());
        let missing: VecDeque<AlertId> = missing.take(MOST).collect();
        let all = missing.len();
        if all > 0 {
            let form = form.clone();
            self.gathering = Some(Gathering { form, alerts, missing, all, asked: None, unanswered: 0, found: HashMap::new() });
        }
        all > 0
    }

    /// The evidence of an alert: at hand, or gathered.
    pub(super) fn evidence_of<'a>(&'a self, entry: &'a Entry) -> Option<&'a Alert> {
        let gathered = self.gathering.as_ref().and_then(|gathering| gathering.found(&entry.header.id));
        entry.alert.as_deref().or(gathered)
    }

    /// Evidence came.
    pub(super) fn gathered(&mut self, alert: &Arc<Alert>) {
        let Some(gathering) = &mut self.gathering else { return };
        if gathering.asked.take_if(|(id, _)| *id == alert.id).is_some() {
            gathering.unanswered = 0;
            gathering.found.insert(alert.id.clone(), alert.clone());
        }
    }

    /// Asks for the next evidence, or writes what was waited for.
    pub(super) fn gather(&mut self) -> Vec<Effect> {
        let now = self.now;
        let Some(gathering) = &mut self.gathering else { return Vec::new() };
        match &gathering.asked {
            Some((_, at)) if now - *at < PATIENCE => return Vec::new(),
            Some(_) => gathering.unanswered += 1,
            None => {}
        }
        gathering.asked = None;
        let next = if gathering.unanswered < UNANSWERED { gathering.missing.pop_front() } else { None };
        let Some(id) = next else {
            let (form, alerts) = (gathering.form.clone(), std::mem::take(&mut gathering.alerts));
            let effects = self.write_now(form, &alerts);
            self.gathering = None;
            return effects;
        };
        gathering.asked = Some((id.clone(), now));
        let done = gathering.all - gathering.missing.len();
        self.said = Some((format!("asking for evidence: {done} of {} …", gathering.all), false));
        vec![Effect::Ask(Request::Detail(id))]
    }
}
