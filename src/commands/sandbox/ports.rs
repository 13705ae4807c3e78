//! Ports as they are typed.

use std::collections::HashSet;
use std::str::FromStr;

use itertools::Itertools;

use crate::sandbox::BUS;

/// `auto`, or a list of ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortChoice {
    Auto,
    These(Ports),
}

impl FromStr for PortChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<PortChoice, String> {
        match text {
            "auto" => Ok(PortChoice::Auto),
            text => text.parse().map(PortChoice::These),
        }
    }
}

/// Ports as they are typed: `7001-7003,8001`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports(pub Vec<u16>);

impl FromStr for Ports {
    type Err = String;

    fn from_str(text: &str) -> Result<Ports, String> {
        let port = |text: &str| match text.trim().parse::<u16>() {
            Ok(port) if port > 0 => Ok(port),
            _ => Err(format!("'{text}' is no port: ports go from 1 to 65535")),
        };
        let mut ports = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (port(first)?, port(last)?);
            if first > last {
                return Err(format!("port range {part} runs backwards"));
            }
            ports.extend(first..=last);
        }
        if let Some(port) = ports.iter().duplicates().next() {
            return Err(format!("port {port} is given twice"));
        }
        let taken: HashSet<u16> = ports.iter().copied().collect();
        for port in &ports {
            match port.checked_add(BUS) {
                None => {
                    return Err(format!(
                        "port {port} is too high: the cluster bus of a node listens {BUS} above its port, so choose ports up to {}",
                        u16::MAX - BUS
                    ));
                }
                Some(bus) if taken.contains(&bus) => {
                    return Err(format!(
                        "port {bus} is where the cluster bus of port {port} listens, {BUS} above it"
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(Ports(ports))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_as_lists_and_ranges() {
        assert_eq!("7001-7003,8001".parse(), Ok(Ports(vec![7001, 7002, 7003, 8001])));
        assert_eq!("auto".parse(), Ok(PortChoice::Auto));
        for (text, says) in [
            ("", "no port"),
            ("0", "no port"),
            ("70000", "no port"),
            ("5-3", "backwards"),
            ("5,4-6", "port 5 is given twice"),
            ("7001,60000", "60000 is too high"),
            ("7001,17001", "bus of port 7001"),
        ] {
            let error = text.parse::<PortChoice>().unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
