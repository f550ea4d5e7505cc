//! Who may attach, and what they may do there, by real users of the kernel: as root the client is started as other users, else
//! it is the user of the tests, whom his own collector lets do everything.

mod harness;
#[path = "harness/viewer.rs"]
mod viewer;

use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use harness::{Server, lines, root};
use nix::unistd::{Gid, Uid, User};
use serde_json::{Value, json};
use viewer::{connect, frame, hello, read_frame, read_until};

const SOCKET: &str = "WEFWATCH_ROLES_SOCKET";
/// Groups by number, so that every machine has them.
const ANALYSTS: u32 = 54_001;
const VIEWERS: u32 = 54_002;
const OTHERS: u32 = 54_003;
/// A user whom no machine has a name for.
const NOBODY_KNOWN: u32 = 54_321;

/// Somebody who attaches, and what comes of it.
#[derive(Debug)]
struct Row {
    uid: u32,
    gid: u32,
    /// The name and the role that the collector gives; `None` is not let in.
    expected: Option<(&'static str, &'static str)>,
}

/// A folder that everybody gets through, with copies of both programs that everybody may start.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open()).expect("it is ours");
        let place = Self { folder };
        let this = std::env::current_exe().expect("it runs");
        for (from, name) in [(Path::new(env!("CARGO_BIN_EXE_wefwatch")), "wefwatch"), (this.as_path(), "viewer")] {
            std::fs::copy(from, place.path(name)).expect("a copy");
            std::fs::set_permissions(place.path(name), open()).expect("it is ours");
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A collector whose `[attach]` says this; the folder of its socket is not there yet.
    fn serve(&self, attach: &str) -> Server {
        std::fs::write(self.path("c.toml"), format!("[attach]\n{attach}")).expect("a file");
        let (config, socket, store) = (self.path("c.toml"), self.path("run/w.sock"), self.path("w.db"));
        let [config, socket, store] = [&config, &socket, &store].map(|path| path.to_str().expect("UTF-8"));
        let arguments = ["--config", config, "--socket", socket, "--store", store, "--listen", "tcp://127.0.0.1:0"];
        Server::start(&[&arguments[..], &["--metrics", "127.0.0.1:0"]].concat(), 2)
    }

    /// One of the programs, as a user.
    fn command(&self, program: &str, row: &Row) -> Command {
        let mut command = Command::new(self.path(program));
        command.current_dir("/").stdin(Stdio::null()).env(SOCKET, self.path("run/w.sock"));
        // Only root may be somebody else.
        if Uid::effective().is_root() {
            command.gid(row.gid).uid(row.uid);
        }
        command
    }

    /// What the viewer below tells.
    fn attach(&self, row: &Row) -> Value {
        let output = self.command("viewer", row).args(["--exact", "child", "--nocapture"]).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let told = text.lines().find_map(|line| line.strip_prefix("told ")).unwrap_or_else(|| panic!("{row:?}: {text}"));
        serde_json::from_str(told).expect("JSON")
    }
}

/// The viewer, started anew as somebody: attaches, looks at the alerts, tries to acknowledge one under another name.
#[test]
fn child() {
    let Ok(socket) = std::env::var(SOCKET) else { return };
    let told = match std::os::unix::net::UnixStream::connect(&socket) {
        Err(error) => json!({"closed": error.to_string()}),
        Ok(_) => attach(Path::new(&socket)),
    };
    println!("\ntold {told}");
}

fn attach(socket: &Path) -> Value {
    let mut stream = connect(socket);
    stream.write_all(&hello()).expect("it reads");
    let first = read_frame(&mut stream).expect("an answer");
    if let Some(reason) = first["sorry"]["reason"].as_str() {
        return json!({"sorry": reason});
    }
    let snapshot = read_until(&mut stream, "Snapshot");
    let alert = &snapshot["alerts"][0];
    let target = json!({"alert": alert["header"]["id"], "revision": 0});
    let act = json!({"token": 9, "who": "mallory", "deed": "comment", "reason": "seen", "targets": [target]});
    stream.write_all(&frame(&json!({"request": {"Act": act}}))).expect("it reads");
    let is_analyst = first["hello"]["role"] == "analyst";
    let came = read_until(&mut stream, if is_analyst { "Triage" } else { "Refused" });
    json!({"who": first["hello"]["who"], "role": first["hello"]["role"], "act": came, "alerts": snapshot["alerts"].as_array().map(Vec::len)})
}

/// An event that raises an alert.
fn raise(server: &Server) {
    let text = lines(&root().join("samples/attack_both_ends.xml"));
    let line = text.iter().find(|line| line.contains("<EventRecordID>2371779<")).expect("the outbound connection");
    let mut stream = TcpStream::connect(server.address("tcp")).expect("it listens");
    stream.write_all(format!("{line}\n").as_bytes()).expect("it reads");
    server.wait_for("wefwatch_alerts_total", 1);
}

/// The rows as they are for root; else the one user that there is, whom his own collector lets do everything.
fn rows(as_root: Vec<Row>) -> Vec<Row> {
    let uid = Uid::effective();
    if uid.is_root() {
        return as_root;
    }
    let name = User::from_uid(uid).ok().flatten().map_or_else(|| format!("uid {uid}"), |user| user.name);
    vec![Row { uid: uid.as_raw(), gid: Gid::effective().as_raw(), expected: Some((name.leak(), "analyst")) }]
}

fn check(place: &Place, row: &Row) {
    let told = place.attach(row);
    let Some((who, role)) = row.expected else {
        assert!(told["closed"].is_string(), "{row:?} is let in: {told}");
        // People are told the same, with their name, by the program itself; it tries on until it is ended.
        let mut tail = place.command("wefwatch", row);
        tail.args(["tail", "--socket"]).arg(place.path("run/w.sock")).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut tail = tail.spawn().expect("it starts");
        let log = std::io::BufRead::lines(std::io::BufReader::new(tail.stderr.take().expect("piped"))).next();
        tail.kill().expect("it runs");
        tail.wait().expect("it ends");
        let log = log.expect("a line").expect("text");
        assert!(log.contains("you may not attach here: you are in none of the groups"), "{log}");
        return;
    };
    assert_eq!((&told["who"], &told["role"], &told["alerts"]), (&json!(who), &json!(role), &json!(1)), "{row:?}: {told}");
    assert_eq!(told["act"]["who"], who, "an act has the kernel's name: {told}");
    assert_eq!(told["act"]["token"], 9, "{told}");
    if role == "viewer" {
        assert!(told["act"]["reason"].as_str().is_some_and(|reason| reason.contains("your role is viewer")), "{told}");
    }
}

#[test]
fn groups_say_who_looks_and_who_acts() {
    let place = Place::new();
    let server = place.serve(&format!("analysts = [\"{ANALYSTS}\", \"daemon\"]\nviewers = [\"{VIEWERS}\"]\n"));
    raise(&server);
    let mode = std::fs::metadata(place.path("run/w.sock")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o660, "open to those who are named");
    let daemon = User::from_name("daemon").ok().flatten().expect("every system has it");
    let unknown = "uid 54321";
    for row in rows(vec![
        Row { uid: 0, gid: 0, expected: Some(("root", "analyst")) },
        Row { uid: daemon.uid.as_raw(), gid: daemon.gid.as_raw(), expected: Some(("daemon", "analyst")) },
        Row { uid: NOBODY_KNOWN, gid: ANALYSTS, expected: Some((unknown, "analyst")) },
        Row { uid: NOBODY_KNOWN, gid: VIEWERS, expected: Some((unknown, "viewer")) },
        Row { uid: NOBODY_KNOWN, gid: OTHERS, expected: None },
    ]) {
        check(&place, &row);
    }
    server.stop();
}

#[test]
fn the_group_of_the_socket_lets_look() {
    let place = Place::new();
    let own = Gid::effective();
    let group = if Uid::effective().is_root() { VIEWERS } else { own.as_raw() };
    let server = place.serve(&format!("group = \"{group}\"\nanalysts = [\"{ANALYSTS}\"]\n"));
    raise(&server);
    for row in rows(vec![
        Row { uid: 0, gid: 0, expected: Some(("root", "analyst")) },
        Row { uid: NOBODY_KNOWN, gid: VIEWERS, expected: Some(("uid 54321", "viewer")) },
    ]) {
        check(&place, &row);
    }
    let closed = place.attach(&Row { uid: NOBODY_KNOWN, gid: OTHERS, expected: None });
    assert_eq!(closed["closed"].is_string(), Uid::effective().is_root(), "{closed}");
    server.stop();
}
