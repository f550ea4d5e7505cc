//! An alert as a filter sees it: its header, and where it stands.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use crate::alert::Severity;
use crate::alert::header::Header;
use crate::filter::{Field, Filterable};
use crate::triage::{State, Status};

/// An alert of a list.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// What it is.
    pub header: &'a Header,
    /// Where it stands.
    pub state: &'a State,
    /// Now.
    pub now: DateTime<Utc>,
}

impl Filterable for Listed<'_> {
    fn values(&self, field: Field) -> Vec<Cow<'_, str>> {
        let header = self.header;
        let one = |text: &'_ Option<String>| text.as_deref().map(|text| Cow::Owned(text.to_owned())).into_iter().collect();
        let ends = [&header.source, &header.destination];
        match field {
            Field::Host => vec![header.computer.as_str().into()],
            Field::Src => header.source.iter().map(|end| end.ip.as_str().into()).collect(),
            Field::Dst => header.destination.iter().map(|end| end.ip.as_str().into()).collect(),
            Field::Port => ends.into_iter().flatten().filter_map(|end| end.port).map(|port| port.to_string().into()).collect(),
            Field::User => one(&header.user),
            Field::Proc => one(&header.image),
            Field::Parent => one(&header.parent),
            Field::Cmd => one(&header.command_line),
            Field::Rule => vec![header.rule.as_str().into(), header.rule_id.as_str().into()],
            Field::Attack => header.attack.iter().map(|id| id.as_str().into()).collect(),
            Field::Eid => header.event_ids.iter().map(|id| id.to_string().into()).collect(),
            Field::Id => vec![header.id.0.as_ref().into()],
            Field::Owner => one(&self.state.owner),
            Field::Is => words(header, self.state).into_iter().map(Cow::Borrowed).collect(),
            // Of events alone; severity and age are asked for otherwise.
            Field::Sev | Field::Since | Field::Channel | Field::Provider => Vec::new(),
        }
    }

    fn severity(&self) -> Option<Severity> {
        Some(self.header.severity)
    }

    fn age_seconds(&self) -> Option<i64> {
        Some((self.now - self.header.created).num_seconds())
    }

    fn texts(&self) -> Vec<Cow<'_, str>> {
        let Header { path, rule, what, message, .. } = self.header;
        [path, rule, what, message].into_iter().map(|text| Cow::Borrowed(text.as_str())).collect()
    }
}

/// What `is:` finds. What a mute hides is not open.
fn words(header: &Header, state: &State) -> Vec<&'static str> {
    let mut words = Vec::new();
    match state.status {
        Status::Open if state.muted.is_some() => {}
        Status::Closed(verdict) => words.extend(["closed", verdict.as_str()]),
        status => words.push(status.as_str()),
    }
    if state.muted.is_some() {
        words.push("muted");
    }
    if header.is_linked {
        words.push("linked");
    }
    if state.again.is_some() {
        words.push("again");
    }
    words
}
