//! Variables of the environment by which clients find a sandbox.

use std::ffi::OsString;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

use itertools::Itertools;

use crate::local::LocalAccess;

/// The variable that names the directory of a sandbox.
pub const DIR: &str = "RCLUSTER_SANDBOX";

/// Each variable and its value.
pub type Variables = Vec<(&'static str, OsString)>;

/// The variables of the sandbox in `root`, a whole path.
pub fn environment(root: &Path, nodes: &[SocketAddr], access: &LocalAccess) -> Variables {
    let mut found: Variables =
        vec![(DIR, root.into()), ("REDIS_NODES", nodes.iter().join(",").into())];
    found.extend(nodes.first().map(|node| ("REDIS_URL", url(node, access).into())));
    if let Some(password) = &access.password {
        // redis-cli, valkey-cli and rcluster read the second.
        found.extend(["REDIS_PASSWORD", "REDISCLI_AUTH"].map(|name| (name, password.into())));
    }
    if let Some(tls) = &access.tls {
        found.push(("REDIS_TLS_CA", tls.ca().into()));
        found.push(("REDIS_TLS_CERT", tls.file("client.pem").into()));
        found.push(("REDIS_TLS_KEY", tls.file("client.key").into()));
    }
    found
}

/// A node as client libraries take it, and redis-cli, which does not log in without a user's name.
pub fn url(node: &SocketAddr, access: &LocalAccess) -> String {
    let scheme = if access.tls.is_some() { "rediss" } else { "redis" };
    let login =
        access.password.as_deref().map(|password| format!("default:{}@", encoded(password)));
    format!("{scheme}://{}{node}", login.unwrap_or_default())
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(byte.into());
            }
            // A String takes whatever is written.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NodeUrl;

    #[test]
    fn a_url_is_read_as_it_was_meant() {
        let password = "a b@c:d/e%f'\"$é";
        let access = LocalAccess { password: Some(password.to_owned()), tls: None };
        let url = url(&"127.0.0.1:7001".parse().unwrap(), &access);
        let read = NodeUrl::read(&url).unwrap();
        assert_eq!((read.place, read.tls), ("127.0.0.1:7001", false));
        let login = read.login().unwrap();
        assert_eq!((login.0.as_deref(), login.1.as_deref()), (Some("default"), Some(password)));
    }
}
