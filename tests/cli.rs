//! The command line, signals, exit codes, outputs and metrics of the real binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

mod harness;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Stdio;

use harness::{Server, binary, lines, root, run};
use nix::sys::signal::Signal;

fn sample(name: &str) -> String {
    root().join("samples").join(name).display().to_string()
}

#[test]
fn exit_codes() {
    let attack = sample("attack_both_ends.xml");
    let rows: Vec<(Vec<&str>, i32, &str)> = vec![
        (vec!["replay", "--headless", "--expect", "alerts=2", &attack], 0, ""),
        (vec!["replay", "--headless", "--expect", "alerts=3", &attack], 1, "expected 3 alerts, raised 2"),
        (vec!["replay", "--headless", "/nonexistent.xml"], 1, "/nonexistent.xml"),
        (vec!["replay"], 2, "FILE"),
        (vec!["dance"], 2, "dance"),
        (vec!["--headless", "--listen", "tls://0.0.0.0:6514"], 2, "not supported yet"),
        (vec!["--headless", "--store", "/dev/null/x.db"], 1, "/dev/null"),
        (vec!["attach"], 2, "needs a terminal"),
        (vec!["tail", "--socket", "none"], 2, "needs a socket"),
        (vec!["tail", "--filter", "is:odd"], 2, "`is:` takes open"),
        (vec!["alerts", "--store", "/nonexistent.db"], 1, "no store there"),
        (vec!["alerts", "--store", "none"], 2, "needs a store"),
        (vec!["alerts", "--filter", "is:odd"], 2, "`is:` takes open"),
        (vec!["alerts", "--since", "yesterday"], 2, "span of time"),
        (vec!["--headless", "--config", "/nonexistent.toml"], 2, "/nonexistent.toml"),
        (vec!["--headless", "--rules", "/nonexistent"], 2, "/nonexistent"),
        (vec!["config", "print"], 0, ""),
        (vec!["--config", "/nonexistent.toml", "config", "print"], 2, "/nonexistent.toml"),
        (vec!["--config", "/nonexistent.toml", "demo", "--headless"], 2, "/nonexistent.toml"),
        (vec!["-q", "--headless", "--expect", "alerts=2", "replay", &attack], 0, ""),
        (vec!["--theme", "light", "rules", "list"], 2, "'--theme'"),
        (vec!["rules", "list"], 0, ""),
        (vec!["--headless", "--config", "tests/invalid_configs/rule_folder.toml"], 2, "rule_folder.toml:4: rules.directories"),
        (
            vec![
                "--headless",
                "--config",
                "tests/invalid_configs/group.toml",
                "--store",
                "none",
                "--socket",
                "/tmp/never/w.sock",
            ],
            2,
            "attach.group: there is no group",
        ),
        (vec!["rules", "list", "--config", "tests/invalid_configs/rule_folder.toml"], 2, "rule_folder.toml:4: "),
        (vec!["rules", "list", "--config", "tests/invalid_configs/rule_folder.toml", "samples"], 0, ""),
        (vec!["alerts", "--config", "tests/invalid_configs/rule_folder.toml", "--store", "/nonexistent.db"], 1, "no store"),
        (vec!["replay", "--headless", "--output", "file:/nonexistent/x", &attack], 1, "records could not be delivered"),
        (vec!["completions", "bash"], 0, ""),
        (vec!["man"], 0, ""),
        (vec!["--version"], 0, ""),
    ];
    for (arguments, code, message) in rows {
        let output = binary().args(&arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(message), "{arguments:?}: {stderr}");
    }
}

#[test]
fn broken_configurations_name_file_line_and_key() {
    let mut seen = 0;
    for entry in std::fs::read_dir(root().join("tests/invalid_configs")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let expected = text.lines().next().unwrap().strip_prefix("# expects: ").unwrap();
        let output = binary().args(["config", "check", path.to_str().unwrap()]).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{}", path.display());
        assert!(stderr.contains(expected) && stderr.contains(path.to_str().unwrap()), "{}: {stderr}", path.display());
        seen += 1;
    }
    assert!(seen >= 5);
    let shipped = root().join("config.toml");
    assert!(binary().args(["config", "check", shipped.to_str().unwrap()]).status().unwrap().success());
}

#[test]
fn a_group_that_does_not_exist_is_told_and_keeps_nobody_from_watching() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("w.sock");
    let config = root().join("tests/invalid_configs/analysts.toml");
    let arguments = ["--config", config.to_str().unwrap(), "--listen", "tcp://127.0.0.1:0", "--socket", socket.to_str().unwrap()];
    let outcome = Server::start(&arguments, 1).stop();
    assert!(outcome.status.success() && outcome.stderr.contains("does not exist: `no such group`"), "{}", outcome.stderr);
}

#[test]
fn recordings_are_told_by_content() {
    let folder = tempfile::tempdir().unwrap();
    let plain = std::fs::read(sample("attack_both_ends.xml")).unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(&plain).unwrap();
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(&plain).unwrap();
    let zst = ruzstd::encoding::compress_to_vec(plain.as_slice(), ruzstd::encoding::CompressionLevel::Fastest);
    let utf16: Vec<u8> = [0xfeff_u16]
        .into_iter()
        .chain(String::from_utf8(plain.clone()).unwrap().encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    // Frames one after the other, as `cat` and parallel compressors make them.
    let halves = plain.split_at(plain.len() / 2);
    let pack_zst = |bytes: &[u8]| ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest);
    let pack_lz4 = |bytes: &[u8]| {
        let mut packed = lz4_flex::frame::FrameEncoder::new(Vec::new());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    };
    let packed = [
        ("gz", gz.finish().unwrap()),
        ("two zst", [pack_zst(halves.0), pack_zst(halves.1)].concat()),
        ("two lz4", [pack_lz4(halves.0), pack_lz4(halves.1)].concat()),
        ("zst", zst),
        ("lz4", lz4.finish().unwrap()),
        ("utf16", utf16),
    ];
    for (name, bytes) in packed {
        let path = folder.path().join(format!("{name}.bin"));
        std::fs::write(&path, bytes).unwrap();
        let outcome = run(&["replay", "--headless", "--expect", "alerts=2", path.to_str().unwrap()]);
        assert!(outcome.status.success(), "{name}: {}", outcome.stderr);
    }
    let mut nested = plain.clone();
    for depth in 1..8 {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gz.write_all(&nested).unwrap();
        nested = gz.finish().unwrap();
        let path = folder.path().join(format!("{depth}.gz"));
        std::fs::write(&path, &nested).unwrap();
        let outcome = run(&["replay", "--headless", path.to_str().unwrap()]);
        let code = i32::from(depth > 4);
        assert_eq!(outcome.status.code(), Some(code), "compressed {depth} times: {}", outcome.stderr);
    }
    let mut child = binary()
        .args(["replay", "--headless", "--expect", "alerts=2", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&plain).unwrap();
    assert!(child.wait().unwrap().success(), "standard input");
}

#[test]
fn outputs_and_an_output_that_comes_later() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alerts.json");
    let siem = TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp = format!("tcp://{}", siem.local_addr().unwrap());
    let dead = TcpListener::bind("127.0.0.1:0").unwrap();
    let down = format!("tcp://{}", dead.local_addr().unwrap());
    drop(dead);
    let file_url = format!("file:{}", file.display());
    let server = Server::start(
        &["--listen", "tcp://127.0.0.1:0", "--output", "stdout", "--output", &tcp, "--output", &file_url, "--output", &down],
        1,
    );
    let stream = lines(&root().join("samples/attack_both_ends.xml")).join("\n");
    server.send(stream.as_bytes(), &[4096]);
    let (connection, _) = siem.accept().unwrap();
    let received: Vec<String> = BufReader::new(connection).lines().take(3).map_while(Result::ok).collect();
    // Two raised; then the first is told anew, because the second is its other end.
    assert_eq!(received.len(), 3);
    let outcome = server.stop();
    assert!(outcome.status.success());
    assert_eq!(outcome.records.len(), 3, "an output that is down holds up nobody");
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().collect::<Vec<_>>(), received);
    assert!(outcome.stderr.contains("output is down"), "{}", outcome.stderr);
    let summary = outcome.summary();
    assert_eq!(summary["wefwatch_output_records_total"][&down]["gave_up"], 3, "{summary}");
    assert_eq!(summary["wefwatch_output_records_total"][&tcp]["delivered"], 3, "{summary}");
    outcome.balance();
}

#[test]
fn syslog_output_is_counted_and_rfc_5424() {
    let siem = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("syslog+tcp://{}", siem.local_addr().unwrap());
    let attack = sample("attack_both_ends.xml");
    let mut child = binary()
        .args(["replay", "--headless", "--output", &url, &attack])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut connection, _) = siem.accept().unwrap();
    let mut received = String::new();
    connection.read_to_string(&mut received).unwrap();
    assert!(child.wait().unwrap().success());
    let mut rest = received.as_str();
    let mut messages = 0;
    while !rest.is_empty() {
        let (length, message) = rest.split_once(' ').unwrap();
        let (message, later) = message.split_at(length.parse().unwrap());
        let (header, json) = message.split_once(" - {").unwrap();
        // High, and critical by the link.
        assert!(header.starts_with("<35>1 ") || header.starts_with("<34>1 "), "{header}");
        serde_json::from_str::<serde_json::Value>(&format!("{{{json}")).unwrap();
        rest = later;
        messages += 1;
    }
    assert_eq!(messages, 3);
}

#[test]
fn metrics_and_health() {
    let server = Server::start(&["--listen", "tcp://127.0.0.1:0", "--metrics", "127.0.0.1:0"], 2);
    server.send(lines(&root().join("samples/attack_both_ends.xml")).join("\n").as_bytes(), &[4096]);
    server.wait_for("wefwatch_alerts_total", 2);
    assert!(server.get("/healthz").starts_with("HTTP/1.1 200"));
    assert!(server.get("/readyz").starts_with("HTTP/1.1 200"));
    assert!(server.get("/nothing").starts_with("HTTP/1.1 404"));
    let page = server.get("/metrics");
    for name in [
        "received_bytes_total{listener=",
        "frames_total{listener=",
        "events_total{event_id=\"1\"}",
        "rejected_total{reason=\"truncated\"}",
        "shed_total{reason=\"udp_kernel_drop\"}",
        "alerts_total{rule=",
        "alerts_updated_total ",
        "links_total{result=\"linked\"} 1",
        "hosts{state=\"blind\"} 0",
        "rules{state=\"loaded\"} 2",
        "hosts{state=",
        "sequence_partials ",
        "late_events_total ",
        "output_records_total{output=\"stdout\",result=\"delivered\"}",
        "queue_depth{queue=",
        "connections{listener=",
        "build_info{version=",
    ] {
        assert!(page.contains(&format!("\nwefwatch_{name}")), "{name} in {page}");
    }
    assert!(server.stop().status.success());
}

#[test]
fn reload_takes_new_rules_and_refuses_broken_ones() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path();
    let server =
        Server::start(&["--listen", "tcp://127.0.0.1:0", "--metrics", "127.0.0.1:0", "--rules", rules.to_str().unwrap()], 2);
    std::fs::write(rules.join("broken.eql"), "process where process.name = \"x\"").unwrap();
    server.signal(Signal::SIGHUP);
    std::fs::write(rules.join("own.eql"), "// whoami\nprocess where process.name : \"whoami.exe\"").unwrap();
    std::fs::remove_file(rules.join("broken.eql")).unwrap();
    server.signal(Signal::SIGHUP);
    server.wait_for("wefwatch_rules{state=\"loaded\"}", 3);
    server.send(lines(&root().join("samples/attack_both_ends.xml")).join("\n").as_bytes(), &[4096]);
    let outcome = server.stop();
    assert!(outcome.alerts().iter().any(|alert| alert.rule == "own"), "{:?}", outcome.alerts());
}

#[test]
fn rules_check_names_the_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("broken.eql"), "process where\n  process.name = \"x\"").unwrap();
    std::fs::write(folder.path().join("bytes.yml"), b"\xff\xfe").unwrap();
    std::fs::write(folder.path().join("other.toml"), "[rule]\nname = \"x\"\ntype = \"new_terms\"\n").unwrap();
    let output = binary().args(["rules", "check", folder.path().to_str().unwrap()]).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    assert!(stdout.contains("broken.eql:2:16: `=` is no comparison"), "{stdout}");
    assert!(stdout.contains("not UTF-8"), "{stdout}");
    assert!(stdout.contains("\nother ") && stdout.contains("new_terms"), "{stdout}");
    let json = binary().args(["rules", "list", "--json"]).output().unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 2);
}

#[test]
fn rules_explain_tells_why_and_what_was_lacking() {
    let sequence = "2772264c-6fb9-4d9d-9014-b416eed21254";
    let rows = [
        (sequence, "attack_both_ends.xml", "it fired once", "wsmprovhost.exe   = \"wsmprovhost.exe\""),
        ("incoming execution via powershell remoting", "attack_both_ends.xml", "it fired once", "(derived: tcp 5985)"),
        (sequence, "near_misses.xml", "it did not fire", "all stages held, but"),
        ("c539afac-c12a-46ed-b1bd-5a5567c9f045", "near_misses.xml", "it did not fire", "one condition fails"),
    ];
    for (rule, file, outcome, why) in rows {
        let output = binary().args(["rules", "explain", rule, &sample(file)]).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains(outcome) && text.contains(why), "{rule} {file}: {text}");
    }
    let json = binary().args(["rules", "explain", "--json", sequence, &sample("near_misses.xml")]).output().expect("it runs");
    let told: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!((told["fired"].as_u64(), told["stages"].as_array().map(Vec::len)), (Some(0), Some(2)), "{told}");
    assert_eq!(run(&["rules", "explain", "no rule", &sample("near_misses.xml")]).status.code(), Some(2));
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let mut child = binary()
        .args(["replay", "--headless", &sample("demo.xml")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn damage_costs_only_itself() {
    let server = Server::start(&["--listen", "tcp://127.0.0.1:0"], 1);
    let good = lines(&root().join("samples/attack_both_ends.xml"));
    let mut stream = Vec::new();
    for (number, line) in good.iter().enumerate() {
        let damaged: Vec<u8> = match number % 6 {
            0 => format!("<14>x {}\n", &line[..line.len() / 2]).into_bytes(),
            1 => b"<14>Nov 24 12:00:00 host app: a foreign line\n".to_vec(),
            2 => [&line.as_bytes()[..300], b"\xff\xfe", &line.as_bytes()[300..], b"\n"].concat(),
            3 => format!("{}\n", line.replace("</System>", "&unknown;</System>")).into_bytes(),
            4 => format!("<14>x {}\n", "y".repeat(300 * 1024)).into_bytes(),
            _ => Vec::new(),
        };
        stream.extend_from_slice(&damaged);
        stream.extend_from_slice(format!("<14>Nov 24 12:00:00 host wef: {line}\n").as_bytes());
    }
    server.send(&stream, &[1000]);
    let outcome = server.stop();
    let (events, _) = outcome.balance();
    assert_eq!(events, good.len() as u64, "{:?}", outcome.rejected());
    assert_eq!(outcome.records.iter().filter(|record| record["event"]["action"] == "raised").count(), 2);
    let reasons: Vec<String> = outcome.rejected().into_keys().collect();
    assert_eq!(reasons, ["bad_utf8", "bad_xml", "not_windows", "oversize", "truncated"]);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "it is the clock on the wall that must not run on")]
fn a_flood_of_datagrams_does_not_hold_up_the_end() {
    let server = Server::start(&["--listen", "udp://127.0.0.1:0"], 1);
    let address = server.address("udp");
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
                while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                    let _ = socket.send_to(b"x", address);
                }
            });
        }
        let asked = std::time::Instant::now();
        let outcome = server.stop();
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(outcome.status.success());
        assert!(asked.elapsed() < std::time::Duration::from_secs(5), "within the grace time: {:?}", asked.elapsed());
        outcome.balance();
    });
}

#[test]
fn a_pipe_that_nobody_reads_holds_up_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let output = format!("file:{}", pipe.display());
    let server = Server::start(&["--listen", "tcp://127.0.0.1:0", "--output", &output, "--output", "stdout"], 1);
    server.send(&std::fs::read(sample("attack_both_ends.xml")).unwrap(), &[65_536]);
    let outcome = server.stop();
    assert!(outcome.stderr.contains("output is down"), "{}", outcome.stderr);
    assert_eq!(outcome.alerts().len(), 2);
}
