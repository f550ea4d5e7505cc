//! What a console costs while nobody touches it: idle, under load, and in memory.

use std::time::Duration;

use wefwatch::alert::header::Header;

use crate::console::Console;
use crate::events::Paced;
use crate::figures::{Report, cpu, megabytes, note, now, resident};
use crate::server::{Fill, Server};

/// Columns and rows.
pub(crate) const SIZE: (u16, u16) = (120, 36);
/// Events and alerts a second under load.
pub(crate) const LOAD: (f64, f64) = (10_000.0, 3.0);
/// How long is looked.
const SPAN: Duration = Duration::from_secs(15);
/// What follows a start or a change is over after this.
pub(crate) const SETTLED: Duration = Duration::from_secs(3);

/// What a console and its collector came to: CPU in percent of a core, and bytes a second to the terminal.
struct Cost {
    console: f64,
    server: f64,
    bytes: f64,
}

fn cost(console: &mut Console, server: &Server) -> Cost {
    let look = |console: &Console| (now(), cpu(console.id()), cpu(server.id()), console.written());
    let before = look(console);
    console.watch(SPAN, |_, _| {});
    let after = look(console);
    let seconds = (after.0 - before.0).as_secs_f64();
    let percent = |spent: f64| spent / seconds * 100.0;
    Cost {
        console: percent(after.1 - before.1),
        server: percent(after.2 - before.2),
        bytes: (after.3 - before.3) as f64 / seconds,
    }
}

pub(crate) fn idle(server: &Server, report: &mut Report) {
    let mut console = Console::attach(server, SIZE);
    console.until_all_is_here();
    console.watch(SETTLED, |_, _| {});
    let cost = cost(&mut console, server);
    report.row("idle", "console CPU", &format!("{:.3} %", cost.console), "0.1 %", cost.console <= 0.1);
    report.row("idle", "collector CPU", &format!("{:.3} %", cost.server), "0.1 %", cost.server <= 0.1);
    report.row("idle", "to the terminal, with a clock", &format!("{:.0} B/s", cost.bytes), "under 100 B/s", cost.bytes < 100.0);
    console.quit();
}

pub(crate) fn load(server: &Server, report: &mut Report) {
    let mut console = Console::attach(server, SIZE);
    console.until_all_is_here();
    let paced = Paced::start(server.tcp(), LOAD.0, LOAD.1);
    console.watch(SETTLED, |_, _| {});
    let cost = cost(&mut console, server);
    let rate = paced.end();
    report.row("load", "console CPU", &format!("{:.2} %", cost.console), "under 2 %", cost.console < 2.0);
    report.row("load", "to the terminal", &format!("{:.1} kB/s", cost.bytes / 1000.0), "under 8 kB/s", cost.bytes < 8000.0);
    note("load", "events taken, collector CPU", &format!("{rate:.0} a second, {:.1} %", cost.server));
    console.quit();
}

pub(crate) fn memory_of_console(server: &Server, report: &mut Report) {
    let mut console = Console::attach(server, SIZE);
    console.until_all_is_here();
    console.watch(SETTLED, |_, _| {});
    let (snapshot, peak) = resident(console.id());
    let paced = Paced::start(server.tcp(), 0.0, LOAD.1);
    console.watch(Duration::from_mins(1), |_, _| {});
    paced.end();
    let (minute, later_peak) = resident(console.id());
    let measured = |now, peak| format!("{:.1} MB, at most {:.1} MB", megabytes(now), megabytes(peak));
    let is_met = |bytes| megabytes(bytes) < 40.0;
    report.row("memory", "console after the snapshot", &measured(snapshot, peak), "under 40 MB", is_met(snapshot));
    report.row("memory", "console a minute later, 3 alerts/s", &measured(minute, later_peak), "under 40 MB", is_met(minute));
    console.quit();
}

/// A header is what every alert has for itself: the struct, its counts, and the texts that it does not share with its repeats.
/// What a collector keeps for an alert in all, in two folded logs and a sorted roster, is what one that starts with them has
/// more than an empty one. One that just raised them has more: stocks of a fixed size, such as evidence and connections, and
/// what its allocator holds.
pub(crate) fn memory_of_server(fill: &Fill, server: &Server, report: &mut Report) {
    let (started, _) = resident(server.id());
    let each = |bytes: u64, alerts: u64| bytes.saturating_sub(fill.empty) / alerts;
    let kept = each(started, fill.alerts);
    let header = bytes_of(&fill.header);
    report.row("memory", "header of an alert", &format!("{header} B"), "under 300 B", header < 300);
    let measured = format!("{kept} B an alert ({:.0} MB, {:.0} MB without)", megabytes(started), megabytes(fill.empty));
    note("memory", "collector started with the alerts", &measured);
    let measured = format!("{} B an alert ({:.0} MB)", each(fill.all, fill.alerts), megabytes(fill.all));
    note("memory", "collector that just raised them", &measured);
}

/// What a header takes for itself.
fn bytes_of(header: &Header) -> usize {
    // Strong and weak count of what is shared, and about what an allocator adds to a block.
    const COUNTS: usize = 16;
    const BLOCK: usize = 8;
    let (id, message) = (COUNTS + header.id.0.len() + BLOCK, header.message.len() + BLOCK);
    COUNTS + size_of::<Header>() + BLOCK + id + message
}
