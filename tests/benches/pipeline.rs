//! One event's way, in time an event: framing, decoding and matching. `cargo bench --bench pipeline`

use std::hint::black_box;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wefwatch::decode::decode;
use wefwatch::decode::framing::{Framed, Framer, FramerConfig};
use wefwatch::detect::ecs::Mapping;
use wefwatch::detect::engine::scratch::Scratch;
use wefwatch::detect::{RuleSet, load};
use wefwatch::event::WindowsEvent;

fn lines(event_id: &str) -> Vec<Vec<u8>> {
    let marker = format!("<EventID>{event_id}</EventID>");
    let sample = std::fs::read_to_string("samples/demo.xml").expect("run it from the project's folder");
    sample.lines().filter(|line| line.contains(&marker)).map(|line| line.as_bytes().to_vec()).collect()
}

fn events(lines: &[Vec<u8>], at: DateTime<Utc>) -> Vec<WindowsEvent> {
    lines.iter().map(|line| decode(line, at).expect("the sample is sound").event).collect()
}

fn decoding(criterion: &mut Criterion) {
    let at = DateTime::UNIX_EPOCH;
    for (name, event_id) in [("process creation", "1"), ("network connection", "3")] {
        let lines = lines(event_id);
        let mut group = criterion.benchmark_group("decode");
        group.throughput(Throughput::Elements(lines.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| lines.iter().filter(|line| decode(black_box(line), at).is_ok()).count());
        });
    }
}

fn framing(criterion: &mut Criterion) {
    let lines: Vec<Vec<u8>> = ["1", "3"].iter().flat_map(|event_id| lines(event_id)).collect();
    let counted: Vec<u8> =
        lines.iter().flat_map(|line| [format!("{} ", line.len()).into_bytes(), line.clone()].concat()).collect();
    let mut group = criterion.benchmark_group("frame");
    group.throughput(Throughput::Elements(lines.len() as u64));
    for (name, bytes) in [("LF", lines.join(&b'\n')), ("octet counting", counted)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut framer = Framer::new(FramerConfig { max_frame: 256 << 10 });
                let mut frames = 0_usize;
                for piece in bytes.chunks(64 << 10) {
                    framer.push(piece);
                    while let Some(framed) = framer.next() {
                        frames += usize::from(matches!(framed, Framed::Frame(_)));
                    }
                }
                black_box(frames)
            });
        });
    }
}

fn matching(criterion: &mut Criterion) {
    let rules = Arc::new(RuleSet::compile(&load::builtin(), &Mapping::default()));
    for (name, event_id) in [("process creation", "1"), ("network connection", "3")] {
        let events = events(&lines(event_id), DateTime::UNIX_EPOCH);
        let mut group = criterion.benchmark_group("match the built-in rules");
        group.throughput(Throughput::Elements(events.len() as u64));
        group.bench_function(name, |bencher| {
            let mut scratch = Scratch::default();
            bencher.iter(|| {
                let hits = events.iter().filter(|event| !rules.observe_with(black_box(event), &mut scratch, None).is_empty());
                hits.count()
            });
        });
    }
}

criterion_group!(benches, decoding, framing, matching);
criterion_main!(benches);
