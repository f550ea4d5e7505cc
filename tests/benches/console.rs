//! A frame of the console with 100,000 alerts, and a key. `cargo bench --bench console`

#![allow(missing_docs, reason = "a program, not an interface")]

#[path = "../harness/scene.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod scene;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use wefwatch::alert::{Alert, AlertId};
use wefwatch::console::model::Message;
use wefwatch::console::view;
use wefwatch::feed::{Change, Update};

use scene::{Scene, dawn, key, samples};

/// A console that lists so many alerts, all made from those of the sample.
fn crowded(alerts: u64) -> Scene {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    let models: Vec<Arc<Alert>> = scene::updates(&samples(&["demo.xml"]))
        .iter()
        .filter_map(|update| if let Change::Alert(alert) = &update.change { Some(alert.clone()) } else { None })
        .collect();
    for number in 0..alerts {
        let mut alert = Alert::clone(&models[number as usize % models.len()]);
        alert.id = AlertId(Arc::from(format!("{number:032x}")));
        let update = Update { seq: number, at: dawn(), change: Change::Alert(Arc::new(alert)) };
        scene.model.update(Message::Update(Arc::new(update)));
    }
    scene
}

fn frames(criterion: &mut Criterion) {
    for alerts in [1000, 100_000] {
        let mut scene = crowded(alerts);
        let mut group = criterion.benchmark_group(format!("frame with {alerts} alerts"));
        for (columns, rows) in [(80, 24), (120, 36), (240, 70)] {
            scene.model.update(Message::Resize(columns, rows));
            let area = Rect::new(0, 0, columns, rows);
            let mut buffer = Buffer::empty(area);
            for (name, tab) in [("triage", "1"), ("alerts", "2")] {
                scene.keys(tab);
                group.bench_function(format!("{name} {columns}x{rows}"), |bencher| {
                    bencher.iter(|| {
                        buffer.reset();
                        view::render(&scene.model, area, &mut buffer);
                        black_box(buffer.content().len())
                    });
                });
            }
        }
        scene.keys("2");
        group.bench_function("key down", |bencher| {
            bencher.iter(|| scene.model.update(Message::Key(key("down"))).len());
        });
    }
}

criterion_group!(benches, frames);
criterion_main!(benches);
