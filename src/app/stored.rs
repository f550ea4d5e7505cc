//! `wefwatch alerts`: what the store keeps, filtered as the console filters, as a table or as the records of the outputs; and
//! `wefwatch show`: all about one of them.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::alert::header::Header;
use crate::app::failure::Failure;
use crate::cli::AlertsArguments;
use crate::console::printable::{fit, pad, printable};
use crate::console::report;
use crate::feed::Known;
use crate::filter::Filter;
use crate::filter::listed::Listed;
use crate::output::format;
use crate::roster::Entry;
use crate::store::read::Reader;
use crate::triage::ledger::Ledger;
use crate::triage::{State, Status};

/// How many ids are named where one fits several alerts.
const MOST_NAMED: usize = 5;

/// Lists the alerts, oldest first.
pub fn list(arguments: &AlertsArguments, path: &Path, now: DateTime<Utc>) -> Result<(), Failure> {
    let filter = Filter::parse(&arguments.filter).map_err(|error| Failure::filter("--filter", &arguments.filter, &error))?;
    let failed = |error: crate::store::StoreError| Failure::Run(error.to_string());
    let reader = Reader::open(path).map_err(failed)?;
    let past = reader.past().map_err(failed)?;
    let ledger = fold(&past);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut is_first = true;
    for known in &past {
        let Known::Alert { header, .. } = known else { continue };
        let state = ledger.state(&header.id);
        let is_recent = arguments.since.is_none_or(|since| (now - header.created).num_seconds() <= since);
        let listed = Listed { header, state: &state, now };
        if !is_recent || !filter.matches(&listed) {
            continue;
        }
        let line = if arguments.json {
            match reader.detail(&header.id).map_err(failed)? {
                Some(mut alert) => {
                    alert.muted = state.muted;
                    let mut record = format::record(&alert);
                    record["wefwatch"]["triage"] = standing(&listed);
                    format::one_line(&record)
                }
                // Deleted by the collector since the list was read.
                None => continue,
            }
        } else {
            row(header, &state)
        };
        let head = if is_first && !arguments.json { heading() } else { String::new() };
        is_first = false;
        match writeln!(out, "{head}{line}") {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            result => result.map_err(|error| Failure::Run(error.to_string()))?,
        }
    }
    match out.flush() {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::Run(error.to_string())),
        _ => Ok(()),
    }
}

/// All about the alerts whose ids begin so, as Markdown. One that no alert has, or several, is a failure that says which.
pub fn show(ids: &[String], path: &Path) -> Result<String, Failure> {
    let failed = |error: crate::store::StoreError| Failure::Run(error.to_string());
    let reader = Reader::open(path).map_err(failed)?;
    let past = reader.past().map_err(failed)?;
    let ledger = fold(&past);
    let mut entries = Vec::new();
    for id in ids {
        let header = the_one(&past, id).map_err(Failure::Run)?;
        let state = ledger.shared_state(&header.id);
        let alert = reader.detail(&header.id).map_err(failed)?.map(Arc::new);
        entries.push(Entry { number: 0, header: header.clone(), state, alert });
    }
    let told: Vec<_> = entries.iter().map(|entry| (entry, entry.alert.as_deref())).collect();
    Ok(report::markdown(&ledger, &told))
}

/// The alert whose id begins so, if there is just one.
fn the_one<'p>(past: &'p [Known], id: &str) -> Result<&'p Arc<Header>, String> {
    let wanted = id.to_ascii_lowercase();
    let headers = past.iter().filter_map(|known| match known {
        Known::Alert { header, .. } => Some(header),
        Known::Entry(_) => None,
    });
    let found: Vec<&Arc<Header>> = headers.filter(|header| header.id.0.starts_with(&wanted)).collect();
    let written = printable(id);
    match found[..] {
        [one] => Ok(one),
        [] => Err(format!("no stored alert has an id that begins with `{written}`; `wefwatch alerts` lists them")),
        _ => {
            let ids: Vec<&str> = found.iter().take(MOST_NAMED).map(|header| &*header.id.0).collect();
            let more = if found.len() > ids.len() { " …" } else { "" };
            Err(format!("{} alerts have ids that begin with `{written}`: {}{more}", found.len(), ids.join(" ")))
        }
    }
}

/// Folds the log over the alerts.
fn fold(past: &[Known]) -> Ledger {
    let mut ledger = Ledger::new(past.len());
    for known in past {
        match known {
            Known::Alert { header, muted } => ledger.know(header, *muted),
            Known::Entry(entry) => ledger.apply(entry),
        }
    }
    ledger
}

fn heading() -> String {
    format!("{:<6}{:<6}{:<8}{:<21}{:<32}{:<34}{}\n", "ID", "SEV", "STATE", "RAISED", "FROM > TO", "RULE", "WHAT RAN / WHO")
}

fn row(header: &Header, state: &State) -> String {
    let severity = match header.severity.as_str() {
        "informational" => "info",
        "medium" => "med",
        "critical" => "crit",
        word => word,
    };
    let word = match (state.muted, state.status) {
        (Some(_), _) => "muted",
        (None, status) => status.as_str(),
    };
    let raised = header.created.to_rfc3339_opts(SecondsFormat::Secs, true);
    let [path, rule, what] = [&header.path, &header.rule, &header.what].map(|text| printable(text));
    let [path, rule] = [(path, 31), (rule, 33)].map(|(text, room)| pad(&text, room));
    format!("{:<6}{severity:<6}{word:<8}{raised:<21}{path} {rule} {}", header.id.short(), fit(&what, 100))
}

/// Where an alert stands, for scripts: its status as the log has it, and under `is` the words that the filter's `is:` finds.
fn standing(listed: &Listed<'_>) -> Value {
    let state = listed.state;
    let verdict = match state.status {
        Status::Closed(verdict) => Some(verdict.as_str()),
        Status::Open | Status::Acknowledged => None,
    };
    json!({"is": listed.words(), "status": state.status.as_str(), "muted": state.muted.is_some(), "verdict": verdict,
           "owner": state.owner, "comments": state.comments,
           "again_since": state.again.as_ref().map(|again| again.since.to_rfc3339_opts(SecondsFormat::Millis, true))})
}
