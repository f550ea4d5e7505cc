//! The counters in two forms: Prometheus' text exposition, and the JSON of the closing summary. Same names in both.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::feed::status::Counters;

/// One metric: its rows with their label values.
struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    rows: Vec<(Vec<String>, u64)>,
}

fn one(rows: &BTreeMap<String, u64>) -> Vec<(Vec<String>, u64)> {
    rows.iter().map(|(label, count)| (vec![label.clone()], *count)).collect()
}

#[rustfmt::skip]
fn all(counters: &Counters) -> Vec<Metric> {
    let metric = |name, kind, help, labels, rows| Metric { name, kind, help, labels, rows };
    let alone = |count| vec![(Vec::new(), count)];
    let alerts = counters.alerts.iter().map(|((rule, severity), count)| (vec![rule.clone(), severity.as_str().to_owned()], *count)).collect();
    let outputs = counters.output_records.iter().map(|((output, result), count)| (vec![output.clone(), result.clone()], *count)).collect();
    vec![
        metric("wefwatch_received_bytes_total", "counter", "Bytes read.", &["listener"], one(&counters.received_bytes)),
        metric("wefwatch_frames_total", "counter", "Messages seen; equals events plus rejected plus shed.", &["listener"], one(&counters.frames)),
        metric("wefwatch_events_total", "counter", "Windows events decoded, by Sysmon event id.", &["event_id"], one(&counters.events)),
        metric("wefwatch_rejected_total", "counter", "Messages that could not be used.", &["reason"], one(&counters.rejected)),
        metric("wefwatch_shed_total", "counter", "Messages thrown away under load.", &["reason"], one(&counters.shed)),
        metric("wefwatch_alerts_total", "counter", "Alerts raised.", &["rule", "severity"], alerts),
        metric("wefwatch_alerts_updated_total", "counter", "Alerts that were told anew: a better pairing, or a link.", &[], alone(counters.alerts_updated)),
        metric("wefwatch_alerts_muted_total", "counter", "Alerts that a mute hid when they were raised.", &[], alone(counters.alerts_muted)),
        metric("wefwatch_acts_total", "counter", "What people did with alerts, and what was refused.", &["deed"], one(&counters.acts)),
        metric("wefwatch_store_records_total", "counter", "Records for the store, by result.", &["result"], one(&counters.store_records)),
        metric("wefwatch_store_deleted_total", "counter", "Stored alerts deleted for age or size, by state.", &["state"], one(&counters.store_deleted)),
        metric("wefwatch_prevalence_shed_total", "counter", "Counts of what is usual that found no room.", &[], alone(counters.prevalence_shed)),
        metric("wefwatch_rules", "gauge", "Rules, by state.", &["state"], one(&counters.rules)),
        metric("wefwatch_hosts", "gauge", "Hosts, by state.", &["state"], one(&counters.hosts)),
        metric("wefwatch_links_total", "counter", "Connections seen from both ends, those forgotten for room, and changes not told on every alert.", &["result"], one(&counters.links)),
        metric("wefwatch_link_connections", "gauge", "Connections whose other end may still come.", &[], alone(counters.connections_kept)),
        metric("wefwatch_sequence_partials", "gauge", "Stage hits kept for sequences.", &[], alone(counters.sequence_partials)),
        metric("wefwatch_late_events_total", "counter", "Stage hits later than the allowed lateness.", &[], alone(counters.late_events)),
        metric("wefwatch_output_records_total", "counter", "Alert records, by output and result.", &["output", "result"], outputs),
        metric("wefwatch_queue_depth", "gauge", "Things waiting, by queue.", &["queue"], one(&counters.queue_depth)),
        metric("wefwatch_connections", "gauge", "Open connections.", &["listener"], one(&counters.connections)),
    ]
}

/// The metrics page.
pub fn prometheus(counters: &Counters, version: &str) -> String {
    let mut page = String::new();
    for metric in all(counters) {
        let Metric { name, kind, help, labels, rows } = metric;
        // Writing to a string cannot fail.
        let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (values, count) in rows {
            let pairs: Vec<String> =
                labels.iter().zip(&values).map(|(label, value)| format!("{label}=\"{}\"", escape(value))).collect();
            let labels = if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) };
            let _ = writeln!(page, "{name}{labels} {count}");
        }
    }
    let _ = writeln!(page, "# HELP wefwatch_build_info What is running.\n# TYPE wefwatch_build_info gauge");
    let _ = writeln!(page, "wefwatch_build_info{{version=\"{}\"}} 1", escape(version));
    page
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The closing summary: the same names, labelled metrics as nested objects by label value.
pub fn summary(counters: &Counters) -> Value {
    let mut object = Map::new();
    for metric in all(counters) {
        let mut value = json!({});
        for (labels, count) in metric.rows {
            insert(&mut value, &labels, count);
        }
        object.insert(metric.name.to_owned(), value);
    }
    Value::Object(object)
}

fn insert(value: &mut Value, labels: &[String], count: u64) {
    match labels {
        [] => *value = json!(count),
        [first, rest @ ..] => {
            if let Value::Object(map) = value {
                insert(map.entry(first.clone()).or_insert_with(|| json!({})), rest, count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Severity;

    fn counters() -> Counters {
        let mut counters = Counters::default();
        counters.frames.insert("tcp://[::1]:1".to_owned(), 3);
        counters.alerts.insert(("a\"b".to_owned(), Severity::High), 2);
        counters.late_events = 4;
        counters
    }

    #[test]
    fn page() {
        let page = prometheus(&counters(), "1.0");
        for line in [
            "# TYPE wefwatch_frames_total counter",
            "wefwatch_frames_total{listener=\"tcp://[::1]:1\"} 3",
            "wefwatch_alerts_total{rule=\"a\\\"b\",severity=\"high\"} 2",
            "wefwatch_late_events_total 4",
            "wefwatch_build_info{version=\"1.0\"} 1",
        ] {
            assert!(page.lines().any(|own| own == line), "{line} in\n{page}");
        }
    }

    #[test]
    fn closing_summary() {
        let summary = summary(&counters());
        assert_eq!(summary["wefwatch_frames_total"]["tcp://[::1]:1"], 3);
        assert_eq!(summary["wefwatch_alerts_total"]["a\"b"]["high"], 2);
        assert_eq!(summary["wefwatch_late_events_total"], 4);
        assert_eq!(summary["wefwatch_rejected_total"], json!({}));
    }
}
