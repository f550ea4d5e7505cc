//! Every way out gives the terminal back. `tests/terminal.rs` and `tests/attach.rs` hold this for quit and signals; here it is
//! asked of attached consoles, with the terminal's modes, and for a panic: of this program, with the guard that the console
//! has, since nothing from outside makes the console panic.

use nix::sys::signal::Signal;
use portable_pty::CommandBuilder;
use wefwatch::console::terminal::Guard;

use crate::console::Console;
use crate::events::{Events, connect};
use crate::figures::Report;
use crate::server::Server;
use crate::steady::SIZE;

/// Says that this program is only there to panic.
pub(crate) const PANIC: &str = "WEFWATCH_GATES_PANIC";

pub(crate) fn panic_in_the_terminal() -> ! {
    let mut guard = Guard::take().expect("a terminal");
    guard.terminal().draw(|frame| frame.render_widget("taken", frame.area())).expect("it draws");
    // Not unwound: the hook alone has to do it.
    std::panic::catch_unwind(|| panic!("asked for")).expect_err("it panics");
    std::process::exit(101);
}

pub(crate) fn restored(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), false);
    let attach = |server: &Server| {
        let mut console = Console::attach(server, SIZE);
        console.until("LIVE", |console| console.text().contains("LIVE"));
        console
    };
    let mut ways = Vec::new();
    let mut console = attach(&server);
    console.press("q");
    ways.push(("quit", console.end()));
    let mut command = CommandBuilder::new(std::env::current_exe().expect("this program"));
    command.env(PANIC, "1");
    let mut console = Console::start(command, SIZE);
    console.until("the terminal taken", |console| console.text().contains("taken") || console.text().contains("asked for"));
    ways.push(("panic", console.end()));
    for (name, signal) in [("TERM", Signal::SIGTERM), ("HUP", Signal::SIGHUP)] {
        let console = attach(&server);
        console.signal(signal);
        ways.push((name, console.end()));
    }
    Events::new().alerts(&mut connect(server.tcp()), 1);
    server.wait_for("wefwatch_alerts_total", 1);
    report.row("restored", "collector after HUP of a viewer", "runs", "runs", true);
    let mut console = attach(&server);
    server.signal(Signal::SIGKILL);
    server.killed();
    console.until("STALE", |console| console.text().contains("STALE"));
    console.press("q");
    ways.push(("server loss", console.end()));
    let good: Vec<&str> = ways.iter().filter(|(_, is_restored)| *is_restored).map(|(name, _)| *name).collect();
    let measured = format!("{} of {}: {}", good.len(), ways.len(), good.join(", "));
    report.row("restored", "ways out that restore the terminal", &measured, "5 of 5", good.len() == ways.len());
}
