//! Each format is read by a parser of its own kind, and shown whole.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use expect_test::{expect, expect_file};

use super::junit_schema::follows_the_schema;
use super::{Found, Trouble, page, report, report_trouble};
use crate::model::{ClusterReport, ClusterView};
use crate::plan::check::{Exemption, Exemptions, Ignored, Kind, Problem, check};
use crate::render::ui::OutputFormat;

/// A master whose replica has failed, two without one, and two slots without an owner.
fn cluster() -> ClusterReport {
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|sign| sign.repeat(40));
    let text = format!(
        "{a} 10.0.0.1:1@2 myself,master - 0 1 1 connected 0-9999\n\
         {b} 10.0.0.2:1@2 master - 0 1 2 connected 10002-15999\n\
         {c} 10.0.0.3:1@2 slave,fail {a} 0 1 1 disconnected\n\
         {d} 10.0.0.4:1@2 master - 0 1 3 connected 16000-16383\n"
    );
    ClusterReport::of_view(&ClusterView::parse(text, &"10.0.0.1:1".parse().unwrap()).unwrap())
}

fn sifted(cluster: &ClusterReport, only: &[Kind]) -> (Vec<Problem>, Vec<Ignored>) {
    let spare = "a spare <node> comes in May: 100% sure".to_owned();
    let node = Some("10.0.0.2:1".parse().unwrap());
    let ignored = vec![
        Exemption { kind: Kind::NoReplica, node, reason: spare },
        Exemption { kind: Kind::StateNotOk, node: None, reason: "maintenance".to_owned() },
    ];
    let exemptions = Exemptions { only: only.to_vec(), ignored };
    let (mut problems, ignored) = exemptions.sift(cluster, check(cluster));
    // What no format may take for its own signs.
    problems[0].message += ", or: 5% | a < b & \"c\" ::error, it's";
    (problems, ignored)
}

/// What a report is made of.
fn with<T>(strict: bool, only: &[Kind], work: impl FnOnce(&Found) -> T) -> T {
    let cluster = cluster();
    let (problems, ignored) = sifted(&cluster, only);
    work(&Found {
        entry: "10.0.0.1:1".to_owned(),
        cluster: &cluster,
        problems: &problems,
        ignored: &ignored,
        only,
        strict,
        took: Duration::from_millis(12),
    })
}

fn made(format: OutputFormat) -> String {
    with(false, &[], |found| report(format, found).unwrap())
}

fn trouble() -> Trouble {
    Trouble {
        message: "10.0.0.1:1: cannot connect: Connection refused | 5%".to_owned(),
        details: vec!["10.0.0.2:1 <&>: refused".to_owned()],
        hint: Some("check server and firewall".to_owned()),
    }
}

fn failed(format: OutputFormat) -> String {
    report_trouble(format, &trouble()).unwrap()
}

#[test]
fn junit_has_a_case_for_each_kind() {
    let text = made(OutputFormat::Junit);
    let document = roxmltree::Document::parse(&text).unwrap();
    let suite = document.root_element().first_element_child().unwrap();
    let number = |name: &str| suite.attribute(name).unwrap().parse::<usize>().unwrap();
    let cases: Vec<_> = suite.children().filter(|node| node.has_tag_name("testcase")).collect();
    assert_eq!((number("tests"), number("errors")), (Kind::ALL.len(), 0));
    assert_eq!(cases.len(), Kind::ALL.len());
    let with = |tag: &str| {
        let has = |case: &&roxmltree::Node| case.children().any(|child| child.has_tag_name(tag));
        cases.iter().filter(has).map(|case| case.attribute("name").unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(with("failure"), ["slots-uncovered", "node-failing"]);
    assert_eq!((with("skipped"), with("system-out")), (vec!["state-not-ok"], vec!["no-replica"]));
    assert_eq!((number("failures"), number("skipped")), (2, 1));
    let failure = document.descendants().find(|node| node.has_tag_name("failure")).unwrap();
    let message = failure.attribute("message").unwrap();
    assert!(message.ends_with(", or: 5% | a < b & \"c\" ::error, it's"), "{message}");
    assert!(failure.text().unwrap().contains("\n  fix: rcluster "), "{text}");

    let report = quick_junit::Report::deserialize_from_str(&text).unwrap();
    let [suite] = &report.test_suites[..] else { panic!("{report:?}") };
    assert_eq!((suite.tests, suite.failures, suite.skipped), (Kind::ALL.len(), 2, 1));
    let is_failed = |case: &&quick_junit::TestCase| {
        matches!(case.status, quick_junit::TestCaseStatus::NonSuccess { .. })
    };
    assert_eq!(suite.test_cases.iter().filter(is_failed).count(), 2);
    follows_the_schema(&text);

    let text = failed(OutputFormat::Junit);
    follows_the_schema(&text);
    assert_eq!(quick_junit::Report::deserialize_from_str(&text).unwrap().errors, 1);
    let document = roxmltree::Document::parse(&text).unwrap();
    let suite = document.root_element().first_element_child().unwrap();
    assert_eq!((suite.attribute("tests"), suite.attribute("errors")), (Some("1"), Some("1")));
    let error = document.descendants().find(|node| node.has_tag_name("error")).unwrap();
    assert_eq!(error.attribute("message"), Some(&*trouble().message));
    assert!(error.text().unwrap().contains("10.0.0.2:1 <&>: refused\nhint: check"), "{text}");
}

#[test]
fn junit_has_only_the_selected_kinds_and_fails_warnings_if_strict() {
    let failures = |strict| {
        with(strict, &[Kind::NodeFailing, Kind::NoReplica], |found| {
            let text = report(OutputFormat::Junit, found).unwrap();
            let document = roxmltree::Document::parse(&text).unwrap();
            let suite = document.root_element().first_element_child().unwrap();
            ["tests", "failures"].map(|name| suite.attribute(name).unwrap().to_owned())
        })
    };
    assert_eq!(failures(false), ["2", "1"]);
    assert_eq!(failures(true), ["2", "2"]);
}

/// A workflow command, read as GitHub's runner does (`ActionCommand.TryParseV2`): the properties end
/// at the next `::`.
fn workflow_command(line: &str) -> Option<(String, BTreeMap<String, String>, String)> {
    let (head, data) = line.strip_prefix("::")?.split_once("::")?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    let plain = |text: &str| {
        let text = text.replace("%0D", "\r").replace("%0A", "\n").replace("%3A", ":");
        text.replace("%2C", ",").replace("%25", "%")
    };
    let pairs = properties.split(',').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(key, value)| (key.to_owned(), plain(value)));
    // `:` and `,` stand for themselves in data.
    let data = data.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
    Some((name.to_owned(), pairs.collect(), data))
}

#[test]
fn github_gets_annotations() {
    let text = made(OutputFormat::Github);
    let commands: Vec<_> = text.lines().filter_map(workflow_command).collect();
    let levels: Vec<&str> = commands.iter().map(|(level, ..)| level.as_str()).collect();
    assert_eq!(levels, ["error", "error", "warning", "notice", "notice"], "{text}");
    assert_eq!(commands[0].1["title"], "rcluster check: slots-uncovered");
    let (message, fix) = commands[0].2.split_once('\n').unwrap();
    assert!(message.ends_with(", or: 5% | a < b & \"c\" ::error, it's"), "{message}");
    assert!(fix.starts_with("fix: rcluster "), "{fix}");
    assert!(commands[4].2.starts_with("ignored: a spare <node> comes in May: 100% sure\n"));
    expect![[r#"
        unhealthy (2 errors, 1 warning, 2 problems ignored)
        ::error title=rcluster check%3A slots-uncovered::slots 10000-10001 have no owner: their keys cannot be read or written, or: 5%25 | a < b & "c" ::error, it's%0Afix: rcluster addslots 10.0.0.4:1 10000-10001
        ::error title=rcluster check%3A node-failing::10.0.0.3:1 is marked as failed by every other reachable node
        ::warning title=rcluster check%3A no-replica::10.0.0.4:1 has no replica, other masters have: if it fails, its slots are unavailable
        ::notice title=rcluster check%3A state-not-ok::ignored: maintenance%0Aevery node reports cluster_state:fail: queries are rejected
        ::notice title=rcluster check%3A no-replica::ignored: a spare <node> comes in May: 100%25 sure%0A10.0.0.2:1 has no replica, other masters have: if it fails, its slots are unavailable
    "#]]
    .assert_eq(&text);

    let text = failed(OutputFormat::Github);
    let (level, _, message) = workflow_command(text.trim_end()).unwrap();
    assert_eq!(level, "error");
    assert_eq!(message.lines().count(), 3, "{message}");
    let strict = with(true, &[], |found| report(OutputFormat::Github, found).unwrap());
    assert!(!strict.contains("::warning"), "{strict}");
}

type Metrics = BTreeMap<String, Vec<(BTreeMap<String, String>, f64)>>;

/// The text format, read strictly: a metric's HELP and TYPE come once, before its samples, which
/// stand together; no timestamps, no sample twice, names and escapes as the format has them.
fn metrics(text: &str) -> Metrics {
    assert!(text.ends_with('\n') && text.is_ascii(), "{text}");
    let (mut metrics, mut name, mut seen) = (Metrics::new(), String::new(), BTreeSet::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            name = help.split_once(' ').unwrap().0.to_owned();
            let kind = lines.next().unwrap();
            assert_eq!(kind, format!("# TYPE {name} gauge"));
            assert!(metrics.insert(name.clone(), Vec::new()).is_none(), "{name} comes twice");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
            continue;
        }
        let rest = line.strip_prefix(&name).unwrap_or_else(|| panic!("{line} is not of {name}"));
        let (labels, value) = match rest.strip_prefix('{') {
            Some(rest) => {
                let (labels, value) = rest.rsplit_once("} ").unwrap();
                (labels, value)
            }
            None => ("", rest.strip_prefix(' ').unwrap()),
        };
        assert!(seen.insert(line.rsplit_once(' ').unwrap().0.to_owned()), "{line} comes twice");
        let labels = labels.split(',').filter(|label| !label.is_empty()).map(|label| {
            let (key, value) = label.split_once('=').unwrap();
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            (key.to_owned(), value.unwrap().to_owned())
        });
        let sample = (labels.collect(), value.parse().unwrap());
        metrics.get_mut(&name).unwrap().push(sample);
    }
    metrics
}

#[test]
fn prometheus_gets_metrics_with_help_and_type() {
    let metrics = metrics(&made(OutputFormat::Prometheus));
    let value = |name: &str| match &metrics[name][..] {
        [(labels, value)] if labels.is_empty() => *value,
        several => panic!("{several:?}"),
    };
    let values = ["rcluster_up", "rcluster_healthy", "rcluster_problems_ignored"].map(value);
    assert_eq!(values, [1.0, 0.0, 2.0]);
    let values = ["rcluster_slots_covered", "rcluster_known_nodes"].map(value);
    assert_eq!(values, [16_382.0, 4.0]);
    let of = |kind: &str| {
        let problems = metrics["rcluster_problems"].iter();
        problems.filter(|(labels, _)| labels["kind"] == kind).map(|sample| sample.1).collect()
    };
    let of: &dyn Fn(&str) -> Vec<f64> = &of;
    assert_eq!((of("slots-uncovered"), of("no-replica")), (vec![1.0], vec![1.0]));
    assert_eq!(of("unreadable-line"), [0.0, 0.0]);
    let kinds: BTreeSet<&str> =
        metrics["rcluster_problems"].iter().map(|(labels, _)| &*labels["kind"]).collect();
    assert_eq!(kinds, Kind::ALL.iter().map(|kind| kind.name()).collect());
    let slots = &metrics["rcluster_node_slots"];
    assert_eq!((&*slots[0].0["node"], slots[0].1), ("10.0.0.1:1", 10_000.0));

    // A parser that others use reads the same.
    let scraped = |text: &str| {
        let scrape = prometheus_parse::Scrape::parse(text.lines().map(|line| Ok(line.to_owned())));
        scrape.unwrap()
    };
    let scrape = scraped(&made(OutputFormat::Prometheus));
    assert_eq!(scrape.docs.keys().collect::<BTreeSet<_>>(), metrics.keys().collect());
    let count = metrics.values().map(Vec::len).sum::<usize>();
    assert_eq!(scrape.samples.len(), count);
    for sample in &scrape.samples {
        let prometheus_parse::Value::Gauge(value) = sample.value else { panic!("{sample:?}") };
        let same = |(labels, other): &&(BTreeMap<String, String>, f64)| {
            *other == value && labels.iter().all(|(key, text)| sample.labels.get(key) == Some(text))
        };
        assert!(metrics[&sample.metric].iter().any(|own| same(&own)), "{sample:?}");
    }
    assert_eq!(scraped(&failed(OutputFormat::Prometheus)).samples.len(), 2);

    let down = self::metrics(&failed(OutputFormat::Prometheus));
    assert_eq!(down["rcluster_up"][0].1, 0.0);
    assert_eq!(down.len(), 2);
}

/// A plugin's output, read as Nagios does: the first line's status and performance data, and the
/// further lines.
fn nagios(text: &str) -> (String, BTreeMap<String, String>, Vec<String>) {
    let mut lines = text.lines();
    let (status, measured) = lines.next().unwrap().split_once('|').unwrap();
    let pairs = measured.split_whitespace().map(|pair| {
        let (label, values) = pair.split_once('=').unwrap();
        let values: Vec<&str> = values.split(';').collect();
        assert!((4..=5).contains(&values.len()), "{pair}");
        let number = values[0].trim_end_matches('s');
        assert!(number.parse::<f64>().is_ok(), "{pair}");
        (label.to_owned(), number.to_owned())
    });
    let pairs = pairs.collect();
    let more: Vec<String> = lines.map(str::to_owned).collect();
    assert!(!more.iter().any(|line| line.contains('|')), "{text}");
    (status.trim().to_owned(), pairs, more)
}

#[test]
fn nagios_gets_a_line_and_codes_of_its_own() {
    let text = made(OutputFormat::Nagios);
    let (status, measured, more) = nagios(&text);
    assert!(
        status.starts_with("CLUSTER CRITICAL: 2 errors, 1 warning, 2 problems ignored; slots 1")
    );
    assert_eq!((&*measured["errors"], &*measured["slots_covered"]), ("2", "16382"));
    assert_eq!(more.len(), 5, "{text}");
    let code = |strict, only: &[Kind]| with(strict, only, super::nagios_code);
    assert_eq!(code(false, &[]), 2);
    let text = failed(OutputFormat::Nagios);
    assert!(
        text.starts_with("CLUSTER UNKNOWN: 10.0.0.1:1: cannot connect: Connection refused / 5%\n")
    );
}

#[test]
fn nagios_codes_follow_the_worst_problem() {
    let cluster = cluster();
    let warning =
        Problem { severity: crate::plan::check::Severity::Warning, ..check(&cluster)[0].clone() };
    let code = |problems: &[Problem], strict| {
        super::nagios_code(&Found {
            entry: String::new(),
            cluster: &cluster,
            problems,
            ignored: &[],
            only: &[],
            strict,
            took: Duration::ZERO,
        })
    };
    let warnings = [warning];
    let codes = [
        code(&[], true),
        code(&warnings, false),
        code(&warnings, true),
        code(&check(&cluster), false),
    ];
    assert_eq!(codes, [0, 1, 2, 2]);
}

/// `UPDATE_EXPECT=1 cargo test` writes the page anew.
#[test]
fn the_page_of_problems_is_made_of_the_explanations() {
    expect_file![concat!(env!("CARGO_MANIFEST_DIR"), "/docs/problems.md")].assert_eq(&page());
}
