//! A million events over one TCP connection into the real binary, headless: how fast, and how much memory on the way.
//!
//! `cargo bench --bench soak` sends them as 200 hosts would; `cargo bench --bench soak -- hosts` gives every event a host of
//! its own, and `cargo bench --bench soak -- store` keeps a store with its archive of events. Not a benchmark of the machine's best moment, but what README.md quotes.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use chrono::{TimeDelta, TimeZone as _, Utc};

const EVENTS: usize = 1_000_000;

fn main() {
    let every_host_is_new = std::env::args().any(|argument| argument == "hosts");
    let folder = tempfile::tempdir().expect("a folder");
    let has_store = std::env::args().any(|argument| argument == "store");
    let store = if has_store { folder.path().join("x.db") } else { "none".into() };
    let mut child = Command::new(env!("CARGO_BIN_EXE_wefwatch"))
        .args(["run", "--headless", "--listen", "tcp://127.0.0.1:0", "--store"])
        .arg(store)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut log = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let address = log
        .find_map(|line| line.split_once("listening tcp://").map(|(_, address)| address.trim().to_owned()))
        .expect("it listens");
    let mut stream = TcpStream::connect(address).expect("it accepts");
    #[allow(clippy::disallowed_methods, reason = "there is no test to pause it")]
    let start = Instant::now();
    let mut text = String::new();
    for number in 0..EVENTS {
        let host = if every_host_is_new { number } else { number % 200 };
        event(&mut text, number, host);
        if text.len() > 512 << 10 || number + 1 == EVENTS {
            stream.write_all(text.as_bytes()).expect("it reads");
            text.clear();
        }
        if (number + 1) % (EVENTS / 10) == 0 {
            println!("{:>9} events   {:>5.1} s   {:>4} MB", number + 1, start.elapsed().as_secs_f64(), resident(child.id()));
        }
    }
    stream.shutdown(std::net::Shutdown::Write).expect("open until now");
    let _ = stream.read(&mut [0]);
    let seconds = start.elapsed().as_secs_f64();
    println!("all read after {seconds:.1} s: {:.0} events a second, {} MB", EVENTS as f64 / seconds, resident(child.id()));
    let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    let summary = log.find_map(|line| line.strip_prefix("summary ").map(str::to_owned));
    println!("{}", summary.unwrap_or_default());
    println!("{}", child.wait().expect("it ends"));
}

/// Resident memory in MB.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024
}

/// One event in ten is an inbound WinRM connection, which begins a sequence; the others are process creations.
fn event(out: &mut String, number: usize, host: usize) {
    let begin = Utc.with_ymd_and_hms(2026, 3, 17, 8, 0, 0).single().expect("a time");
    let at = begin + TimeDelta::milliseconds(number as i64 * 2);
    let (created, utc_time) = (at.format("%Y-%m-%dT%H:%M:%S%.3f"), at.format("%Y-%m-%d %H:%M:%S%.3f"));
    let event_id = if number.is_multiple_of(10) { 3 } else { 1 };
    let _ = write!(
        out,
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon' \
         Guid='{{5770385F-C22A-43E0-BF4C-06F5698FFBD9}}'/><EventID>{event_id}</EventID><Version>5</Version><Level>4</Level>\
         <Task>{event_id}</Task><Opcode>0</Opcode><Keywords>0x8000000000000000</Keywords><TimeCreated SystemTime='{created}Z'/>\
         <EventRecordID>{number}</EventRecordID><Correlation/><Execution ProcessID='3392' ThreadID='5524'/><Channel>Microsoft-\
         Windows-Sysmon/Operational</Channel><Computer>ws{host:07}.corp.example</Computer><Security UserID='S-1-5-18'/></System>\
         <EventData><Data Name='RuleName'>-</Data><Data Name='UtcTime'>{utc_time}</Data>"
    );
    let _ = if event_id == 3 {
        writeln!(
            out,
            "<Data Name='ProcessGuid'>{{d273d0f0-e84d-5f64-0100-000000000800}}</Data><Data Name='ProcessId'>4</Data>\
             <Data Name='Image'>System</Data><Data Name='User'>NT AUTHORITY\\SYSTEM</Data><Data Name='Protocol'>tcp</Data>\
             <Data Name='Initiated'>false</Data><Data Name='SourceIsIpv6'>false</Data><Data Name='SourceIp'>10.20.4.31</Data>\
             <Data Name='SourceHostname'>-</Data><Data Name='SourcePort'>{}</Data><Data Name='SourcePortName'>-</Data>\
             <Data Name='DestinationIsIpv6'>false</Data><Data Name='DestinationIp'>10.20.8.11</Data>\
             <Data Name='DestinationHostname'>-</Data><Data Name='DestinationPort'>5985</Data>\
             <Data Name='DestinationPortName'>-</Data></EventData></Event>",
            40_000 + number % 20_000
        )
    } else {
        writeln!(
            out,
            "<Data Name='ProcessGuid'>{{d273d0f0-c4f7-5f67-a707-{number:012}}}</Data><Data Name='ProcessId'>777</Data>\
             <Data Name='Image'>C:\\Windows\\System32\\cmd.exe</Data><Data Name='CommandLine'>cmd.exe /c echo {number}</Data>\
             <Data Name='User'>CORP\\jdoe</Data><Data Name='ParentProcessGuid'>{{d273d0f0-c4f4-5f67-a607-000000000800}}</Data>\
             <Data Name='ParentProcessId'>9036</Data><Data Name='ParentImage'>C:\\Windows\\explorer.exe</Data>\
             <Data Name='ParentCommandLine'>explorer.exe</Data></EventData></Event>"
        )
    };
}
