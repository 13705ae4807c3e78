//! Jenkins's schema of JUnit XML, for tests.

use uppsala::{XsdValidator, parse};

/// As its xunit plugin has it.
const SCHEMA: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemas/junit-10.xsd"));

pub fn follows_the_schema(document: &str) {
    let faults = faults(document);
    assert!(faults.is_empty(), "{faults:?} in {document}");
}

fn faults(document: &str) -> Vec<String> {
    let schema = XsdValidator::from_schema(&parse(SCHEMA).unwrap()).unwrap();
    schema.validate(&parse(document).unwrap()).iter().map(ToString::to_string).collect()
}

#[test]
fn the_schema_is_held_to() {
    let suite = r#"<testsuite name="n" tests="1" failures="0" errors="0" time="0.012">
        <testcase name="n"><skipped/></testcase></testsuite>"#;
    follows_the_schema(suite);
    for (right, wrong) in [
        (r#" errors="0""#, ""),
        ("0.012", "12 ms"),
        ("<skipped/>", "<ignored/>"),
        (r#"<testcase name="n">"#, r#"<testcase name="n" skipped="0">"#),
        ("testsuite", "testsuites"),
    ] {
        assert_ne!(faults(&suite.replace(right, wrong)), [""; 0], "{wrong}");
    }
}
