//! Whatever the rules and the events, the engines find what each rule finds by itself.

use proptest::prelude::*;

use super::*;
use crate::detect::predicate::pattern::{Case, Pattern, Wild};
use crate::detect::predicate::{Ordering, Test};
use crate::event::testing::{event, sysmon};

/// Short texts over few letters, so that needles overlap, hit and miss; some letters fold in ways of their own.
fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "B", "b", "\\", "é", "É", "K", "\u{212a}", "İ", "ab", "\n"]), 0..7)
        .prop_map(|letters| letters.concat())
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let wild = prop_oneof![text().prop_map(Wild::Literal), Just(Wild::Many), Just(Wild::One)];
    prop_oneof![
        text().prop_map(Pattern::Equals),
        text().prop_map(Pattern::StartsWith),
        text().prop_map(Pattern::EndsWith),
        text().prop_map(Pattern::Contains),
        prop::collection::vec(wild, 0..4).prop_map(Pattern::from_wild),
    ]
}

#[derive(Debug, Clone)]
enum Part {
    Text(usize, Vec<Pattern>, Case),
    Exists(usize),
    Number(usize),
    Not(Box<Part>),
    And(Vec<Part>),
    Or(Vec<Part>),
    Constant(bool),
}

fn part() -> impl Strategy<Value = Part> {
    let case = prop::sample::select(vec![Case::Exact, Case::Ascii, Case::Unicode]);
    let leaf = prop_oneof![
        6 => (0..NAMES.len(), prop::collection::vec(pattern(), 1..4), case)
            .prop_map(|(field, any, case)| Part::Text(field, any, case)),
        1 => (0..NAMES.len()).prop_map(Part::Exists),
        1 => (0..NAMES.len()).prop_map(Part::Number),
        1 => any::<bool>().prop_map(Part::Constant),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|part| Part::Not(Box::new(part))),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Part::And),
            prop::collection::vec(inner, 0..4).prop_map(Part::Or),
        ]
    })
}

const NAMES: [&str; 5] = ["Image", "Threat Name", "EventID", "Data", "*"];

fn compile(part: &Part, predicates: &mut Predicates) -> Expr {
    let field = |place: &usize, predicates: &mut Predicates| {
        predicates.field(match NAMES[*place] {
            "*" => FieldName::AnyValue,
            name => FieldName::Windows(name.replace(' ', "").into()),
        })
    };
    match part {
        Part::Text(place, any, case) => {
            let field = field(place, predicates);
            predicates.atom(field, Test::Text { any: any.clone(), case: *case }, "")
        }
        Part::Exists(place) => {
            let field = field(place, predicates);
            predicates.atom(field, Test::Exists, "")
        }
        Part::Number(place) => {
            let field = field(place, predicates);
            predicates.atom(field, Test::Number { ordering: Ordering::Greater, any: vec![3.0] }, "")
        }
        Part::Not(inner) => !compile(inner, predicates),
        Part::And(parts) => Expr::And(parts.iter().map(|part| compile(part, predicates)).collect()),
        Part::Or(parts) => Expr::Or(parts.iter().map(|part| compile(part, predicates)).collect()),
        Part::Constant(truth) => Expr::Constant(*truth),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the rules and the events, the engines find what holds when every rule is evaluated by itself.
    #[test]
    fn engines_agree_with_evaluation(
        rules in prop::collection::vec(part(), 1..8),
        events in prop::collection::vec((1..5_u32, prop::collection::vec((0..4_usize, text()), 0..6)), 1..6),
    ) {
        let mut predicates = Predicates::default();
        let conditions: Vec<Expr> = rules.iter().map(|rule| compile(rule, &mut predicates)).collect();
        let mapping = Mapping::default();
        let routes = [Route::Any, crate::detect::route::of_sysmon(&[1, 3])];
        let programs: Vec<_> = conditions.iter().enumerate()
            .map(|(target, condition)| Program { target, route: &routes[target % 2], condition }).collect();
        let engines = Engines::new(programs.iter().copied(), &predicates, &mapping);
        let mut scratch = Scratch::default();
        for (id, data) in events {
            let data: Vec<(&str, &str)> = data.iter()
                .map(|(place, value)| (if NAMES[*place] == "Data" { "" } else { NAMES[*place] }, value.as_str())).collect();
            let event = if id == 4 { event("Application", "x", 4, "A", 1, &data) } else { sysmon(id, "A", 1, &data) };
            let mut found = Vec::new();
            let world = World { predicates: &predicates, mapping: &mapping, generation: 1 };
            engines.run(&event, world, &mut scratch, None, |target, _| found.push(target));
            found.sort_unstable();
            let mut evaluation = Evaluation::new(&predicates, &mapping, &event);
            let expected: Vec<usize> = programs.iter()
                .filter(|program| program.route.takes(&event, &mapping) && evaluation.holds(program.condition))
                .map(|program| program.target).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
