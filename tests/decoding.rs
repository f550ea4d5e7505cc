//! Framing and decoding from the outside: any split of a stream gives the same frames, garbage never panics and never
//! costs a neighbour, and real recordings decode whole in every framing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

use std::io::Read as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use wefwatch::decode::framing::{Framed, Framer, FramerConfig, datagram};
use wefwatch::decode::{Decoded, RejectReason, decode};

const CONFIG: FramerConfig = FramerConfig { max_frame: 256 * 1024 };

fn now() -> DateTime<Utc> {
    wefwatch::event::time::parse("2026-11-24T12:00:00Z").unwrap()
}

/// What came of a frame, for comparison: `1 host record` for an event, the reason's label for a reject.
fn outcome(framed: &Framed<'_>) -> String {
    match framed {
        Framed::Rejected(rejected) => rejected.reason.as_str().to_owned(),
        Framed::Frame(bytes) => match decode(bytes, now()) {
            Ok(Decoded { event, .. }) => {
                format!("{} {} {}", event.event_id(), event.computer(), event.record_id().map_or(0, |id| id.0))
            }
            Err(rejected) => rejected.reason.as_str().to_owned(),
        },
    }
}

fn outcomes_of(config: FramerConfig, chunks: &[&[u8]]) -> Vec<String> {
    let mut framer = Framer::new(config);
    let mut outcomes = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
        while let Some(framed) = framer.next() {
            outcomes.push(outcome(&framed));
        }
    }
    framer.finish();
    while let Some(framed) = framer.next() {
        outcomes.push(outcome(&framed));
    }
    outcomes
}

fn outcomes(bytes: &[u8]) -> Vec<String> {
    outcomes_of(CONFIG, &[bytes])
}

fn event(record: u32, body: &str) -> String {
    format!(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='P'/><EventID>7</EventID>\
         <EventRecordID>{record}</EventRecordID><Channel>C</Channel><Computer>h</Computer></System>{body}</Event>"
    )
}

fn data(value: &str) -> String {
    format!("<EventData><Data Name='a'>{value}</Data></EventData>")
}

#[test]
fn framings() {
    let one = event(1, &data("x"));
    let two = event(2, &data("line\r\nbreak"));
    let counted = |text: &str| format!("{} {text}", text.len());
    let rows: Vec<(&str, String, Vec<&str>)> = vec![
        ("lines", format!("{one}\n{two}\n"), vec!["7 h 1", "7 h 2"]),
        ("no end of line at the end", format!("{one}\r\n{two}"), vec!["7 h 1", "7 h 2"]),
        ("back to back", format!("{one}{two}"), vec!["7 h 1", "7 h 2"]),
        ("NUL", format!("{one}\0{two}\0"), vec!["7 h 1", "7 h 2"]),
        ("3164", format!("<14>Nov 23 01:52:13 ws app: {one}\n<14>Nov 23 01:52:13 ws {two}\n"), vec!["7 h 1", "7 h 2"]),
        ("3164 without host and tag", format!("<14>{one}\n"), vec!["7 h 1"]),
        ("5424 with BOM", format!("<14>1 - ws app - - - \u{feff}{one}\n"), vec!["7 h 1"]),
        (
            "5424 counted",
            counted(&format!("<14>1 - ws app - - - \u{feff}{one}")) + &counted(&format!("<14>1 - - - - - - {two}")),
            vec!["7 h 1", "7 h 2"],
        ),
        ("bare counted", counted(&one) + &counted(&two), vec!["7 h 1", "7 h 2"]),
        ("counted with a line break at its end", counted(&format!("{one}\n")) + &counted(&two), vec!["7 h 1", "7 h 2"]),
        ("two events in one counted frame", counted(&format!("<14>x {one}{two}")), vec!["7 h 1", "7 h 2"]),
        ("a batch", format!("\u{feff}<?xml version='1.0'?>\r\n<Events>\n {one}\n {two}\n</Events>\n"), vec!["7 h 1", "7 h 2"]),
        ("a declaration on its own line", format!("<14>Nov 23 01:52:13 ws app: <?xml version='1.0'?>\r\n{one}\n"), vec!["7 h 1"]),
        (
            "a header, a declaration and an event on a line each",
            format!("<14>Nov 23 01:52:13 ws app:\n<?xml version='1.0'?>\n{one}\n<14>1 - - - - - -\n<EventID>{two}\n"),
            vec!["7 h 1", "not_windows", "7 h 2"],
        ),
        ("JSON", format!("{{\"data\":\"{}\"}}\n{two}\n", one.replace('"', "\\\"")), vec!["7 h 1", "7 h 2"]),
        (
            "JSON objects back to back, in a list, over several lines",
            format!(
                "{{\"data\":\"{one}\"}}{{\"xml\":\"{one}\"}}\n[{{\"data\":\"{one}\"}}, {{\"data\":\"{one}\"}}]\n{{\n \"meta\":{{}},\n \"data\":\"{one}\"\n}}\n{two}"
            ),
            vec!["7 h 1", "7 h 1", "7 h 1", "7 h 1", "7 h 1", "7 h 2"],
        ),
        (
            "JSON that breaks off costs only itself",
            format!("{{\"data\":\"<Event\n{{\"data\":\n<14>x {one}\n{{\"a\":{{\n{{\"data\":\"{one}\"}}\n{{\"b\":\n{two}"),
            vec!["not_windows", "not_windows", "7 h 1", "not_windows", "7 h 1", "not_windows", "7 h 2"],
        ),
        ("a tag with a brace", format!("<14>Nov 23 01:52:13 ws app{{\"x\"}}: {one}\n"), vec!["not_windows", "7 h 1"]),
        ("JSON behind a header", format!("<14>1 - ws app - - - {{\"System\":\"{one}\"}}\n{two}"), vec!["7 h 1", "7 h 2"]),
        ("a line that begins with a digit", format!("2026-11-23T01:52:13Z hello\n{one}\n"), vec!["not_windows", "7 h 1"]),
        ("a count that is none", format!("123 hello\n{one}\n"), vec!["not_windows", "7 h 1"]),
        (
            "foreign lines",
            format!("<14>Nov 23 01:52:13 ws app: hello\n{one}\nLogName=Security\nEventCode=1\n{two}"),
            vec!["not_windows", "7 h 1", "not_windows", "not_windows", "7 h 2"],
        ),
        ("cut by the next line", format!("<14>x {}\n<14>x {two}\n", &one[..200]), vec!["truncated", "7 h 2"]),
        ("cut by the next document", format!("{}{two}\n", &one[..200]), vec!["truncated", "7 h 2"]),
        (
            "cut, a foreign line, an event",
            format!("{}\n<14>x hello\n{two}\n", &one[..200]),
            vec!["truncated", "not_windows", "7 h 2"],
        ),
        ("cut at the end of the stream", format!("{one}\n{}", &two[..200]), vec!["7 h 1", "truncated"]),
        ("counted and cut", counted(&format!("<14>x {}", &one[..200])) + &counted(&two), vec!["truncated", "7 h 2"]),
        ("the end in CDATA is none", event(1, &data("<![CDATA[</Event>]]>")) + &two, vec!["7 h 1", "7 h 2"]),
        ("the start in CDATA is none", event(1, &data("<![CDATA[<Event x>]]>")) + &two, vec!["7 h 1", "7 h 2"]),
        ("blank lines are nothing", format!("\r\n\r\n{one}\n\n\0\n"), vec!["7 h 1"]),
        ("an empty element", format!("<Event xmlns='x'/>\n{one}"), vec!["not_windows", "7 h 1"]),
        (
            "NXLog's own XML",
            format!("<Event><EventTime>x</EventTime><EventID>1</EventID></Event>\n{one}"),
            vec!["not_windows", "7 h 1"],
        ),
        ("a count that no message has", format!("{one}\n99999999999 <14>x {two}\n{one}"), vec!["7 h 1", "7 h 2", "7 h 1"]),
        ("seconds since 1970 before the event", format!("1732456789 {one}\n20261124 {two}\n"), vec!["7 h 1", "7 h 2"]),
        (
            "events within a comment are none",
            event(1, "<!-- </Event><Event > --><EventData/>") + &event(2, &data("<![CDATA[]]>")) + &two,
            vec!["7 h 1", "7 h 2", "7 h 2"],
        ),
        ("cut after a CDATA section", format!("{}{two}\n", &event(1, &data("<![CDATA[x]]>"))[..230]), vec!["truncated", "7 h 2"]),
    ];
    for (name, stream, expected) in rows {
        assert_eq!(outcomes(stream.as_bytes()), expected, "{name}");
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(outcomes_of(CONFIG, &bytes), expected, "{name}, byte by byte");
    }
}

#[test]
fn utf16_streams() {
    let text = format!("{}\r\n{}", event(1, &data("héllo \u{1f600}")), event(2, ""));
    let little: Vec<u8> = [0xfeff_u16].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = [0xfeff_u16].into_iter().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    for bytes in [&little, &big, &little[2..].to_vec()] {
        assert_eq!(outcomes(bytes), ["7 h 1", "7 h 2"]);
        let odd: Vec<&[u8]> = bytes.chunks(3).collect();
        assert_eq!(outcomes_of(CONFIG, &odd), ["7 h 1", "7 h 2"]);
    }
}

#[test]
fn too_long_costs_only_itself() {
    let config = FramerConfig { max_frame: 1024 };
    let long = event(1, &data(&"x".repeat(5000)));
    let short = event(2, "");
    let rows = [
        ("a line", format!("<14>x {}\n{short}\n", "y".repeat(5000)), vec!["oversize", "7 h 2"]),
        ("an event", format!("<14>x {long}\n<14>x {short}\n"), vec!["oversize", "7 h 2"]),
        ("a document", format!("{long}{short}"), vec!["oversize", "7 h 2"]),
        ("counted", format!("{} {long}{} {short}", long.len(), short.len()), vec!["oversize", "7 h 2"]),
        ("an event that is cut as well", format!("<14>x {}\n<14>x {short}\n", &long[..4000]), vec!["oversize", "7 h 2"]),
    ];
    for (name, stream, expected) in rows {
        assert_eq!(outcomes_of(config, &[stream.as_bytes()]), expected, "{name}");
        let chunks: Vec<&[u8]> = stream.as_bytes().chunks(7).collect();
        assert_eq!(outcomes_of(config, &chunks), expected, "{name} in pieces");
    }
    let mut framer = Framer::new(config);
    for _ in 0..10_000 {
        framer.push(&[b'x'; 1024]);
        while framer.next().is_some() {}
        assert!(framer.held() <= 4 * 1024, "a line without end is not kept");
    }
    for start in ["<14>x:\n", "{\n", "{\"a\":\n", "<14>x {\n", "<14>x:\n<?xml?>\n"] {
        let mut framer = Framer::new(config);
        framer.push(start.as_bytes());
        for _ in 0..100 {
            framer.push(&[b' '; 1024]);
            while framer.next().is_some() {}
            assert!(framer.held() <= 4 * 1024, "blanks without end behind {start:?} are not kept");
        }
    }
}

#[test]
fn waiting_ends() {
    let one = event(1, "");
    let mut framer = Framer::new(CONFIG);
    framer.push(&one.as_bytes()[..100]);
    assert!(framer.next().is_none() && framer.is_waiting());
    let given_up = framer.give_up_waiting();
    assert_eq!(given_up.iter().map(outcome).collect::<Vec<_>>(), ["truncated"]);
    framer.push(one.as_bytes());
    assert_eq!(framer.next().map(|framed| outcome(&framed)).as_deref(), Some("7 h 1"));
}

#[test]
fn datagrams() {
    let (one, two) = (event(1, ""), event(2, ""));
    let rows = [
        (format!("<14>Nov 23 01:52:13 ws app: {one}"), vec!["7 h 1"]),
        (format!("{one}{two}\n"), vec!["7 h 1", "7 h 2"]),
        (format!("<14>x hello\nworld {}", 1), vec!["not_windows"]),
        (one[..200].to_owned(), vec!["truncated"]),
        (format!("<14>x {{\"data\":\"{one}\"}}"), vec!["7 h 1"]),
        (format!("[{{\"data\":\"{one}\"}},{{\"data\":\"{two}\"}}]"), vec!["7 h 1", "7 h 2"]),
        (format!("{{\n\"data\":\"{one}\"\n}}"), vec!["7 h 1"]),
        (String::new(), vec![]),
    ];
    for (bytes, expected) in rows {
        let framed = datagram(bytes.as_bytes(), CONFIG);
        assert_eq!(framed.iter().map(outcome).collect::<Vec<_>>(), expected, "{bytes}");
    }
}

#[test]
fn values() {
    let read = |body: &str| decode(event(1, body).as_bytes(), now()).map(|decoded| decoded.event);
    let value = |body: &str| read(body).unwrap().get("a").map(str::to_owned);
    let rows: Vec<(&str, String, Option<&str>)> = vec![
        ("entities are joined", data("x &amp; y &lt;z&gt; &quot;&apos;"), Some("x & y <z> \"'")),
        ("numeric references", data("a&#13;&#10;&#x9;b"), Some("a\r\n\tb")),
        ("white space stays", data("  x & y ".replace('&', "&amp;").as_str()), Some("  x & y ")),
        ("CDATA", data("1<![CDATA[<&>]]>2"), Some("1<&>2")),
        ("empty", data(""), Some("")),
        ("empty element", "<EventData><Data Name='a'/></EventData>".to_owned(), Some("")),
        ("dash", data("-"), Some("-")),
        ("absent", "<EventData></EventData>".to_owned(), None),
        ("blank before the equals sign", "<EventData><Data Name ='a'>x</Data></EventData>".to_owned(), Some("x")),
        ("double quotes", "<EventData><Data Name=\"a\">x</Data></EventData>".to_owned(), Some("x")),
        ("escape as reference", data("\u{1}a&#27;b&#x1b;"), Some("\u{fffd}a\u{fffd}b\u{fffd}")),
        ("comment inside", data("x<!-- no -->y"), Some("xy")),
        (
            "rendering info before",
            format!("<RenderingInfo Culture='en-US'><Message>a: no</Message></RenderingInfo>{}", data("x")),
            Some("x"),
        ),
        ("user data", "<UserData><EventXML xmlns='Event_NS'><a>x</a></EventXML></UserData>".to_owned(), Some("x")),
        ("prefixes", "<e:EventData><e:Data Name='a'>x</e:Data></e:EventData>".to_owned(), Some("x")),
        ("C1 and bidi stay for the screen to show", data("\u{9b}\u{202e}"), Some("\u{9b}\u{202e}")),
    ];
    for (name, body, expected) in rows {
        assert_eq!(value(&body).as_deref(), expected, "{name}");
    }
    let unnamed = read("<EventData><Data>one</Data><Data></Data><Binary>00</Binary></EventData>").unwrap();
    assert_eq!(unnamed.data().collect::<Vec<_>>(), [(None, "one"), (None, ""), (Some("Binary"), "00")]);
    let system_only = read("").unwrap();
    assert_eq!(system_only.data().count(), 0);
}

#[test]
fn refused() {
    let ok = event(1, "");
    let reason = |bytes: &[u8]| decode(bytes, now()).map(|_| ()).map_err(|rejected| rejected.reason);
    let rows: Vec<(&str, Vec<u8>, RejectReason)> = vec![
        ("document type", format!("<!DOCTYPE x [<!ENTITY a 'b'>]>{ok}").into(), RejectReason::BadXml),
        ("document type inside", ok.replace("<System>", "<!DOCTYPE x><System>").into(), RejectReason::BadXml),
        ("unknown entity", event(1, &data("&xxe;")).into(), RejectReason::BadXml),
        ("mismatched tag", ok.replace("</System>", "</Sistem>").into(), RejectReason::BadXml),
        ("no event id", ok.replace("<EventID>7</EventID>", "").into(), RejectReason::BadXml),
        ("not UTF-8", [ok.replace("</Event>", "").as_bytes(), b"<a>\xff\xfe</a></Event>"].concat(), RejectReason::BadUtf8),
        ("a host name without end", ok.replace(">h<", &format!(">{}<", "h".repeat(300))).into(), RejectReason::BadXml),
        ("deep", event(1, &("<a>".repeat(100) + &"</a>".repeat(100))).into(), RejectReason::BadXml),
        ("many", event(1, &format!("<EventData>{}</EventData>", "<Data>x</Data>".repeat(5000))).into(), RejectReason::BadXml),
        ("plain text", b"hello".to_vec(), RejectReason::NotWindows),
        ("other JSON", b"{\"event\":\"login\"}".to_vec(), RejectReason::NotWindows),
        ("cut", ok[..ok.len() - 8].into(), RejectReason::Truncated),
    ];
    for (name, bytes, expected) in rows {
        assert_eq!(reason(&bytes), Err(expected), "{name}");
    }
}

#[test]
fn system_fields() {
    let xml = "<Event><System><Computer> WS-1 </Computer><Channel/><EventRecordID>5</EventRecordID><Security UserID='S-1'/>\
               <Execution ProcessID='584' ThreadID='3076' ProcessorID='1'/><TimeCreated SystemTime='2020-09-20T21:09:10.5Z'/>\
               <EventID Qualifiers='32768'>6009</EventID><Provider Guid='{0}'/><Keywords>0x80</Keywords></System></Event>";
    let event = decode(xml.as_bytes(), now()).unwrap().event;
    assert_eq!((event.event_id().0, event.computer(), event.host().as_str(), event.channel()), (6009, "WS-1", "ws-1", ""));
    assert_eq!(event.system().qualifiers, Some(32768));
    assert_eq!(event.system().process_id, Some(584));
    assert_eq!(event.system().time_created, wefwatch::event::time::parse("2020-09-20T21:09:10.5Z"));
    assert_eq!(event.provider(), "");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_gives_the_same_frames(cuts in prop::collection::vec(0_usize..6000, 0..12), limit in prop::sample::select(vec![1024_usize, 256 * 1024])) {
        let stream = mixed_stream();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
        cuts.sort_unstable();
        let mut chunks = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().chain([stream.len()]) {
            chunks.push(&stream[from..cut]);
            from = cut;
        }
        let config = FramerConfig { max_frame: limit };
        prop_assert_eq!(outcomes_of(config, &chunks), outcomes_of(config, &[&stream]));
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(prop::sample::select(pieces()), 0..60), size in 1_usize..40) {
        let stream = bytes.concat();
        let chunks: Vec<&[u8]> = stream.chunks(size).collect();
        let config = FramerConfig { max_frame: 1024 };
        prop_assert_eq!(outcomes_of(config, &chunks), outcomes_of(config, &[&stream]));
        drop(datagram(&stream, config));
        drop(decode(&stream, now()));
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        outcomes(&bytes);
        drop(datagram(&bytes, CONFIG));
        drop(decode(&bytes, now()));
    }
}

fn mixed_stream() -> Vec<u8> {
    let one = event(1, &data("x"));
    let long = event(9, &data(&"z".repeat(1500)));
    let counted = format!("<14>1 - ws app - - - {one}");
    let mut stream = format!("{one}\n<14>Nov 23 01:52:13 ws app: {one}\r\n{} {counted}hello\n{long}\n", counted.len());
    stream.push_str(&format!(
        "{{\"data\":\"{one}\"}}\n<Events>{one}{one}</Events>\n{}\n<14>x {one}\n\0{}",
        &one[..150],
        &one[..99]
    ));
    stream.into_bytes()
}

fn pieces() -> Vec<Vec<u8>> {
    let whole = event(3, &data("v"));
    let texts = [
        "<Event",
        "<Event>",
        "</Event>",
        "<Events>",
        "</Events>",
        "<EventID>",
        "\n",
        "\r\n",
        "\0",
        " ",
        "1",
        "12 ",
        "9999999 <",
        "<14>",
        "<14>1 - - - - - - ",
        "{\"data\":\"",
        "\"}",
        "{",
        "{\"a\":",
        ",",
        "]",
        "[",
        "}",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?xml",
        "?>",
        "\u{feff}",
        "\u{1b}",
        "é",
        ":",
        "<System>",
        "</System>",
        "&amp;",
        "&x;",
        "<!DOCTYPE",
        "'",
        "\"",
        "=",
    ];
    let mut pieces: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    pieces.push(whole.clone().into_bytes());
    pieces.push(format!("{} {whole}", whole.len()).into_bytes());
    pieces.push(vec![0xff]);
    pieces.push(vec![0xc3]);
    pieces
}

fn recordings() -> Vec<(PathBuf, usize)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let Ok(truth) = std::fs::read_to_string(folder.join("truth.json")) else { return Vec::new() };
    let truth: serde_json::Value = serde_json::from_str(&truth).unwrap();
    let datasets = truth["datasets"].as_object().unwrap();
    let count = |set: &serde_json::Value| usize::try_from(set["counts"]["events"].as_u64().unwrap()).unwrap();
    datasets.values().map(|set| (folder.join(set["file"].as_str().unwrap()), count(set))).collect()
}

/// Every event of the real recordings decodes, as a line and back to back with line breaks between its elements.
#[test]
fn recordings_decode_whole() {
    for (path, events) in recordings() {
        let mut bytes = std::fs::read(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "gz") {
            let mut text = Vec::new();
            flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut text).unwrap();
            bytes = text;
        }
        let as_lines = outcomes(&bytes);
        assert_eq!(as_lines.len(), events, "{}", path.display());
        let rejected: Vec<&String> = as_lines.iter().filter(|outcome| !outcome.contains(' ')).collect();
        assert_eq!(rejected, Vec::<&String>::new(), "{}", path.display());
        let pretty = String::from_utf8(bytes)
            .unwrap()
            .replace("</System><", "</System>\r\n  <")
            .replace("</Data><", "</Data>\n<")
            .replace("</Event>\n", "</Event>");
        let chunks: Vec<&[u8]> = pretty.as_bytes().chunks(4096).collect();
        assert_eq!(outcomes_of(CONFIG, &chunks), as_lines, "{}", path.display());
    }
}
