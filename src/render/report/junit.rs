//! JUnit XML: a test case for each kind of problem, so that a CI shows which failed and since when.

use std::io;
use std::time::Duration;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::data::{Found, Trouble};
use crate::plan::check::{Kind, Problem};

const CLASS: &str = "rcluster.check";

type Xml = Writer<Vec<u8>>;

/// What became of a kind of problem.
enum Case<'a> {
    Passed(Vec<&'a Problem>),
    Failed(Vec<&'a Problem>),
    Skipped(Vec<&'a str>),
}

pub fn found(found: &Found) -> String {
    let kinds: Vec<Kind> = match found.only {
        [] => Kind::ALL.to_vec(),
        only => Kind::ALL.iter().copied().filter(|kind| only.contains(kind)).collect(),
    };
    let cases: Vec<(Kind, Case)> =
        kinds.into_iter().map(|kind| (kind, case(found, kind))).collect();
    let count = |is: fn(&Case) -> bool| cases.iter().filter(|(_, case)| is(case)).count();
    let totals = Totals {
        name: format!("rcluster check {}", found.entry),
        tests: cases.len(),
        failures: count(|case| matches!(case, Case::Failed(_))),
        errors: 0,
        skipped: count(|case| matches!(case, Case::Skipped(_))),
        took: found.took,
    };
    document(&totals, |xml| {
        cases.iter().try_for_each(|(kind, case)| write_case(xml, kind.name(), case))
    })
}

fn case<'a>(found: &Found<'a>, kind: Kind) -> Case<'a> {
    let problems: Vec<&Problem> = found.of(kind).collect();
    let ignored = found.ignored.iter().filter(|ignored| ignored.problem.kind == kind);
    let reasons: Vec<&str> = ignored.map(|ignored| &*ignored.reason).collect();
    if problems.iter().any(|problem| found.counts(problem)) {
        Case::Failed(problems)
    } else if problems.is_empty() && !reasons.is_empty() {
        Case::Skipped(reasons)
    } else {
        Case::Passed(problems)
    }
}

pub fn trouble(trouble: &Trouble) -> String {
    let totals = Totals {
        name: "rcluster check".to_owned(),
        tests: 1,
        failures: 0,
        errors: 1,
        skipped: 0,
        took: Duration::ZERO,
    };
    document(&totals, |xml| {
        let case = xml.create_element("testcase");
        let case = case.with_attributes([("classname", CLASS), ("name", "cluster-checked")]);
        case.write_inner_content(|xml| {
            let error = xml.create_element("error");
            let error = error.with_attributes([("message", &*trouble.message), ("type", "error")]);
            let more: Vec<String> = trouble.more().collect();
            error.write_text_content(BytesText::new(&more.join("\n"))).map(drop)
        })
        .map(drop)
    })
}

struct Totals {
    name: String,
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
    took: Duration,
}

fn document(totals: &Totals, cases: impl FnOnce(&mut Xml) -> io::Result<()>) -> String {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    let numbers = [
        ("tests", totals.tests.to_string()),
        ("failures", totals.failures.to_string()),
        ("errors", totals.errors.to_string()),
        ("skipped", totals.skipped.to_string()),
        ("time", format!("{:.3}", totals.took.as_secs_f64())),
    ];
    let numbers = || numbers.iter().map(|(name, value)| (*name, value.as_str()));
    // Jenkins's schema has no `skipped` there.
    let sums = || numbers().filter(|(name, _)| *name != "skipped");
    let written = (|| {
        xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let suites = xml.create_element("testsuites").with_attributes(sums());
        suites.write_inner_content(|xml| {
            let suite = xml.create_element("testsuite").with_attribute(("name", &*totals.name));
            suite.with_attributes(numbers()).write_inner_content(cases).map(drop)
        })?;
        io::Result::Ok(())
    })();
    // Memory takes whatever is written to it.
    drop(written);
    String::from_utf8(xml.into_inner()).unwrap_or_default() + "\n"
}

fn write_case(xml: &mut Xml, name: &str, case: &Case) -> io::Result<()> {
    let element = xml.create_element("testcase");
    let element = element.with_attributes([("classname", CLASS), ("name", name), ("time", "0")]);
    match case {
        Case::Passed(problems) if problems.is_empty() => element.write_empty().map(drop),
        Case::Passed(problems) => element
            .write_inner_content(|xml| {
                let out = xml.create_element("system-out");
                out.write_text_content(BytesText::new(&lines(problems))).map(drop)
            })
            .map(drop),
        Case::Failed(problems) => element
            .write_inner_content(|xml| {
                let message = problems.first().map_or("", |problem| &*problem.message);
                let kind = problems.first().map_or("", |problem| problem.severity.name());
                let failure = xml.create_element("failure");
                let failure = failure.with_attributes([("message", message), ("type", kind)]);
                failure.write_text_content(BytesText::new(&lines(problems))).map(drop)
            })
            .map(drop),
        Case::Skipped(reasons) => element
            .write_inner_content(|xml| {
                let message = reasons.join("; ");
                let skipped = xml.create_element("skipped");
                skipped.with_attribute(("message", &*message)).write_empty().map(drop)
            })
            .map(drop),
    }
}

fn lines(problems: &[&Problem]) -> String {
    let line = |problem: &&Problem| {
        let fix = problem.fix.as_ref().map(|fix| format!("\n  fix: {fix}")).unwrap_or_default();
        format!("{}: {}{fix}", problem.severity.name(), problem.message)
    };
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}
