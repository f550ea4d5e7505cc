//! Whether a host is blind: heard, but never telling of inbound connections although there are some. Only a contradiction
//! proves it: something that cannot have happened without one.

use chrono::{DateTime, TimeDelta, Utc};

use crate::event::sysmon::Sysmon;
use crate::event::text::file_name;
use crate::hosts::{Blind, Contradiction};

/// How long an inbound connection event may come before or after a connection that another host tells of, to be the other end
/// of it.
pub(super) const GRACE: TimeDelta = TimeDelta::seconds(15);

/// What was heard of one host. Time here is arrival; in a replay it is the recording's own: held, or at another speed, no
/// other clock says for how long something was missing.
#[derive(Debug)]
pub(super) struct Blindness {
    /// Since when it is heard.
    first: DateTime<Utc>,
    /// The last inbound connection.
    inbound: Option<DateTime<Utc>>,
    proof: Option<Proof>,
}

/// The first thing since the last inbound connection that proves another one.
#[derive(Debug)]
struct Proof {
    what: Contradiction,
    /// When it happened, by the event.
    at: DateTime<Utc>,
    /// When it was heard.
    heard: DateTime<Utc>,
    times: u64,
}

impl Blindness {
    /// Nothing proven of a host that is first heard now.
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        Self { first: now, inbound: None, proof: None }
    }

    /// Takes in what the host tells of itself. One session goes on for long after its connection came: its processes prove
    /// nothing for `blind_after`.
    pub(super) fn hear(&mut self, sysmon: Option<&Sysmon<'_>>, at: DateTime<Utc>, now: DateTime<Utc>, blind_after: TimeDelta) {
        match sysmon {
            Some(Sysmon::NetworkConnect(connection)) if connection.is_outbound() == Some(false) => {
                self.inbound = Some(now);
                self.proof = None;
            }
            Some(Sysmon::ProcessCreate(process))
                if process.parent_image.is_some_and(|image| file_name(image).eq_ignore_ascii_case("wsmprovhost.exe")) =>
            {
                let image = file_name(process.image.unwrap_or("a process"));
                self.prove(|| Contradiction::RemotingChild { image: image.to_owned() }, at, now, blind_after);
            }
            _ => {}
        }
    }

    /// Another host tells that it connected to this one.
    pub(super) fn reached(&mut self, what: impl FnOnce() -> Contradiction, at: DateTime<Utc>, now: DateTime<Utc>) {
        self.prove(what, at, now, GRACE);
    }

    /// Something proves an inbound connection, unless one came so shortly before that it explains it.
    fn prove(&mut self, what: impl FnOnce() -> Contradiction, at: DateTime<Utc>, now: DateTime<Utc>, explained: TimeDelta) {
        if self.inbound.is_some_and(|inbound| now - inbound < explained) {
            return;
        }
        match &mut self.proof {
            Some(proof) => proof.times += 1,
            None => self.proof = Some(Proof { what: what(), at, heard: now, times: 1 }),
        }
    }

    /// For how long no inbound connection was told of although there was one; `None` where nothing proves that.
    pub(super) fn lasts(&self, now: DateTime<Utc>, blind_after: TimeDelta) -> Option<TimeDelta> {
        let proof = self.proof.as_ref()?;
        let missing = now - self.inbound.unwrap_or(self.first);
        (missing >= blind_after && now - proof.heard >= GRACE.min(blind_after / 2)).then_some(missing)
    }

    /// The verdict, with the proof; `since` is when the last one was told of, or the host was first heard.
    pub(super) fn verdict(&self, since: DateTime<Utc>) -> Option<Blind> {
        let proof = self.proof.as_ref()?;
        Some(Blind {
            since,
            had_inbound: self.inbound.is_some(),
            proof: proof.what.clone(),
            proven_at: proof.at,
            proofs: proof.times,
        })
    }
}
