//! The EQL front end: Elastic's rule files (and bare queries) become the same predicates as Sigma's. `lex` and `parse` read
//! the language, `compile` gives it Elasticsearch's meaning, `rule_file` reads what stands around the query. Whatever is
//! refused names its line and column in the file.

mod compile;
mod lex;
mod parse;
mod rule_file;

use std::sync::Arc;

use crate::detect::eql::lex::Refused;
use crate::detect::eql::rule_file::{NotARule, Read};
use crate::detect::predicate::Predicates;
use crate::detect::{Logic, ProblemKind, Rule, RuleFile, RuleProblem};

/// Compiles a rule file (`.toml` in the form of Elastic's detection-rules, or a bare `.eql`).
pub fn compile(file: &RuleFile, predicates: &mut Predicates) -> Result<Rule, RuleProblem> {
    let Read { mut info, query, first_line, look_back } = rule_file::read(file).map_err(|not_a_rule| {
        let NotARule { line, reason, is_error, name } = not_a_rule;
        RuleProblem { origin: file.origin.clone(), line, column: None, rule: name, reason, kind: kind(is_error), info: None }
    })?;
    let parsed = parse::parse(&query).and_then(|parsed| compile::compile(&parsed, look_back, predicates));
    let logic = parsed.map_err(|Refused { span, reason, is_error }| {
        let before = query.get(..span.start).unwrap_or(&query);
        let line = first_line + before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
        RuleProblem {
            origin: file.origin.clone(),
            line: Some(line),
            column: Some(column),
            rule: Some(info.name.clone()),
            reason,
            kind: kind(is_error),
            info: Some(Arc::new(info.clone())),
        }
    })?;
    if let Logic::Sequence(sequence) = &logic {
        info.maxspan_ms = Some(sequence.maxspan.num_milliseconds());
    }
    let fingerprint = crate::detect::load::fingerprint(&file.text, &info.id);
    Ok(Rule { info: Arc::new(info), logic, fingerprint, limits: Vec::new() })
}

fn kind(is_error: bool) -> ProblemKind {
    if is_error { ProblemKind::Broken } else { ProblemKind::Other }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::RuleSet;
    use crate::detect::ecs::Mapping;
    use crate::event::WindowsEvent;
    use crate::event::testing::sysmon;

    fn rules(query: &str) -> RuleSet {
        let file = RuleFile { origin: "t.eql".to_owned(), text: query.to_owned() };
        RuleSet::compile(&[file], &Mapping::default())
    }

    fn process() -> WindowsEvent {
        sysmon(
            1,
            "SRV.corp.example",
            1,
            &[
                ("Image", r"C:\Windows\System32\Whoami.exe"),
                ("CommandLine", "\"C:\\Windows\\System32\\whoami.exe\" /all /fo"),
                ("ParentImage", r"C:\Windows\System32\wsmprovhost.exe"),
                ("ProcessId", "700"),
                ("IntegrityLevel", "High"),
                ("User", r"NT AUTHORITY\SYSTEM"),
            ],
        )
    }

    #[test]
    fn conditions() {
        let rows = [
            (r#"process.name == "Whoami.exe""#, true),
            (r#"process.name == "whoami.exe""#, false),
            (r#"process.name : "whoami.exe""#, true),
            (r#"process.name : ("net.exe", "who*")"#, true),
            (r#"process.name like "Who?mi*""#, true),
            (r#"process.name like "who*""#, false),
            (r#"process.name like~ "who*""#, true),
            (r#"process.name in ("a", "Whoami.exe")"#, true),
            (r#"process.name in~ ("a", "WHOAMI.EXE")"#, true),
            (r#"process.name in ("who*")"#, false),
            (r#"process.name not in ("a", "b")"#, true),
            (r#"process.name != "x""#, true),
            (r#"process.name regex "Who.+""#, true),
            (r#"process.name regex "Who""#, false),
            (r#"process.name regex~ ("x", "who[a-z]{3}\\.exe")"#, true),
            (r#"process.executable : "?:\\Windows\\System32\\*""#, true),
            (r#"process.executable : """?:\windows\*""""#, true),
            (r#"process.args : "/all""#, true),
            (r#"process.args : "/ALL" and process.args : "/fo""#, true),
            (r#"process.args != "/all""#, false),
            (r#"process.args_count == 3"#, true),
            ("process.args_count >= 3 and process.pid in (1, 700)", true),
            (r#"process.command_line == null"#, false),
            (r#"process.hash.md5 == null"#, true),
            (r#"process.hash.md5 != null"#, false),
            (r#"process.hash.md5 : "*""#, false),
            (r#"not process.hash.md5 : "x""#, true),
            (r#"process.hash.md5 != "x""#, true),
            ("not process.parent.pid > 5", false),
            ("process.parent.pid <= 5", false),
            (r#"?process.hash.md5 : "x" or true"#, true),
            (r#"winlog.event_data.IntegrityLevel : "high""#, true),
            (r#"user.id : "S-1-5-18""#, true),
            (r#"event.type == "start" and host.os.type == "windows""#, true),
            (r#"not (process.name : "a" or process.name : "b")"#, true),
            (r#"process.name : "a" or process.name : "whoami.exe" and not process.name : "b""#, true),
            (r#"startsWith~(process.name, "WHO") and endsWith(process.name, ".exe")"#, true),
            (r#"stringContains(process.name, "hoa")"#, true),
            (r#"cidrMatch(source.ip, "10.0.0.0/8")"#, false),
            (r#"not cidrmatch(source.ip, "10.0.0.0/8")"#, true),
        ];
        let event = process();
        for (condition, expected) in rows {
            let rules = rules(&format!("// about\nprocess where {condition}"));
            assert_eq!(rules.problems(), [], "{condition}");
            assert_eq!(!rules.observe(&event).rules.is_empty(), expected, "{condition}");
        }
    }

    #[test]
    fn addresses_compare_as_addresses() {
        let event = sysmon(3, "A", 1, &[("SourceIp", "0:0:0:0:0:0:0:1"), ("DestinationPort", "5985"), ("Initiated", "false")]);
        let rows = [
            (r#"source.ip == "::1""#, true),
            (r#"source.ip != "::1""#, false),
            (r#"cidrMatch(source.ip, "::/64", "10.0.0.0/8")"#, true),
            (r#"network.direction : ("incoming", "ingress")"#, true),
            ("destination.port == 5985", true),
        ];
        for (condition, expected) in rows {
            let rules = rules(&format!("network where {condition}"));
            assert_eq!(rules.problems(), [], "{condition}");
            assert_eq!(!rules.observe(&event).rules.is_empty(), expected, "{condition}");
        }
    }

    #[test]
    fn sequences_hit_by_stage_and_key() {
        let rules = rules(
            "sequence by host.id with maxspan=5s\n [network where destination.port == 5985] by user.name\n [process where true] by user.name\n",
        );
        assert_eq!(rules.problems(), []);
        let hits = rules.observe(&process());
        let [hit] = hits.stages.as_slice() else { panic!("one stage: {hits:?}") };
        assert_eq!(hit.stage, 1);
        assert_eq!(hit.key.0.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["srv.corp.example", "SYSTEM"]);
    }

    #[test]
    fn refused_with_place_and_hint() {
        let rows = [
            ("process where process.name = \"x\"", 1, 28, "did you mean `==`"),
            ("process where\n process.name == 'x'", 2, 18, "double quotes"),
            ("process where cidrmtch(source.ip, \"::1\")", 1, 15, "did you mean `cidrMatch`"),
            ("sequence with maxspan=1m by host.id [any where true] [any where true]", 1, 26, "before `with maxspan`"),
            ("sequence by host.id [process where true]", 1, 41, "two at least"),
            ("sequence [process where true] by a [process where true]", 1, 37, "same number"),
            ("sequence [process where true] [process where true] until [process where true]", 1, 52, "not supported yet: until"),
            ("sequence with maxspan=1m [process where true] ![process where true]", 1, 47, "missing events"),
            ("process where true | head 1", 1, 20, "pipes"),
            ("process where length(process.name) > 2", 1, 15, "the function length"),
            ("file where true", 1, 1, "category `file`"),
            ("process where source.ip == \"x\"", 1, 28, "not an address"),
            ("process where process.name regex \"a<1-2>\"", 1, 34, "Lucene"),
            ("process where process.name regex \"(\"", 1, 34, "cannot be run"),
            ("process where process.name == process.name", 1, 31, "not with another field"),
            ("sequence with maxspan=5 [any where true] [any where true]", 1, 25, "needs a unit"),
        ];
        for (query, line, column, reason) in rows {
            let rules = rules(query);
            let problem = rules.problems().first().unwrap_or_else(|| panic!("{query} was taken"));
            assert!(problem.reason.contains(reason), "{problem}");
            assert_eq!((problem.line, problem.column), (Some(line), Some(column)), "{problem}");
        }
        let deep = format!("process where {}true{}", "(".repeat(100_000), ")".repeat(100_000));
        assert!(rules(&deep).problems()[0].reason.contains("nest deeper"));
    }

    #[test]
    fn rule_files() {
        let text = "[rule]\nrule_id = \"r\"\nname = \"n\"\ntype = \"eql\"\nlanguage = \"eql\"\nseverity = \"high\"\nfrom = \"now-5m\"\nquery = '''\nsequence\n [process where true]\n [process where bogus(1)]\n'''\n";
        let compile_text = |text: &str| {
            let file = RuleFile { origin: "t.toml".to_owned(), text: text.to_owned() };
            RuleSet::compile(&[file], &Mapping::default())
        };
        let broken = compile_text(text);
        assert_eq!(broken.problems()[0].line, Some(11), "{}", broken.problems()[0]);
        let fixed = compile_text(&text.replace("bogus(1)", "true"));
        assert_eq!(fixed.problems(), []);
        let (_, rule) = fixed.rules().next().unwrap();
        assert_eq!(rule.info.maxspan_ms, Some(300_000), "a sequence without maxspan has the look-back of its rule");
        let other = compile_text(&text.replace("type = \"eql\"", "type = \"new_terms\""));
        assert_eq!(other.problems()[0].kind, ProblemKind::Other, "another kind of rule is no mistake");
    }
}
