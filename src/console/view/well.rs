//! How the collector fares, in words that stand out when something is wrong: whatever was lost, comes late, could not be read
//! or cannot be delivered is told on every tab, at every size, also while the picture is frozen.

use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::counted::count_of;
use crate::console::model::Model;
use crate::console::printable::{fit, width};
use crate::console::view::health::hosts::{is_late, is_off, span};
use crate::console::view::style::{DIM, WARN, count, plain, safe, styled};
use crate::feed::status::{Counters, Status};
use crate::hosts::Liveness;
use crate::intake::OutputHealth;

/// A lag beyond this is wrong, in milliseconds.
const LATE_MS: i64 = 2000;

/// A part of the line that says how the collector fares.
#[derive(Debug)]
pub struct Part {
    text: String,
    style: Style,
    rank: Rank,
}

/// What comes first where there is no room for everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rank {
    /// Something is lost, or will be.
    Loss,
    /// A host needs a look.
    Host,
    /// All is well.
    Well,
}

impl Part {
    fn well(text: String) -> Self {
        Self { text, style: Style::new(), rank: Rank::Well }
    }

    fn wrong(text: String, rank: Rank) -> Self {
        Self { text, style: WARN, rank }
    }

    fn counter(name: &str, number: u64) -> Self {
        let text = format!("{name} {}", count(number));
        if number > 0 { Self::wrong(text, Rank::Loss) } else { Self { style: DIM, ..Self::well(text) } }
    }
}

/// The parts, in their order.
pub fn parts(model: &Model) -> Vec<Part> {
    // A frozen picture stands still in everything that is well.
    let (shown, status) = (&model.status, model.newest_status());
    let mut parts = vec![Part::well(count_of(model.hosts.len() as u64, "host"))];
    parts.extend(hosts(model, status));
    parts.push(Part::well(format!("{} ev/s", rate(shown.events_per_second))));
    if let Some(lag) = status.lag_ms.filter(|lag| *lag > LATE_MS).or(shown.lag_ms) {
        let text = format!("lag {}", lag_text(lag));
        parts.push(if lag > LATE_MS { Part::wrong(text, Rank::Loss) } else { Part::well(text) });
    }
    parts.push(Part::counter("dropped", status.counters.shed_total()));
    parts.push(Part::counter("rejected", status.counters.rejected_total()));
    parts.extend(losses(status));
    parts
}

/// Hosts that need a look.
fn hosts(model: &Model, status: &Status) -> Vec<Part> {
    let number = |is: &dyn Fn(&crate::hosts::HostState) -> bool| model.hosts.values().filter(|host| is(host)).count();
    // Where all come late, the lag says so.
    let is_fine = status.lag_ms.is_none_or(|lag| lag <= LATE_MS);
    let late = if is_fine { number(&|host| is_late(host)) } else { 0 };
    let rows = [
        (number(&|host| host.liveness == Liveness::Silent), "silent"),
        (number(&|host| host.blind.is_some()), "blind"),
        (number(&is_off), "skewed"),
        (late, "late"),
    ];
    rows.into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| Part::wrong(format!("{number} {word}"), Rank::Host))
        .collect()
}

/// What was lost behind the intake, or cannot go on now.
fn losses(status: &Status) -> Vec<Part> {
    let Counters { console_shed, output_records, store_records, .. } = &status.counters;
    let gave_up: u64 = output_records.iter().filter(|((_, result), _)| result == "gave_up").map(|(_, count)| count).sum();
    let unstored = store_records.get("failed").copied().unwrap_or(0);
    let deleted = status.store.as_ref().map_or(0, |store| store.deleted_open);
    let rows = [("missed here", *console_shed), ("given up", gave_up), ("not stored", unstored), ("open deleted", deleted)];
    let mut parts: Vec<Part> =
        rows.into_iter().filter(|(_, number)| *number > 0).map(|(name, number)| Part::counter(name, number)).collect();
    if status.store.as_ref().is_some_and(|store| store.problem.is_some()) {
        parts.push(Part::wrong("store cannot be written".to_owned(), Rank::Loss));
    }
    let down: Vec<&OutputHealth> = status.outputs.iter().filter(|output| !output.is_up).collect();
    match down.as_slice() {
        [] => {}
        [one] => parts.push(Part::wrong(format!("output down: {}", fit(&safe(&one.url), 40)), Rank::Loss)),
        several => parts.push(Part::wrong(format!("{} outputs down", several.len()), Rank::Loss)),
    }
    parts
}

/// How many things are wrong.
pub fn alarms(model: &Model) -> usize {
    parts(model).iter().filter(|part| part.rank != Rank::Well).count()
}

/// The parts that fit into `room` columns, in their order, what is wrong before what is not. Where not even all that is wrong
/// fits, `▲` says how much more there is.
pub fn fitting(parts: Vec<Part>, room: usize) -> Vec<Span<'static>> {
    let needed = |part: &Part| width(&part.text) + 3;
    let wrong: usize = parts.iter().filter(|part| part.rank != Rank::Well).map(needed).sum();
    // So much is kept for the word on what does not fit.
    let mut left = if wrong > room { room.saturating_sub(4) } else { room };
    let mut fits = vec![false; parts.len()];
    for rank in [Rank::Loss, Rank::Host, Rank::Well] {
        for (place, part) in parts.iter().enumerate().filter(|(_, part)| part.rank == rank) {
            fits[place] = needed(part) <= left;
            left -= if fits[place] { needed(part) } else { 0 };
        }
    }
    let unsaid = parts.iter().zip(&fits).filter(|(part, fits)| part.rank != Rank::Well && !**fits).count();
    let more = (unsaid > 0).then(|| styled(format!("▲{unsaid}  "), WARN));
    let said = parts.into_iter().zip(fits).filter(|(_, fits)| *fits);
    said.flat_map(|(part, _)| [styled(part.text, part.style), plain("   ")]).chain(more).collect()
}

/// What is wrong, and nothing else.
pub fn wrong(model: &Model, room: usize) -> Vec<Span<'static>> {
    fitting(parts(model).into_iter().filter(|part| part.rank != Rank::Well).collect(), room)
}

/// A rate: one decimal while it is small.
pub fn rate(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.1}") } else { count(rate as u64) }
}

fn lag_text(milliseconds: i64) -> String {
    if milliseconds < 0 { "clock ahead".to_owned() } else { span(milliseconds) }
}
