//! The Sigma front end: rule files in the Sigma specification 2.1 format become predicates. The YAML and the condition
//! grammar are read by `rsigma-parser`; what a detection item *means* is decided here (text compares without case, `*` and
//! `?` are wildcards, a number equals its text, null is an absent field, a list means any of, `|all` all of).

mod condition;
mod document;
mod encode;
mod info;
mod item;
pub mod link;
mod locate;
mod refused;
mod regular;
mod schema;
mod wanted;

use std::collections::BTreeMap;
use std::sync::Arc;

use rsigma_parser::{Detections, SigmaRule, parse_sigma_yaml};

use crate::alert::RuleInfo;
use crate::detect::ecs::Mapping;
use crate::detect::predicate::{Expr, Predicates};
use crate::detect::route::{NoRoute, Route};
use crate::detect::rule::{Logic, Rule};
use crate::detect::sigma::condition::resolve;
use crate::detect::sigma::document::Document;
use crate::detect::sigma::info::info;
use crate::detect::sigma::item::Items;
use crate::detect::sigma::link::{Pending, Place};
use crate::detect::sigma::locate::{in_one_line, locate, shifted};
use crate::detect::sigma::refused::Refused;
use crate::detect::{RuleFile, RuleProblem, load};

/// Reads all rules of a file and compiles them. A file can hold several documents; each that cannot run is a problem of its
/// own and the rest run. Filters and correlations wait in `pending` until all files are read.
pub fn compile(
    file: &RuleFile,
    mapping: &Mapping,
    predicates: &mut Predicates,
    pending: &mut Pending,
) -> (Vec<Rule>, Vec<RuleProblem>) {
    let mut reader = Reader { file, mapping, predicates, pending, rules: Vec::new(), problems: Vec::new(), title: None };
    let documents = document::split(&file.text);
    if documents.is_empty() {
        reader.refuse(Document { text: "", lines_before: 0 }, None, "the file holds no Sigma rule".into());
    }
    // What such a document says belongs to all others of the file, so that none of them means what it seems to.
    let acts = |document: &&Document<'_>| document.text.lines().any(|line| line.starts_with("action:"));
    if let Some(document) = documents.iter().find(acts) {
        let reason = "`action` documents (global, reset, repeat) are of Sigma 1; write every rule of the file in full";
        reader.refuse(*document, None, reason.into());
        return (reader.rules, reader.problems);
    }
    for document in documents {
        if let Err(refused) = reader.document(document) {
            reader.refuse(document, None, refused);
        }
    }
    (reader.rules, reader.problems)
}

/// Reads one file.
struct Reader<'a> {
    file: &'a RuleFile,
    mapping: &'a Mapping,
    predicates: &'a mut Predicates,
    pending: &'a mut Pending,
    rules: Vec<Rule>,
    problems: Vec<RuleProblem>,
    /// The title of the document that is being read, where it got that far.
    title: Option<String>,
}

impl Reader<'_> {
    fn document(&mut self, document: Document<'_>) -> Result<(), Refused> {
        self.title = None;
        let value = document::read(document, &mut self.title)?;
        let has = |key: &str| value.get(key).is_some();
        if !["title", "logsource", "detection", "correlation", "filter"].into_iter().any(has) {
            return Err(Refused::other("the document is no Sigma rule, filter or correlation"));
        }
        let mut collection = parse_sigma_yaml(document.text).map_err(|error| in_one_line(&error.to_string()))?;
        if let Some(rule) = collection.correlations.pop() {
            let info = info(&rule, self.file);
            let has_condition = value.get("correlation").is_some_and(|correlation| correlation.get("condition").is_some());
            let fingerprint = load::fingerprint(document.text, &info.id);
            self.pending.correlate(rule, has_condition, info, fingerprint, self.place(document, "correlation"));
            return Ok(());
        }
        if let Some(rule) = collection.filters.pop() {
            let condition = condition_of(&rule.detection, self.predicates)?;
            self.pending.filter(rule, condition, self.place(document, "filter"));
            return Ok(());
        }
        // A complaint about `status` or `related` changes nothing in what the rule means.
        let Some(rule) = collection.rules.first() else {
            return Err(in_one_line(&collection.errors.join("; ")).into());
        };
        let info = Arc::new(info(rule, self.file));
        match self.rule(rule, document, info.clone()) {
            Ok(compiled) => {
                self.pending.name(rule, &compiled.info.id);
                self.rules.push(compiled);
            }
            Err(refused) => self.refuse(document, Some(info), refused),
        }
        Ok(())
    }

    /// The line of a key at the beginning of a line.
    fn place(&self, document: Document<'_>, key: &str) -> Place {
        let line = document.text.lines().position(|line| line.starts_with(key));
        Place { origin: self.file.origin.clone(), line: line.map(|line| line + document.lines_before + 1) }
    }

    fn refuse(&mut self, document: Document<'_>, info: Option<Arc<RuleInfo>>, refused: Refused) {
        let (line, column) = locate(document.text, &refused.reason);
        self.problems.push(RuleProblem {
            origin: self.file.origin.clone(),
            line: line.map(|line| line + document.lines_before),
            column,
            rule: info.as_ref().map(|info| info.name.clone()).or_else(|| self.title.clone()),
            reason: if refused.reason.starts_with("YAML") {
                shifted(&refused.reason, document.lines_before)
            } else {
                refused.reason
            },
            kind: refused.kind,
            info,
        });
    }

    fn rule(&mut self, rule: &SigmaRule, document: Document<'_>, info: Arc<RuleInfo>) -> Result<Rule, Refused> {
        let source = &rule.logsource;
        let (category, product, service) = (source.category.as_deref(), source.product.as_deref(), source.service.as_deref());
        let route = Route::of_logsource(category, product, service, self.mapping).map_err(|no_route| match no_route {
            NoRoute::Elsewhere(reason) => Refused::other(reason),
            NoRoute::Unknown(reason) => Refused::impossible(reason),
        })?;
        if rule.detection.timeframe.is_some() {
            return Err(Refused::other("`timeframe` (an aggregation of Sigma 1) is not run here; write a correlation document"));
        }
        let condition = condition_of(&rule.detection, self.predicates)?;
        let verdict = schema::verdict(&route, &condition, self.predicates);
        if verdict.is_impossible {
            return Err(Refused::impossible(format!("it can never match: {}", verdict.limits.join("; "))));
        }
        Ok(Rule {
            fingerprint: load::fingerprint(document.text, &info.id),
            info,
            logic: Logic::Single { route, condition },
            head: None,
            limits: verdict.limits,
        })
    }
}

/// The condition of a detection section over its named detections.
fn condition_of(detections: &Detections, predicates: &mut Predicates) -> Result<Expr, Refused> {
    let mut items = Items::new(predicates);
    let mut named = BTreeMap::new();
    for (name, detection) in &detections.named {
        named.insert(name.as_str(), items.detection(detection).map_err(|refused| refused.within(name))?);
    }
    let conditions = detections.conditions.iter().map(|condition| resolve(condition, &named));
    match conditions.collect::<Result<Vec<Expr>, String>>()?.as_slice() {
        [] => Err("the rule has no condition".into()),
        [only] => Ok(only.clone()),
        several => Ok(Expr::Or(several.to_vec())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{ProblemKind, RuleSet};
    use crate::event::WindowsEvent;
    use crate::event::testing::{event, sysmon};

    fn rules(logsource: &str, detection: &str) -> RuleSet {
        let text =
            format!("title: t\nid: x\nlogsource:\n  product: windows\n  {logsource}\ndetection:\n{detection}\nlevel: high\n");
        RuleSet::compile(&[RuleFile { origin: "t.yml".to_owned(), text }], &Mapping::default())
    }

    fn fires(detection: &str, event: &WindowsEvent) -> bool {
        let rules = rules("category: process_creation", detection);
        assert_eq!(rules.problems(), [], "{detection}");
        !rules.observe(event).rules.is_empty()
    }

    #[test]
    fn detection_items() {
        let event = sysmon(
            1,
            "A",
            1,
            &[
                ("Image", r"C:\Windows\System32\WHOAMI.exe"),
                ("CommandLine", "whoami /all \\\\srv\nsecond*line"),
                ("ProcessId", "5985"),
                ("FileVersion", ""),
                ("Product", "-"),
                ("User", "NT-AUTORITÄT\\NETZWERKDIENST"),
                ("ParentImage", r"C:\Windows\System32\whoami.exe"),
            ],
        );
        let rows = [
            ("number equals its text", "  s: {ProcessId: 5985}\n  condition: s", true),
            ("text equals without case", "  s: {Image: 'c:\\windows\\system32\\whoami.exe'}\n  condition: s", true),
            ("cased", "  s: {Image|endswith|cased: 'whoami.exe'}\n  condition: s", false),
            ("endswith", "  s: {Image|endswith: '\\Whoami.exe'}\n  condition: s", true),
            ("startswith with a wildcard inside", "  s: {Image|startswith: 'c:\\\\*\\system'}\n  condition: s", true),
            ("contains over a line break", "  s: {CommandLine|contains: 'whoami*second'}\n  condition: s", true),
            ("escaped wildcard", "  s: {CommandLine|contains: 'second\\*line'}\n  condition: s", true),
            ("escaped wildcard is literal", "  s: {CommandLine|contains: 'sec\\*line'}\n  condition: s", false),
            ("backslashes", "  s: {CommandLine|contains: '\\\\\\\\srv'}\n  condition: s", true),
            ("contains all", "  s: {CommandLine|contains|all: [whoami, '/ALL']}\n  condition: s", true),
            ("contains all, one missing", "  s: {CommandLine|contains|all: [whoami, nothing]}\n  condition: s", false),
            ("null is absent", "  s: {Hashes: null}\n  condition: s", true),
            ("null is not empty", "  s: {FileVersion: null}\n  condition: s", false),
            ("empty is empty", "  s: {FileVersion: ''}\n  condition: s", true),
            ("dash is dash", "  s: {Product: '-'}\n  condition: s", true),
            ("null in a list", "  s: {Hashes: [null, x]}\n  condition: s", true),
            ("letters beyond ASCII fold", "  s: {User|startswith: 'nt-autorität'}\n  condition: s", true),
            ("not of an absent field", "  s: {ProcessId: 5985}\n  f: {Hashes: x}\n  condition: s and not f", true),
            ("regex is case-sensitive", "  s: {Image|re: 'whoami'}\n  condition: s", false),
            ("regex with flag", "  s: {Image|re|i: 'who.mi'}\n  condition: s", true),
            ("greater", "  s: {ProcessId|gt: 5984}\n  condition: s", true),
            ("exists", "  s: {FileVersion|exists: true}\n  condition: s", true),
            ("fieldref", "  s: {Image|fieldref: ParentImage}\n  condition: s", true),
            ("neq", "  s: {ProcessId|neq: 1}\n  condition: s", true),
            ("keyword is a substring", "  s: [system32, nothing]\n  condition: s", true),
            ("a list of maps is an or", "  s:\n    - ProcessId: 1\n    - ProcessId: 5985\n  condition: s", true),
            ("1 of pattern", "  s_a: {ProcessId: 1}\n  s_b: {ProcessId: 5985}\n  condition: 1 of s_*", true),
            ("all of pattern", "  s_a: {ProcessId: 1}\n  s_b: {ProcessId: 5985}\n  condition: all of s_*", false),
            ("them leaves out underscores", "  _a: {ProcessId: 5985}\n  b: {ProcessId: 1}\n  condition: 1 of them", false),
            ("a number in quotes equals, too", "  s: {ProcessId: '5985'}\n  condition: s", true),
            ("a number with a leading zero is another text", "  s: {ProcessId: '05985'}\n  condition: s", false),
            ("endswith with a wildcard inside", "  s: {Image|endswith: 'sys*32\\whoami.exe'}\n  condition: s", true),
            ("endswith is no startswith", "  s: {Image|endswith: 'C:\\Windows*'}\n  condition: s", true),
            ("a star gives ground", "  s: {Image|endswith: '*i?exe'}\n  condition: s", true),
            ("a question mark is one character", "  s: {Image|endswith: '*whoam?exe'}\n  condition: s", false),
            ("two backslashes and a wildcard", "  s: {CommandLine|contains: '\\\\\\\\*line'}\n  condition: s", true),
            ("backslash before a plain letter stays", "  s: {Image|contains: '\\System32'}\n  condition: s", true),
            ("a backslash and an escaped wildcard", "  s: {CommandLine|contains: '\\\\\\*'}\n  condition: s", false),
            ("windash", "  s: {CommandLine|contains|windash: 'whoami -all'}\n  condition: s", true),
            ("windash at word starts only", "  s: {CommandLine|contains|windash: 'i -a'}\n  condition: s", true),
            ("cased equality", "  s: {Product|cased: '-'}\n  condition: s", true),
            ("star is any value that is there", "  s: {FileVersion: '*'}\n  condition: s", true),
            ("star is no absent field", "  s: {Hashes: '*'}\n  condition: s", false),
            ("contains nothing is any value", "  s: {FileVersion|contains: ''}\n  condition: s", true),
            ("fieldref folds case", "  s: {ParentImage|fieldref: Image}\n  condition: s", true),
            ("fieldref cased", "  s: {ParentImage|fieldref|cased: Image}\n  condition: s", false),
            ("fieldref endswith", "  s: {CommandLine|fieldref|endswith: Product}\n  condition: s", false),
            ("fieldref contains", "  s: {Image|fieldref|contains: FileVersion}\n  condition: s", true),
            ("fieldref startswith", "  s: {Image|fieldref|startswith: ParentImage}\n  condition: s", true),
            ("neq of an absent field", "  s: {Hashes|neq: x}\n  condition: s", true),
            ("neq of a list is none of", "  s: {ProcessId|neq: [1, 5985]}\n  condition: s", false),
            ("contains neq", "  s: {Image|contains|neq: whoami}\n  condition: s", false),
            ("less", "  s: {ProcessId|lt: 5985}\n  condition: s", false),
            ("less or equal", "  s: {ProcessId|lte: 5985}\n  condition: s", true),
            ("not exists", "  s: {FileVersion|exists: false}\n  condition: s", false),
            ("exists is no null", "  s: {Hashes|exists: false}\n  condition: s", true),
            ("keyword is folded", "  s: ['WHOAMI /ALL']\n  condition: s", true),
            ("a single keyword", "  s: 'whoami /all'\n  condition: s", true),
            ("keyword of a wildcard", "  s: ['who*second']\n  condition: s", true),
            ("keyword number", "  s: [598]\n  condition: s", true),
            ("keywords all", "  s: {'|all': [whoami, '-', 5985]}\n  condition: s", true),
            ("keywords all, one missing", "  s: {'|all': [whoami, nothing]}\n  condition: s", false),
            ("keyword regex", "  s: {'|re': 'who.mi\\s'}\n  condition: s", true),
            ("any of them", "  s: {ProcessId: 5985}\n  condition: any of them", true),
            ("pattern means underscores too", "  _a: {ProcessId: 5985}\n  condition: 1 of _*", true),
            ("pattern covers the whole name", "  s_a: {ProcessId: 5985}\n  sx: {ProcessId: 1}\n  condition: all of s_*", true),
            ("two conditions are an or", "  a: {ProcessId: 1}\n  b: {ProcessId: 5985}\n  condition: [a, b]", true),
            (
                "a name that begins like a word",
                "  and_a: {ProcessId: 5985}\n  not_b: {ProcessId: 1}\n  condition: and_a and not not_b",
                true,
            ),
            ("regex over a line break", "  s: {CommandLine|re: 'srv.second'}\n  condition: s", false),
            ("regex with s", "  s: {CommandLine|re|s: 'srv.second'}\n  condition: s", true),
            ("regex with m", "  s: {CommandLine|re|m: '^second'}\n  condition: s", true),
            ("regex all", "  s: {CommandLine|re|all: ['^whoami', 'line$']}\n  condition: s", true),
            ("regex keeps backslashes", "  s: {Image|re: '\\\\System32\\\\'}\n  condition: s", true),
            ("precedence", "  a: {ProcessId: 5985}\n  b: {ProcessId: 1}\n  condition: a or b and not a", true),
        ];
        for (name, detection, expected) in rows {
            assert_eq!(fires(detection, &event), expected, "{name}");
        }
    }

    #[test]
    fn wildcards_and_escapes() {
        // Values as they stand in YAML's single quotes.
        let rows = [
            ("", r"\\\\*\\*\\*", r"\\srv\share\file", true),
            ("", r"\\\\*\\*\\*", r"\\srv\share", false),
            ("|startswith", r"\\\\\?\\GLOBALROOT", r"\\?\GLOBALROOT\Device", true),
            ("|startswith", r"\\\\\?\\GLOBALROOT", r"\\x\GLOBALROOT\Device", false),
            ("|startswith", r"\\\\?\\GLOBALROOT", r"\\x\GLOBALROOT\Device", true),
            ("|contains", r"(objectclass=\*)", "x (objectClass=*) y", true),
            ("|contains", r"(objectclass=\*)", "x (objectClass=user) y", false),
            ("|contains", "(domainSid=*)", "x (domainSid=S-1) y", true),
            ("", r"C:\Windows\*", r"C:\Windows*", true),
            ("", r"C:\Windows\*", r"C:\Windows\x", false),
            ("", r"C:\Windows\\*", r"C:\Windows\x", true),
            ("", r"C:\Windows\", r"C:\Windows\", true),
            ("|endswith", r"\", r"C:\Windows\", true),
            ("|endswith", r"*\cmd.exe", r"C:\cmd.exe", true),
            ("|endswith", "b*c", "a\nb\nc", true),
            ("|endswith", "b*c", "a\nb\nc\n", false),
            ("|startswith", "a*b", "a\nb\nc", true),
            ("|startswith", "b*c", "a\nb\nc", false),
            ("|contains", "a?c", "xa\ncx", true),
            ("", "*a?", "xaab", true),
            ("", "*a?", "xaa", true),
            ("", "*a?", "xba", false),
            ("", "a*b*a", "aba", true),
            ("", "a*b*a", "aa", false),
            ("|contains", "0200????C0A8", "x02000050c0a8y", true),
            ("|cased|contains", "ÄB", "xÄBx", true),
            ("|cased|contains", "ÄB", "xäbx", false),
            ("|contains", "ÄB", "xäbx", true),
            ("", "İ", "i\u{307}", true),
            ("", "''quoted''", "'quoted'", true),
        ];
        for (modifiers, pattern, value, expected) in rows {
            let event = sysmon(1, "A", 1, &[("CommandLine", value)]);
            let detection = format!("  s:\n    CommandLine{modifiers}: '{pattern}'\n  condition: s");
            assert_eq!(fires(&detection, &event), expected, "{modifiers} {pattern} {value}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, cases: 200, ..Default::default() })]

        /// Whatever stands in a rule file: it runs or is a problem.
        #[test]
        fn garbage_harms_nothing(garbage in "[ -~\n\u{e4}]{0,40}", at in 0_usize..200, cut in 0_usize..20) {
            let rule = "title: t\nlogsource: {product: windows}\ndetection:\n  s:\n    Image|endswith|windash: ['-a', null]\n    \
                        B|re: 'x{1,2}[a-z]'\n  k: [a, 1]\n  condition: 1 of s* or (not k)\nlevel: high\n";
            let text = format!("{}{garbage}{}", &rule[..at.min(rule.len())], &rule[(at + cut).min(rule.len())..]);
            let rules = RuleSet::compile(&[RuleFile { origin: "t.yml".to_owned(), text }], &Mapping::default());
            let event = sysmon(1, "A", 1, &[("Image", "-a"), ("B", "xxa")]);
            rules.observe(&event);
            proptest::prop_assert!(rules.rules().count() + rules.problems().len() > 0);
        }
    }

    #[test]
    fn lists_and_encodings_in_events() {
        let event = event(
            "Application",
            "x",
            1,
            "A",
            1,
            &[
                ("", "one"),
                ("", "xp_cmdshell"),
                ("Ip", "10.1.2.3"),
                ("Ip6", "::1"),
                ("Code", "aGVsbG8gcG93ZXJzaGVsbA=="),
                ("Wide", "cABvAHcAZQByAA=="),
                ("Flag", "true"),
            ],
        );
        let rows = [
            ("  s: {Data|contains: XP_}\n  condition: s", true),
            ("  s: {Data: [two, one]}\n  condition: s", true),
            ("  s: {Data|contains|all: [xp_, one]}\n  condition: s", true),
            ("  s: {Data|contains: xp_}\n  f: {Data: one}\n  condition: s and not f", false),
            ("  s: {Data: null}\n  condition: s", false),
            ("  s: {Ip|cidr: [192.168.0.0/16, 10.0.0.0/8]}\n  condition: s", true),
            ("  s: {Ip6|cidr: '::1/128'}\n  condition: s", true),
            ("  s: {Ip|cidr: '::1/128'}\n  condition: s", false),
            ("  s: {Code|cidr: 0.0.0.0/0}\n  condition: s", false),
            ("  s: {Code|base64offset|contains: PowerShell}\n  condition: s", false),
            ("  s: {Code|base64offset|contains: powershell}\n  condition: s", true),
            ("  s: {Wide|wide|base64offset|contains: power}\n  condition: s", true),
            ("  s: {Wide|utf16le|base64offset|contains: power}\n  condition: s", true),
            ("  s: {Flag: true}\n  condition: s", true),
            ("  s: {Flag|gt: 0}\n  condition: s", false),
            ("  s: {EventID: 1, Provider_Name: X, Channel: application}\n  condition: s", true),
        ];
        for (detection, expected) in rows {
            let rules = rules("service: application", detection);
            assert_eq!(rules.problems(), [], "{detection}");
            assert_eq!(!rules.observe(&event).rules.is_empty(), expected, "{detection}");
        }
    }

    #[test]
    fn routes() {
        let detection = "  s: {EventID: 4104}\n  condition: s";
        let script = event("microsoft-windows-powershell/operational", "Microsoft-Windows-PowerShell", 4104, "A", 1, &[]);
        let other = event("Security", "Microsoft-Windows-Security-Auditing", 4104, "A", 1, &[]);
        let set = rules("service: powershell", detection);
        assert_eq!(set.observe(&script).rules.len(), 1, "channel names compare without case");
        assert_eq!(set.observe(&other).rules.len(), 0);
        let defender = event("Microsoft-Windows-Windows Defender/Operational", "x", 1119, "A", 1, &[("Threat Name", "RedSun")]);
        assert_eq!(rules("service: windefend", "  s: {ThreatName: redsun}\n  condition: s").observe(&defender).rules.len(), 1);
        let list = event("Application", "x", 1, "A", 1, &[("", "one"), ("", "xp_cmdshell")]);
        assert_eq!(rules("service: application", "  s: {Data|contains: XP_}\n  condition: s").observe(&list).rules.len(), 1);
    }

    #[test]
    fn process_creations_of_the_security_log() {
        let text = "title: t\nlogsource: {product: windows, category: process_creation}\ndetection:\n  \
                    s: {Image|endswith: '\\a.exe', ParentImage|endswith: '\\b.exe', User|contains: doe}\n  condition: s\n";
        let created = [
            ("NewProcessName", "C:\\a.exe"),
            ("ParentProcessName", "C:\\b.exe"),
            ("SubjectUserName", "jdoe"),
            ("SubjectDomainName", "CORP"),
        ];
        let created = event("Security", "Microsoft-Windows-Security-Auditing", 4688, "A", 1, &created);
        let sysmon = sysmon(1, "A", 1, &[("Image", "C:\\a.exe"), ("ParentImage", "C:\\b.exe"), ("User", "CORP\\jdoe")]);
        for security_4688 in [false, true] {
            let mapping = Mapping { security_4688, ..Mapping::default() };
            let rules = RuleSet::compile(&[RuleFile { origin: "t.yml".to_owned(), text: text.to_owned() }], &mapping);
            assert_eq!(rules.observe(&created).rules.len(), usize::from(security_4688));
            assert_eq!(rules.observe(&sysmon).rules.len(), 1);
        }
    }

    #[test]
    fn refused_with_line_and_reason() {
        let rows = [
            ("  s: {Image|sounds: x}\n  condition: s", Some(7), "sounds"),
            ("  s: {Image: x}\n  condition: s and t", Some(8), "`t`"),
            ("  s: {Image|re: '(?=x)'}\n  condition: s", None, "look-around"),
            ("  s: {Image|contains|base64: x}\n  condition: s", Some(7), "base64"),
            ("  s: {Image|re|cidr: x}\n  condition: s", None, "does not go with"),
            ("  s: {Image|i: x}\n  condition: s", None, "needs `re`"),
            ("  s: {ProcessId|gt: x}\n  condition: s", None, "not a number"),
            ("  s: {Image|cidr: 10.0.0.0/33}\n  condition: s", None, "not a network"),
            ("  s: {Image|exists: maybe}\n  condition: s", None, "true or false"),
            ("  s: {UtcTime|hour: 3}\n  condition: s", None, "parts of a time"),
            ("  s: {Image: []}\n  condition: s", None, "empty list"),
            ("  s: {Image: {x: y}}\n  condition: s", Some(7), "a value is"),
            ("  s: {Image: x}\n  condition: 2 of s*", None, "not supported"),
            ("  s: {Image: x}\n  condition: s | count() > 5", Some(8), "Sigma 1"),
            ("  s: {Image: x}\n  s: {Image: y}\n  condition: s", None, "duplicate"),
            ("  s: {Image: x}\n  condition: 1 of t*", None, "selects nothing"),
            ("  s: {Image: x\n  condition: s", Some(8), "YAML"),
        ];
        for (detection, line, reason) in rows {
            let rules = rules("category: process_creation", detection);
            let problem = rules.problems().first().unwrap_or_else(|| panic!("{detection} was taken"));
            assert!(problem.reason.contains(reason), "{problem}");
            if line.is_some() {
                assert_eq!(problem.line, line, "{problem}");
            }
            assert_eq!(problem.kind, ProblemKind::Broken);
        }
    }

    fn problem(text: &str) -> RuleProblem {
        let rules = RuleSet::compile(&[RuleFile { origin: "t.yml".to_owned(), text: text.to_owned() }], &Mapping::default());
        rules.problems().first().unwrap_or_else(|| panic!("{text} was taken")).clone()
    }

    #[test]
    fn right_but_not_for_here() {
        use ProblemKind::{Broken, Impossible, Other};
        let rule = |logsource: &str, item: &str| {
            format!("title: t\nlogsource: {{{logsource}}}\ndetection:\n  s: {{{item}}}\n  condition: s\nlevel: high\n")
        };
        let rows = [
            (rule("product: linux", "a: b"), Other, "linux"),
            (rule("category: proxy", "a: b"), Other, "only windows"),
            (rule("product: windows, service: telepathy", "a: b"), Impossible, "telepathy"),
            (rule("product: windows, category: network_connection", "CommandLine: b"), Impossible, "`CommandLine`"),
            (rule("product: windows, category: process_creation", "Image|expand: '%admins%'"), Other, "%admins%"),
            ("action: global\nlevel: high".to_owned(), Broken, "action"),
            (format!("action: global\n---\n{}", rule("product: windows", "a: b")), Broken, "of the file in full"),
            ("id: x\nregression_tests_info: []".to_owned(), Other, "no Sigma rule"),
            (rule("product: windows", "a: b").replace("level: high", "level: urgent"), Broken, "urgent"),
            (rule("product: windows", "a: b").replace("title: t", "name: t"), Broken, "title"),
        ];
        for (text, kind, reason) in rows {
            let problem = problem(&text);
            assert_eq!(problem.kind, kind, "{problem}");
            assert!(problem.reason.contains(reason), "{problem}");
            assert_eq!(problem.info.is_some(), text.starts_with("title: t\n") && kind != Broken, "{problem}");
        }
    }

    #[test]
    fn what_sysmon_never_carries_is_a_limit() {
        let rows = [
            ("  s: {DestinationPort: 80}\n  f: {ParentImage: x}\n  condition: s and not f", 1),
            ("  s: [{DestinationPort: 80}, {CommandLine: x}]\n  condition: s", 1),
            ("  s: {DestinationPort: 80, Computer: x, EventID: 3}\n  condition: s", 0),
        ];
        for (detection, expected) in rows {
            let rules = rules("category: network_connection", detection);
            let (_, rule) = rules.rules().next().unwrap_or_else(|| panic!("{:?}", rules.problems()));
            assert_eq!(rule.limits.len(), expected, "{:?}", rule.limits);
        }
    }

    #[test]
    fn documents_stand_for_themselves() {
        let rule = "title: T\nlogsource: {product: windows}\ndetection:\n  s: {a: b}\n  condition: s\n";
        let text = format!("{}---\n{}---\nx: [\n---\n{}", rule.replace('T', "one"), rule.replace(": s\n", ": t\n"), rule);
        let rules = RuleSet::compile(&[RuleFile { origin: "t.yml".to_owned(), text }], &Mapping::default());
        let names: Vec<&str> = rules.rules().map(|(_, rule)| &*rule.info.name).collect();
        assert_eq!(names, ["one", "T"]);
        assert!(rules.problems()[1].reason.contains("line 14"), "{:?}", rules.problems()[1]);
        let lines: Vec<Option<usize>> = rules.problems().iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [Some(11), Some(14)], "{:?}", rules.problems());
    }

    #[test]
    fn files_made_to_hurt_harm_nothing() {
        let rule = |detection: &str| format!("title: t\nlogsource: {{product: windows}}\ndetection:\n{detection}");
        let many: Vec<String> = (0..100_000).map(|number: u32| number.to_string()).collect();
        let bomb = {
            let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
            for level in 1..12 {
                let all = vec![format!("*a{}", level - 1); 9].join(",");
                text.push_str(&format!("a{level}: &a{level} [{all}]\n"));
            }
            format!("{text}{}", rule("  s: {x: *a11}\n  condition: s\n"))
        };
        let deep = format!("{}x{}", "[".repeat(50_000), "]".repeat(50_000));
        let regexes: String = (1..600).map(|number| format!("    - 'a{{{number}}}'\n")).collect();
        let rows = [
            ("10 MB", format!("{}#{}", rule(""), "x".repeat(10 << 20)), "bytes long"),
            ("anchors", bomb, "YAML"),
            ("nesting", rule(&format!("  s: {deep}\n  condition: s\n")), "YAML"),
            ("parentheses", rule(&format!("  s: {{a: b}}\n  condition: {}s{}\n", "(".repeat(9000), ")".repeat(9000))), "bytes"),
            ("parentheses again", rule(&format!("  s: {{a: b}}\n  condition: {}s\n", "(".repeat(5000))), "levels"),
            ("dashes", rule(&format!("  s: {{a|windash: '{}'}}\n  condition: s\n", " -a".repeat(100))), "spellings"),
            ("regexes", rule(&format!("  s:\n   a|re:\n{regexes}\n  condition: s\n")), "of the rule"),
            ("a large regex", rule("  s: {a|re: '(\\w{1000}){1000}'}\n  condition: s\n"), "memory"),
            ("control characters", rule("  s: {a: \"\u{7}\"}\n  condition: s\n"), "YAML"),
        ];
        for (name, text, reason) in rows {
            let problem = problem(&text);
            assert!(problem.reason.contains(reason), "{name}: {}", problem.reason.get(..300).unwrap_or(&problem.reason));
            assert!(problem.reason.len() < 2000, "{name}");
        }
        let text = rule(&format!("  s: {{a: [{}]}}\n  condition: s\n", many.join(",")));
        let rules = RuleSet::compile(&[RuleFile { origin: "t.yml".to_owned(), text }], &Mapping::default());
        let hit = event("x", "x", 1, "A", 1, &[("a", "99999")]);
        assert_eq!(rules.observe(&hit).rules.len(), 1, "many values are no harm: {:?}", rules.problems());
        let Logic::Single { condition, .. } = &rules.rules[0].logic else { panic!("a single rule") };
        assert!(rules.evaluation(&hit).explain(condition)[0].why.len() < 5000, "and told in few words");
    }

    #[test]
    fn why_names_what_held() {
        let detection = "  s:\n    DestinationPort: [5985, 5986]\n    Initiated: 'true'\n  f:\n    User|contains: [SERVICE, DIENST]\n  condition: s and not f";
        let rules = rules("category: network_connection", detection);
        let event = sysmon(3, "A", 1, &[("DestinationPort", "5985"), ("Initiated", "true"), ("User", "CORP\\jdoe")]);
        let RuleSet { rules: all, .. } = &rules;
        let Logic::Single { condition, .. } = &all[0].logic else { panic!("a single rule") };
        let told = rules.evaluation(&event).explain(condition);
        let rows: Vec<(&str, &str, &str)> = told.iter().map(|row| (&*row.field, &*row.value, &*row.why)).collect();
        assert_eq!(
            rows,
            [
                ("DestinationPort", "5985", "in (5985, 5986)"),
                ("Initiated", "true", "= \"true\""),
                ("User", "CORP\\jdoe", "not contains any of (\"SERVICE\", \"DIENST\")"),
            ]
        );
    }
}
