//! What somebody who comes later hears: all of it, once, and in pieces that fit into frames.

use chrono::DateTime;

use super::*;
use crate::alert::Severity;
use crate::alert::header::testing::header;
use crate::alert::link::{AtEnd, Hop, Side};
use crate::hosts::{Coverage, Liveness};
use crate::triage::Deed;

fn known(count: usize) -> Replica {
    let mut replica = Replica::new();
    let past = (0..count).map(|number| Known::Alert {
        header: Arc::new(header(&format!("{number:032}"), &format!("h{}", number % 7), "10.0.0.1", number as i64)),
        muted: None,
    });
    let change = Change::Known(past.collect());
    replica.hear(&Update { seq: 1, at: DateTime::UNIX_EPOCH, change });
    replica
}

fn fits(told: &impl serde::Serialize) -> bool {
    crate::attach::frame::frame(told, crate::attach::frame::MAX_TOLD).is_some()
}

fn host(name: HostName) -> HostState {
    let seen = DateTime::UNIX_EPOCH;
    HostState {
        computer: name.to_string(),
        name,
        first_seen: seen,
        last_seen: seen,
        events: 123_456,
        rate: 12.345,
        history: vec![12_345; crate::hosts::HISTORY_BUCKETS],
        coverage: Coverage { process_create: Some(seen), inbound: Some(seen), outbound: Some(seen) },
        liveness: Liveness::Live,
        blind: None,
        usual_gap_ms: Some(1000),
        clock_skew_ms: None,
        skewed_events: 0,
        late_events: 0,
        lag_ms: Some(100),
        address: Some("10.20.30.40".to_owned()),
    }
}

#[test]
fn no_piece_is_too_long_for_a_frame() {
    let mut replica = known(10);
    let alerts: Vec<AlertId> = (0..10_000).map(|number| AlertId(format!("{number:032}").into())).collect();
    for number in 1..=100 {
        let entry = Entry {
            number,
            at: DateTime::UNIX_EPOCH,
            who: "bob".to_owned(),
            deed: Deed::Comment,
            reason: String::new(),
            alerts: alerts.clone(),
            token: 0,
        };
        replica.entries.push_back(Arc::new(entry));
    }
    let mut prepared = replica.prepare(1000, false);
    let mut told = 0;
    while let Some(piece) = prepared.next_piece() {
        told += piece.entries.len();
        assert!(fits(&piece));
    }
    assert_eq!(told, 100);
}

#[test]
fn long_stories_and_many_hosts_fit_too() {
    let mut replica = known(500);
    let at_end = |number: u32| AtEnd { id: AlertId(format!("{number:032}").into()), severity: Severity::High };
    let end = || Side {
        host: HostName::fold("srv-file01.corp.example"),
        computer: "SRV-FILE01.corp.example".to_owned(),
        at: DateTime::UNIX_EPOCH,
        ip: [10, 20, 30, 40].into(),
        port: 50_000,
        alerts: (0..16).map(at_end).collect(),
    };
    let hop = Hop { protocol: "tcp".to_owned(), from: end(), to: end() };
    let told = (500..1000).map(|number| {
        let plain = header(&format!("{number:032}"), "h", "10.0.0.1", number);
        Known::Alert { header: Arc::new(Header { hops: vec![hop.clone(); 16], ..plain }), muted: None }
    });
    replica.hear(&Update { seq: 2, at: DateTime::UNIX_EPOCH, change: Change::Known(told.collect()) });
    replica.hosts =
        (0..60_000).map(|number| HostName::fold(&format!("h{number}"))).map(|name| (name.clone(), host(name))).collect();

    let mut prepared = replica.prepare(1000, false);
    let mut told = 0;
    while let Some(piece) = prepared.next_piece() {
        told += piece.alerts.len();
        assert!(crate::attach::frame::frame(&piece, 2 * PIECE_BYTES).is_some(), "about as much as it is meant to be");
    }
    assert_eq!(told, 1000);
    let statuses: Vec<&Status> = prepared
        .state
        .iter()
        .filter_map(|(_, change)| if let Change::Status(status) = change { Some(&**status) } else { None })
        .collect();
    assert_eq!(statuses.iter().map(|status| status.hosts.len()).sum::<usize>(), 60_000);
    assert!(prepared.state.iter().all(|(_, change)| fits(change)));
}

#[test]
fn every_alert_is_told_once_and_open_kinds_first() {
    let mut replica = known(1200);
    let alerts: Vec<AlertId> = (700..1200).map(|number| AlertId(format!("{number:032}").into())).collect();
    let entry = Entry {
        number: 1,
        at: DateTime::UNIX_EPOCH,
        who: "bob".to_owned(),
        deed: Deed::Acknowledge,
        reason: String::new(),
        alerts,
        token: 0,
    };
    replica.hear(&Update { seq: 2, at: DateTime::UNIX_EPOCH, change: Change::Triage(Arc::new(entry)) });
    let mut prepared = replica.prepare(1000, false);
    let mut pieces = Vec::new();
    while let Some(piece) = prepared.next_piece() {
        pieces.push(piece);
    }
    let flags: Vec<(bool, bool, usize, usize)> =
        pieces.iter().map(|piece| (piece.is_first, piece.is_last, piece.entries.len(), piece.alerts.len())).collect();
    assert_eq!(flags, [(true, false, 1, 500), (false, true, 0, 500)]);
    let numbers: Vec<u64> = pieces.iter().flat_map(|piece| &piece.alerts).map(|standing| standing.number).collect();
    // A kind per host, which waits; then the worst and newest.
    let expected: Vec<u64> = (693..700).rev().chain((700..1200).rev()).chain((200..693).rev()).collect();
    assert_eq!(numbers, expected);
    assert_eq!(pieces[1].horizons, Horizons { all: Some((Severity::High, 200)), kinds: None });
    assert_eq!((pieces[0].horizons, pieces[1].tally.is_some()), (Horizons::default(), false));
    assert_eq!(pieces[0].tally.as_deref().map(|tally| (tally.alerts, tally.kinds)), Some((1200, 7)));
    assert_eq!(pieces[0].next, 1200);
}

#[test]
fn what_was_said_before_comes_with_its_time() {
    let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let notice = crate::feed::Notice { level: crate::feed::NoticeLevel::Info, text: "listening".to_owned() };
    let mut replica = Replica::new();
    replica.hear(&Update { seq: 1, at, change: Change::Notice(notice) });
    let told = replica.prepare(10, false).state;
    let times: Vec<_> = told.iter().filter(|(_, change)| matches!(change, Change::Notice(_))).map(|(at, _)| *at).collect();
    assert_eq!(times, [at]);
}

#[test]
fn an_empty_collector_has_a_snapshot_too() {
    let mut prepared = Replica::new().prepare(10, false);
    let piece = prepared.next_piece().unwrap();
    assert!(piece.is_first && piece.is_last && piece.alerts.is_empty());
    assert_eq!(prepared.next_piece(), None);
}

#[test]
fn what_an_earlier_run_left_counts_in_its_minute() {
    let mut replica = known(150);
    // Told twice it is there once.
    let again = Known::Alert { header: Arc::new(header(&format!("{:032}", 149), "h2", "10.0.0.1", 149)), muted: None };
    replica.hear(&Update { seq: 2, at: DateTime::UNIX_EPOCH, change: Change::Known(vec![again]) });
    let piece = replica.prepare(10, false).next_piece().unwrap();
    assert_eq!(piece.per_minute, [(0, 60), (1, 60), (2, 30)]);
}
