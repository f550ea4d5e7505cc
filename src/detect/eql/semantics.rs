//! What EQL means, as tables: conditions over one event, sequences over several, the mapping's categories, verdicts. The
//! rows follow Elasticsearch's documentation and behaviour; each is there for the rule that it shows.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::DateTime;

use crate::detect::correlator::{Config, Correlator};
use crate::detect::ecs::Mapping;
use crate::detect::{JoinKey, Observation, ProblemKind, RuleFile, RuleSet};
use crate::event::WindowsEvent;
use crate::event::testing::{event, sysmon};
use crate::event::time::{EventTime, TimeSource};

fn rules(query: &str) -> RuleSet {
    let file = RuleFile { origin: "t.eql".to_owned(), text: query.to_owned() };
    RuleSet::compile(&[file], &Mapping::default())
}

/// Rows of `(condition, whether it holds)` over one event; `$` stands for `winlog.event_data.`.
fn check(category: &str, event: &WindowsEvent, rows: &[(&str, bool)]) {
    for (condition, expected) in rows {
        let rules = rules(&format!("{category} where {}", condition.replace('$', "winlog.event_data.")));
        let is_possible = rules.problems().iter().all(|problem| problem.kind == ProblemKind::Impossible);
        assert!(is_possible, "{condition}: {:?}", rules.problems());
        assert_eq!(!rules.observe(event).rules.is_empty(), *expected, "{condition}");
    }
}

fn data(fields: &[(&str, &str)]) -> WindowsEvent {
    event("Test", "Test", 1, "A", 1, fields)
}

#[test]
fn calculations() {
    let event =
        data(&[("name", "Explorer.EXE"), ("path", r"C:\Windows\Explorer.EXE"), ("n", "7"), ("x", "0x1F"), ("ip", "10.1.2.3")]);
    check(
        "any",
        &event,
        &[
            ("length($name) == 12", true),
            ("length($name) > 12", false),
            ("12 == length($name)", true),
            ("13 > length($name)", true),
            ("length($name) in (1, 12)", true),
            ("length($name) not in (1, 12)", false),
            ("$n + 1 == 8", true),
            ("1 + $n * 2 == 15", true),
            ("(1 + $n) * 2 == 16", true),
            ("($n - 1) / 4 == 1", true),
            ("$n / 2 == 3", true),
            ("$n / 2.0 == 3.5", true),
            ("$n % 4 == 3", true),
            ("-$n == -7", true),
            ("$n == 3 + 4", true),
            ("add($n, 1) == multiply(2, 4)", true),
            ("subtract($n, -1) == 8 and divide($n, 0) == null and modulo($n, 4) == 3", true),
            (r#"substring($name, 0, 4) == "Expl""#, true),
            (r#"substring($name, -4) : ".exe""#, true),
            (r#"substring($name, -4) == ".exe""#, false),
            (r#"substring($name, 0, -4) like "Ex*r""#, true),
            (r#"substring($name, 0, 4) regex "E[a-z]+""#, true),
            (r#"substring($name, 0, 4) in~ ("a", "EXPL")"#, true),
            (r#"concat($name, "-", $n) == "Explorer.EXE-7""#, true),
            (r#"indexOf($name, ".") == 8 and indexOf($name, "nowhere") == null"#, true),
            (r#"indexOf~($name, "EXPL") == 0 and indexOf($name, "EXPL") == null"#, true),
            (r#"between($path, "C:\\", "\\") == "Windows""#, true),
            (r#"between~($path, "WINDOWS\\", ".exe") == "Explorer""#, true),
            (r#"between($path, "nowhere", ".") == """#, true),
            ("number($n) == 7 and number($x) == 31 and number($n, 16) == 7", true),
            (r#"string($n) == "7" and string($n) : "?""#, true),
            (r#"startsWith($path, concat("C:", "\\"))"#, true),
            ("endsWith($path, $name)", true),
            ("endsWith~($path, substring($name, 1))", true),
            (r#"stringContains("the Explorer.EXE runs", $name)"#, true),
            (r#"startsWith($name, "Exp") == true"#, true),
            (r#"true == cidrMatch($ip, "10.0.0.0/8")"#, true),
            (r#"cidrMatch(string($ip), "10.0.0.0/8")"#, true),
            (r#"$name >= "Explorer" and $name < "F""#, true),
            (r#"$name > "explorer""#, false),
            ("CONCAT($n) == \"7\" and Length($n) == 1", true),
            ("1 + 1 == 2", true),
        ],
    );
}

#[test]
fn missing_fields() {
    check(
        "any",
        &data(&[("name", "a")]),
        &[
            // What must not match, holds.
            (r#"$none == "x""#, false),
            (r#"$none != "x""#, true),
            (r#"not $none : "x""#, true),
            (r#"$none not in ("x", "y")"#, true),
            (r#"not startsWith($none, "x")"#, true),
            (r#"not cidrMatch($none, "10.0.0.0/8")"#, true),
            (r#"not $none regex "x""#, true),
            // What is turned around, does not.
            ("$none > 1", false),
            ("not $none > 1", false),
            (r#"not $none > "a""#, false),
            // What is calculated, holds neither way.
            ("length($none) > 2", false),
            ("not length($none) > 2", false),
            ("length($none) != 2", false),
            ("not $none + 1 == 2", false),
            (r#"not startsWith(string($none), "x")"#, false),
            ("not (length($none) > 2 or $name == \"b\")", false),
            // Only null itself can be asked for.
            ("$none == null", true),
            ("$none != null", false),
            ("length($none) == null", true),
            ("length($none) != null", false),
            ("length($name) != null", true),
            ("$none == null or $name == \"b\"", true),
            ("$none in (null, \"x\")", true),
            ("$none : \"*\"", false),
            ("?$none == null", true),
            ("?$none", false),
            ("not ?$none", true),
            ("concat($name, $none) == null", true),
        ],
    );
}

#[test]
fn lists_hold_if_any_of_their_values_does() {
    let event = data(&[("tag", "One"), ("tag", "two"), ("n", "1"), ("n", "5")]);
    check(
        "any",
        &event,
        &[
            (r#"$tag == "two""#, true),
            (r#"$tag : "one" and $tag : "TWO""#, true),
            (r#"$tag != "two""#, false),
            (r#"not $tag : "three""#, true),
            ("$n > 4 and $n < 2", true),
            (r#"length($tag) == 3"#, true),
        ],
    );
}

#[test]
fn truth_without_comparison() {
    let event = data(&[("yes", "true"), ("no", "false")]);
    check(
        "any",
        &event,
        &[("$yes", true), ("$no", false), ("not $no and $yes", true), ("($yes) == true", true), ("$no == false", true)],
    );
}

/// An event's id and data, a category, and conditions on it.
type Kind = (u32, &'static [(&'static str, &'static str)], &'static str, &'static [(&'static str, bool)]);

#[test]
fn categories_of_all_events() {
    let rows: [Kind; 8] = [
        (
            5,
            &[("Image", r"C:\a\b.exe")],
            "process",
            &[(r#"event.type == "end" and process.name == "b.exe""#, true), (r#"event.type == "start""#, false)],
        ),
        (
            7,
            &[
                ("Image", r"C:\a\b.exe"),
                ("ImageLoaded", r"C:\w\x.dll"),
                ("Hashes", "SHA256=00FF,IMPHASH=0000"),
                ("Signed", "true"),
                ("SignatureStatus", "Valid"),
                ("OriginalFileName", "X.DLL"),
            ],
            "library",
            &[
                (r#"dll.name : "x.dll" and dll.path : "?:\\w\\*" and process.name : "b.exe""#, true),
                (r#"dll.hash.sha256 == "00ff" and dll.pe.original_file_name == "X.DLL" and dll.pe.imphash == null"#, true),
                ("dll.code_signature.trusted == true and dll.code_signature.exists == true", true),
                (r#"dll.code_signature.status : "trusted""#, true),
                (r#"event.category == "process" and event.action : "Image loaded*" and file.name : "x.dll""#, true),
                (r#"event.action == "load""#, true),
            ],
        ),
        (
            11,
            &[("Image", r"C:\a\b.exe"), ("TargetFilename", r"C:\Users\me\run.tar.exe")],
            "file",
            &[
                (r#"event.type == "creation" and file.name == "run.tar.exe" and file.extension == "exe""#, true),
                (r#"file.directory : "?:\\Users\\*" and file.path : "*\\run.tar.exe""#, true),
                (r#"event.type != "deletion""#, true),
            ],
        ),
        (
            23,
            &[("TargetFilename", r"C:\a\b.log"), ("Hashes", "MD5=AB")],
            "file",
            &[(r#"event.type == "deletion" and process.hash.md5 == "ab""#, true)],
        ),
        (
            15,
            &[("TargetFilename", r"C:\a\b.log:zone"), ("Hash", "MD5=AB,SHA1=CD")],
            "file",
            &[(r#"file.hash.sha1 == "cd" and event.type == "access""#, true)],
        ),
        (
            13,
            &[("TargetObject", r"HKLM\Software\K\V"), ("Details", "DWORD (0x00000010)"), ("Image", r"C:\a\b.exe")],
            "registry",
            &[
                (r#"registry.path : "HKLM\\*\\V" and registry.hive == "HKLM" and registry.key == "Software\\K\\V""#, true),
                (r#"registry.value : "v" and registry.data.strings : ("1", "16") and registry.data.type == "SZ_DWORD""#, true),
                (r#"event.type == "change" and process.name : "b.exe""#, true),
            ],
        ),
        (
            22,
            &[("QueryName", "a.example"), ("QueryResults", "type:  5 b.example;::ffff:192.0.2.7;2001:db8::1;")],
            "network",
            &[
                (r#"dns.question.name : "*.example" and network.protocol == "dns""#, true),
                (r#"dns.resolved_ip == "192.0.2.7" and cidrMatch(dns.resolved_ip, "2001:db8::/32")"#, true),
                (r#"event.action == "lookup_requested""#, true),
            ],
        ),
        (
            3,
            &[("Initiated", "false")],
            "network",
            &[(r#"event.action == "connection_accepted""#, true), (r#"event.action == "connection_attempted""#, false)],
        ),
    ];
    for (id, fields, category, rows) in rows {
        check(category, &sysmon(id, "A", 1, fields), rows);
    }
    let deleted = sysmon(26, "A", 1, &[("TargetFilename", r"C:\a")]);
    check("process", &deleted, &[("true", false)]);
    check("any", &deleted, &[("true", true), (r#"event.category == "file""#, true)]);
    let other = event("Security", "Microsoft-Windows-Security-Auditing", 5136, "A", 1, &[("ObjectDN", "x")]);
    check(
        "any",
        &other,
        &[(r#"event.code == "5136" and winlog.event_data.ObjectDN == "x""#, true), ("event.category != null", false)],
    );
}

#[test]
fn verdicts() {
    let rows: [(&str, &str); 22] = [
        ("process where true", "full"),
        (r#"process where event.type == "start" and process.args : "x""#, "full"),
        (r#"process where event.type != "info" and process.name : "x""#, "full"),
        (r#"any where event.category == "library" and ?dll.name : "x""#, "full"),
        (
            r#"process where not ?process.code_signature.trusted == true"#,
            "process.code_signature.trusted never excludes: no process event here carries it",
        ),
        (
            r#"process where process.name : "x" or process.Ext.y == "z""#,
            "process.Ext.y never holds: no process event here carries it",
        ),
        (r#"file where process.Ext.y == null"#, "process.Ext.y == null always holds: no file event here carries it"),
        (r#"file where file.name : "x" or event.action == "rename""#, "`event.action == \"rename\"` never holds"),
        ("process where length(process.Ext.y) > 2 or true", "process.Ext.y never holds"),
        ("process where true | head 3", "head 3: at most so many alerts in any 540 s"),
        ("process where true | tail 3", "tail has no effect"),
        (
            "sequence with maxspan=1m [process where true] ![file where file.Ext.z == 1]",
            "the missing event never excludes: no file event here carries file.Ext.z",
        ),
        (
            "sequence [process where true] [file where true] until [iam where true]",
            "until never ends a sequence: no event here is of the category `iam`",
        ),
        ("iam where true", "impossible: no event here is of the category `iam`"),
        ("file where file.Ext.header_bytes : \"4d5a*\"", "impossible: no file event here carries file.Ext.header_bytes"),
        ("process where not length(process.Ext.y) > 2", "impossible: no process event here carries process.Ext.y"),
        (
            r#"process where event.type == "deletion""#,
            "impossible: `event.type == \"deletion\"` never holds: event.type here is access, change, end, info, start",
        ),
        (
            r#"network where network.direction == "sideways""#,
            "impossible: `network.direction == \"sideways\"` never holds: network.direction here is egress, ingress",
        ),
        (
            "sequence by process.Ext.y [process where true] [file where true]",
            "impossible: no process event here carries process.Ext.y, which the sequence joins by",
        ),
        ("sequence by ?process.Ext.y [process where true] [file where true]", "full"),
        (r#"process where host.os.type == "linux""#, "other: a rule for another platform"),
        (
            r#"process where event.code == "1" and winlog.event_data.SubjectUserSid : "x""#,
            "impossible: no process event here carries winlog.event_data.SubjectUserSid",
        ),
    ];
    for (query, expected) in rows {
        let rules = rules(query);
        let told = match (rules.rules().next(), rules.problems().first()) {
            (Some((_, rule)), None) if rule.limits.is_empty() => "full".to_owned(),
            (Some((_, rule)), None) => rule.limits.join("; "),
            (None, Some(problem)) => format!("{}: {}", problem.kind.as_str(), problem.reason),
            both => panic!("{query}: {both:?}"),
        };
        assert!(told.starts_with(expected), "{query}: {told}");
    }
}

/// Runs `A1 B2/k=x,y` (the data field `t`, the time in milliseconds, more data; a comma gives several values) through a
/// sequence rule in which `<A>` stands for `[any where winlog.event_data.t == "A"]`. The sequences by their last event.
fn sequences(query: &str, events: &str) -> String {
    let mut text = query.replace('$', "winlog.event_data.");
    for letter in "ABCMNU".chars() {
        text = text.replace(&format!("<{letter}>"), &format!("[any where winlog.event_data.t == \"{letter}\"]"));
    }
    let rules = Arc::new(rules(&text));
    assert_eq!(rules.problems(), [], "{text}");
    let mut correlator = Correlator::new(Config::default());
    let mut found: BTreeMap<(i64, JoinKey), String> = BTreeMap::new();
    let mut completed = Vec::new();
    for (record, word) in events.split(' ').enumerate() {
        let (head, more) = word.split_once('/').unwrap_or((word, ""));
        let mut fields: Vec<(&str, &str)> = vec![("t", &head[..1]), ("word", head)];
        for (name, values) in more.split('/').filter_map(|pair| pair.split_once('=')) {
            fields.extend(values.split(',').map(|value| (name, value)));
        }
        let at = DateTime::from_timestamp_millis(head[1..].parse().unwrap()).unwrap();
        let time = EventTime { at, source: TimeSource::TimeCreated, offset: None };
        let event = Arc::new(event("Test", "Test", 1, "A", record as u64, &fields));
        let observation = Observation { event, time, received_at: at };
        let hits = rules.observe(&observation.event);
        completed.extend(correlator.advance(&rules, &observation, &hits.stages));
    }
    completed.extend(correlator.drain(&rules));
    for one in completed {
        let last = one.members.last().unwrap().time.at.timestamp_millis();
        let words = one.members.iter().map(|member| member.event.get("word").unwrap()).collect();
        found.insert((last, one.key), words);
    }
    found.into_values().collect::<Vec<_>>().join(" ")
}

#[test]
fn whole_sequences() {
    let rows = [
        ("sequence with maxspan=30s <A> <B>", "A1 A2 B3 B4", "A2B3"),
        ("sequence with maxspan=30s <A> <B>", "A0 B30001", ""),
        ("sequence <A> <B>", "A0 B540000", "A0B540000"),
        ("sequence <A> <B>", "A0 B540001", ""),
        ("sequence <A> with runs=3", "A1 A2 A3 A4", "A1A2A3 A2A3A4"),
        ("sequence <A> with runs=2 <B>", "A1 A2 A3 B4", "A2A3B4"),
        ("sequence <A> <B> until <U>", "A1 U2 B3 A4 B5", "A4B5"),
        ("sequence by $k <A> <B> until <U>", "A1/k=x A1/k=y U2/k=x B3/k=x B3/k=y", "A1B3"),
        ("sequence with maxspan=1s <A> !<M> <B>", "A1 M2 B3 A4 B5", "A4B5"),
        ("sequence with maxspan=1s <A> !<M>", "A0 M1000 A2000 M3001", "A2000"),
        ("sequence by $k with maxspan=1s <A> !<M>", "A0/k=x M5/k=y", "A0"),
        ("sequence with maxspan=1s <A> !<M> with runs=2 <B>", "A1 M2 B3", ""),
        // Keys: all of them, as they are written, one sequence a shared value.
        ("sequence by $k <A> <B>", "A1/k=x A2/k=y B3/k=x B4/k=y", "A1B3 A2B4"),
        ("sequence by $k <A> <B>", "A1/k=x B2/k=X", ""),
        ("sequence by $k <A> <B>", "A1 B2", ""),
        ("sequence by ?$k <A> <B>", "A1 B2", "A1B2"),
        ("sequence by ?$k <A> <B>", "A1/k=x B2", ""),
        ("sequence by ?$k <A> <B>", "A1/k=x B2 B3/k=x", "A1B3"),
        ("sequence by ?$k, $l <A> <B>", "A1/l=1 B2/l=1", "A1B2"),
        ("sequence by ?$k, $l <A> <B>", "A1/k=x B2/k=x", ""),
        ("sequence <A> by ?$k <B> by ?$l", "A1/k=x B2/l=x A3 B4", "A1B2 A3B4"),
        ("sequence by $k <A> <B>", "A1/k=x,y B2/k=y", "A1B2"),
        ("sequence by $k <A> <B>", "A1/k=x,y B2/k=y,x,z", "A1B2 A1B2"),
        ("sequence by $k, $l <A> <B>", "A1/k=x,y/l=1,2 B2/k=x/l=1,2", "A1B2 A1B2"),
        ("sequence by $k <A> <B>", "A1/k=x,x B2/k=x,x", "A1B2"),
        // head: so many alerts in a look-back of 9 minutes.
        ("sequence <A> <B> | head 1", "A1 B2 A3 B4 A600000 B600001", "A1B2 A600000B600001"),
        ("sequence <A> <B> | head 0", "A1 B2", ""),
        ("sequence <A> <B> | tail 0", "A1 B2", ""),
        ("sequence <A> <B> | tail 1", "A1 B2 A3 B4", "A1B2 A3B4"),
    ];
    for (query, events, expected) in rows {
        assert_eq!(sequences(query, events), expected, "{query}: {events}");
    }
}

#[test]
fn what_did_not_happen_is_told_as_time_passes() {
    let rules = Arc::new(rules("sequence by host.id with maxspan=10s [process where true] ![network where true]"));
    let mut correlator = Correlator::new(Config::default());
    let at = |seconds: i64| DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap();
    let observe = |correlator: &mut Correlator, id: u32, computer: &str, seconds: i64| {
        let time = EventTime { at: at(seconds), source: TimeSource::UtcTime, offset: None };
        let event = Arc::new(sysmon(id, computer, 1, &[]));
        let observation = Observation { event, time, received_at: at(seconds) };
        let hits = rules.observe(&observation.event);
        correlator.advance(&rules, &observation, &hits.stages).len()
    };
    assert_eq!(observe(&mut correlator, 1, "A", 0), 0);
    assert_eq!(observe(&mut correlator, 1, "B", 1), 0);
    assert_eq!(observe(&mut correlator, 3, "B", 5), 0);
    assert_eq!(correlator.tick(&rules, at(24)).len(), 0, "10 s of window, 15 s for what comes late");
    let told = correlator.tick(&rules, at(26));
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].members[0].event.computer(), "A");
    assert_eq!(correlator.tick(&rules, at(60)).len() + correlator.drain(&rules).len(), 0, "told once");
    // Room is made for other hosts, but what waits is not lost.
    let mut small = Correlator::new(Config { max_keys: 2, ..Config::default() });
    let hosts = ["A", "B", "C", "D"];
    let pushed: usize = hosts.iter().map(|host| observe(&mut small, 1, host, 0)).sum();
    assert_eq!((pushed, small.drain(&rules).len()), (2, 2));
}

#[test]
fn rules_of_other_platforms_and_types_are_no_mistakes() {
    let text = "[rule]\nname = \"n\"\ntype = \"eql\"\nlanguage = \"eql\"\ntags = [\"OS: Linux\"]\nquery = 'process where ==='\n";
    for (text, reason) in [
        (text.to_owned(), "a rule for Linux"),
        (text.replace("\"eql\"\ntags", "\"kuery\"\ntags"), "the language `kuery`"),
        (text.replace("type = \"eql\"", "type = \"threshold\""), "type `threshold`"),
    ] {
        let rules = RuleSet::compile(&[RuleFile { origin: "t.toml".to_owned(), text }], &Mapping::default());
        let problem = &rules.problems()[0];
        assert_eq!(problem.kind, ProblemKind::Other, "{problem}");
        assert!(problem.reason.contains(reason), "{problem}");
        assert_eq!(problem.info.as_ref().map(|info| info.name.as_str()), Some("n"));
    }
    let both = text.replace("\"OS: Linux\"", "\"OS: Linux\", \"OS: Windows\"");
    let rules = RuleSet::compile(&[RuleFile { origin: "t.toml".to_owned(), text: both }], &Mapping::default());
    assert_eq!(rules.problems()[0].kind, ProblemKind::Broken);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn garbage_never_panics(words in proptest::collection::vec(
        proptest::sample::select(vec![
            "process", "where", "any", "sequence", "by", "with", "maxspan", "=", "1s", "runs", "until", "[", "]", "!", "(", ")", "?",
            "a.b", "==", "!=", ":", "<", "in", "not", "and", "or", "like~", "regex", "\"x*\"", "\"(\"", "1", "-", "+", "*", "/", "%", "null",
            "true", "length", "substring", "concat~", ",", "|", "head", "9",
        ]), 0..40)
    ) {
        let text = words.join(" ");
        let _ = rules(&text);
        let _ = rules(&format!("process where {text}"));
        let _ = rules(&format!("sequence [process where {text}] [any where true]"));
    }
}

#[test]
fn depth_is_bounded_everywhere() {
    for (open, close) in [("(", ")"), ("not (", ")"), ("length(", ")"), ("- ", ""), ("((a == 1) or ", ")")] {
        let deep = format!("process where {}a == 1{}", open.repeat(50_000), close.repeat(50_000));
        let rules = rules(&deep);
        assert_eq!(rules.rules().count(), 0, "{open}");
        assert!(rules.problems()[0].reason.contains("nest deeper"), "{open}: {}", rules.problems()[0]);
    }
    let long = format!("process where process.pid{} == 1", " + 1".repeat(200_000));
    assert!(rules(&long).problems()[0].reason.contains("more than 1000 steps"));
    let wide = format!("process where {} true", "not ".repeat(100_000));
    assert_eq!(rules(&wide).problems(), []);
}
