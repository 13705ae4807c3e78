use super::*;

#[test]
fn ports_are_read_as_lists_and_ranges() {
    assert_eq!("7001-7003,8001".parse(), Ok(Ports(vec![7001, 7002, 7003, 8001])));
    for (text, says) in [
        ("", "no port"),
        ("0", "no port"),
        ("70000", "no port"),
        ("5-3", "backwards"),
        ("5,4-6", "port 5 is given twice"),
        ("7001,60000", "60000 is too high"),
        ("7001,17001", "bus of port 7001"),
    ] {
        let error = text.parse::<Ports>().unwrap_err();
        assert!(error.contains(says), "{text}: {error}");
    }
}
