//! Jenkins's schema of JUnit XML, for tests.

/// What Jenkins's schema (xunit-plugin, junit-10.xsd) has of an element: its attributes, those it has
/// to have first, and its children in their order.
const SCHEMA: [(&str, &[&str], usize, &[&str]); 7] = [
    ("testsuites", &["name", "time", "tests", "failures", "errors"], 0, &["testsuite"]),
    (
        "testsuite",
        &["name", "tests", "failures", "errors", "time", "skipped", "timestamp", "hostname", "id"],
        2,
        &["properties", "testcase", "system-out", "system-err"],
    ),
    (
        "testcase",
        &["name", "classname", "time", "assertions", "status"],
        1,
        &["skipped", "error", "failure", "system-out", "system-err"],
    ),
    ("failure", &["type", "message"], 0, &[]),
    ("error", &["type", "message"], 0, &[]),
    ("skipped", &["message", "type"], 0, &[]),
    ("system-out", &[], 0, &[]),
];

pub fn follows_the_schema(node: roxmltree::Node) {
    let name = node.tag_name().name();
    let (_, attributes, needed, children) =
        SCHEMA.iter().find(|row| row.0 == name).unwrap_or_else(|| panic!("<{name}>"));
    let given: Vec<&str> = node.attributes().map(|attribute| attribute.name()).collect();
    assert!(given.iter().all(|name| attributes.contains(name)), "<{name}> with {given:?}");
    assert!(attributes[..*needed].iter().all(|name| given.contains(name)), "<{name}>: {given:?}");
    let own: Vec<_> = node.children().filter(roxmltree::Node::is_element).collect();
    let place = |child: &roxmltree::Node| {
        let place = children.iter().position(|name| child.has_tag_name(*name));
        place.unwrap_or_else(|| panic!("<{}> in <{name}>", child.tag_name().name()))
    };
    assert!(own.iter().map(place).is_sorted(), "the order in <{name}>");
    own.into_iter().for_each(follows_the_schema);
}
