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

impl Listed<'_> {
    /// What `is:` finds. What a mute hides is not open. New is what is open and nobody has touched: no act, no owner, no
    /// comment; time plays no part, so that nothing leaves a filtered list by being overlooked.
    pub fn words(&self) -> Vec<&'static str> {
        let state = self.state;
        let mut words = Vec::new();
        match state.status {
            Status::Open if state.muted.is_some() => {}
            Status::Closed(verdict) => words.extend(["closed", verdict.as_str()]),
            status => words.push(status.as_str()),
        }
        if state.is_untouched() && state.is_waiting() {
            words.push("new");
        }
        if state.muted.is_some() {
            words.push("muted");
        }
        if self.header.is_linked {
            words.push("linked");
        }
        if state.again.is_some() {
            words.push("again");
        }
        words
    }
}

impl Filterable for Listed<'_> {
    fn values(&self, field: Field) -> Vec<Cow<'_, str>> {
        let header = self.header;
        let one = |text: &'_ Option<String>| text.as_deref().map(|text| Cow::Owned(text.to_owned())).into_iter().collect();
        match field {
            Field::Host => vec![header.computer.as_str().into()],
            Field::Src => header.source.iter().map(|end| end.ip.as_str().into()).collect(),
            Field::Dst => header.destination.iter().map(|end| end.ip.as_str().into()).collect(),
            Field::Port => header.ports().map(|port| port.to_string().into()).collect(),
            Field::User => one(&header.user),
            Field::Proc => one(&header.image),
            Field::Parent => one(&header.parent),
            Field::Cmd => one(&header.command_line),
            Field::Rule => vec![header.rule.as_str().into(), header.rule_id.as_str().into()],
            Field::Attack => header.attack.iter().map(|id| id.as_str().into()).collect(),
            Field::Eid => header.event_ids.iter().map(|id| id.to_string().into()).collect(),
            Field::Id => vec![header.id.0.as_ref().into()],
            Field::Owner => one(&self.state.owner),
            Field::Is => self.words().into_iter().map(Cow::Borrowed).collect(),
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
        let Header { message, like, .. } = self.header;
        [&*like.path, &*like.rule, &*like.what, &**message].map(Cow::Borrowed).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::header::testing;
    use crate::filter::Filter;
    use crate::triage::Verdict;

    #[test]
    fn what_stands_where() {
        let open = State::default();
        let rows = [
            ("nobody touched it", open.clone(), "is:open is:new", "is:muted or is:acked or is:closed"),
            ("a comment", State { comments: 1, ..open.clone() }, "is:open", "is:new"),
            ("taken", State { revision: 3, owner: Some("alice".to_owned()), ..open.clone() }, "is:open owner:alice", "is:new"),
            ("acknowledged and taken back", State { revision: 4, ..open.clone() }, "is:open", "is:new"),
            ("hidden by a mute", State { muted: Some(1), ..open.clone() }, "is:muted", "is:open or is:new"),
            (
                "acknowledged",
                State { revision: 1, status: Status::Acknowledged, ..open.clone() },
                "is:acked",
                "is:open or is:new",
            ),
            (
                "closed",
                State { revision: 1, status: Status::Closed(Verdict::FalsePositive), ..open },
                "is:closed is:false_positive",
                "is:open or is:new",
            ),
        ];
        let header = testing::header("a", "h", "10.0.0.1", 0);
        for (name, state, found, not_found) in rows {
            let listed = Listed { header: &header, state: &state, now: header.created };
            let matches = |text: &str| Filter::parse(text).expect("a filter").matches(&listed);
            assert!(matches(found) && !matches(not_found), "{name}: {:?}", listed.words());
        }
    }
}
