//! The EQL front end: Elastic's rule files (and bare queries) become the same predicates as Sigma's. `lex`, `parse` and
//! `condition` read the language into `syntax`, `compile` (with `script` and `functions` for what must be calculated) gives
//! it Elasticsearch's meaning, `verdict` tells what of it can match here, `rule_file` reads what stands around the query.
//! Whatever is refused names its line and column in the file.

mod compile;
mod condition;
#[cfg(test)]
mod conformance;
mod functions;
mod lex;
mod parse;
mod rule_file;
pub mod script;
#[cfg(test)]
mod semantics;
mod syntax;
mod verdict;

use std::sync::Arc;

use chrono::TimeDelta;

use crate::alert::RuleInfo;
use crate::detect::ecs::Mapping;
use crate::detect::eql::lex::{Refused, Span};
use crate::detect::eql::rule_file::{NotARule, Read};
use crate::detect::eql::syntax::{Pipe, Query};
use crate::detect::eql::verdict::Impossible;
use crate::detect::predicate::Predicates;
use crate::detect::rule::{Head, Logic, Rule};
use crate::detect::{ProblemKind, RuleFile, RuleProblem};

/// Compiles a rule file (`.toml` in the form of Elastic's detection-rules, or a bare `.eql`).
pub fn compile(file: &RuleFile, mapping: &Mapping, predicates: &mut Predicates) -> Result<Rule, RuleProblem> {
    let Read { info, query, first_line, look_back } = rule_file::read(file).map_err(|not_a_rule| {
        let NotARule { line, reason, kind, info } = not_a_rule;
        let rule = info.as_ref().map(|info| info.name.clone());
        RuleProblem { origin: file.origin.clone(), line, column: None, rule, reason, kind, info }
    })?;
    let problem = |span: Span, reason: String, kind: ProblemKind, info: &RuleInfo| {
        let before = query.get(..span.start).unwrap_or(&query);
        let line = first_line + before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
        RuleProblem {
            origin: file.origin.clone(),
            line: Some(line),
            column: Some(column),
            rule: Some(info.name.clone()),
            reason,
            kind,
            info: Some(Arc::new(info.clone())),
        }
    };
    let broken = |Refused { span, reason }: Refused| problem(span, reason, ProblemKind::Broken, &info);
    let parsed = parse::parse(&query).map_err(broken)?;
    let limits = match verdict::verdict(&parsed, &query, mapping) {
        Ok(limits) => limits,
        Err(Impossible { reason, span, is_elsewhere }) => {
            // A mistake says more than an impossibility; and what never matches leaves nothing among the predicates.
            compile::compile(&parsed, &query, look_back, &mut Predicates::default()).map_err(broken)?;
            let kind = if is_elsewhere { ProblemKind::Other } else { ProblemKind::Impossible };
            return Err(problem(span, reason, kind, &info));
        }
    };
    let logic = compile::compile(&parsed, &query, look_back, predicates).map_err(broken)?;
    Ok(rule(file, info, logic, &parsed, look_back, limits))
}

fn rule(file: &RuleFile, mut info: RuleInfo, logic: Logic, query: &Query, look_back: TimeDelta, mut limits: Vec<String>) -> Rule {
    if let Logic::Sequence(sequence) = &logic {
        info.maxspan_ms = Some(sequence.maxspan.num_milliseconds());
    }
    let head = head(&query.pipes, look_back);
    if let Some(Head { most, window }) = head {
        limits.push(format!("head {most}: at most so many alerts in any {} s", window.num_seconds()));
    }
    if query.pipes.iter().any(|pipe| matches!(pipe, Pipe::Tail(most) if *most > 0)) {
        limits.push("tail has no effect: in a stream every result is the last one when it is found".to_owned());
    }
    let fingerprint = crate::detect::load::fingerprint(&file.text, &info.id);
    Rule { info: Arc::new(info), logic, head, fingerprint, limits }
}

/// What the pipes mean in a stream, where results never end. `head N` limits the alerts in any window of the rule's
/// look-back, which is what one run of the rule sees in Elasticsearch. `tail N` would need to know which results are the
/// last: each is, when it is found, so that it takes nothing away, unless it takes all (`tail 0`).
fn head(pipes: &[Pipe], window: TimeDelta) -> Option<Head> {
    let most = pipes.iter().filter_map(|pipe| match pipe {
        Pipe::Head(most) => Some(*most),
        Pipe::Tail(most) => (*most == 0).then_some(0),
    });
    most.min().map(|most| Head { most, window })
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
            (r#"cidrMatch(source.ip, "10.0.0.0/8") or process.pid == 1"#, false),
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
            ("sequence [process where true] ![process where true]", 1, 33, "add `with maxspan=…`"),
            ("sequence with maxspan=1m ![process where true] ![process where true]", 1, 1, "all of these are missing"),
            ("sequence [any where true] [any where true] until ![any where true]", 1, 52, "neither missing nor"),
            ("process where true | count", 1, 22, "the pipes are `head` and `tail`"),
            ("process where true | head -1", 1, 27, "a pipe takes a number"),
            ("process where length(process.name, 1) > 2", 1, 15, "one argument, not 2"),
            ("process where length(process.name)", 1, 35, "a comparison"),
            ("process where concat~(process.name, \"a\") : \"b\"", 1, 15, "no form with `~`"),
            ("process where process.pid + \"a\"", 1, 32, "a comparison"),
            ("process where process.name[0] == \"a\"", 1, 27, "no index"),
            ("process where 1 / 0 == 1", 1, 15, "cannot be calculated"),
            ("process where \"a\"", 1, 15, "no condition"),
            ("process where true)", 1, 19, "never opened"),
            ("sample by a [any where true] [any where true]", 1, 1, "`sample` is not run here"),
            ("iam where true", 1, 1, "category `iam`"),
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

    #[test]
    fn a_rule_with_thousands_of_conditions_is_explained_in_bounds() {
        let conditions: Vec<String> = (0..20_000).map(|number| format!("process.name != \"a{number}\"")).collect();
        let rules = rules(&format!("process where {}", conditions.join(" and ")));
        let (_, rule) = rules.rules().next().expect("it runs");
        let Logic::Single { condition, .. } = &rule.logic else { panic!("one event") };
        let event = process();
        let told = rules.evaluation(&event).explain(condition);
        assert_eq!(told.len(), 65);
        assert!(told.last().is_some_and(|row| row.why.contains("more conditions")), "{told:?}");
    }
}
