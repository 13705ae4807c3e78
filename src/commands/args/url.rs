//! What URLs among the arguments ask for: TLS, a user, a password.

use std::ffi::OsString;

use clap::ArgMatches;
use itertools::Itertools;

use crate::model::{NodeAddr, NodeList, NodeRef, NodeUrl, parts};
use crate::render::Usage;
use crate::wire::Secret;

/// What the URLs of one cluster say of how it is reached.
#[derive(Clone, Debug, Default)]
pub struct UrlLogin {
    pub tls: bool,
    pub user: Option<String>,
    pub password: Option<Secret>,
}

/// What URLs say of the cluster, and of the source that keys are imported from.
#[derive(Clone, Debug, Default)]
pub struct UrlLogins {
    pub cluster: UrlLogin,
    pub source: UrlLogin,
}

impl UrlLogins {
    /// Reads every URL that was given where a node is named.
    pub fn of(matches: &ArgMatches) -> Result<UrlLogins, Usage> {
        let Some((name, matches)) = matches.subcommand() else { return Ok(UrlLogins::default()) };
        let is_node = |id: &str| {
            matches.try_get_many::<NodeList>(id).is_ok()
                || matches.try_get_many::<NodeAddr>(id).is_ok()
                || matches.try_get_many::<NodeRef>(id).is_ok()
        };
        let (mut cluster, mut source) = (Vec::new(), Vec::new());
        for id in matches.ids().map(clap::Id::as_str).filter(|id| is_node(id)) {
            let words = matches.get_raw(id).into_iter().flatten().filter_map(|word| word.to_str());
            let urls = words.flat_map(parts).filter_map(NodeUrl::read);
            let is_source = (name, id) == ("import", "from");
            if is_source { &mut source } else { &mut cluster }.extend(urls);
        }
        Ok(UrlLogins { cluster: UrlLogin::of(&cluster)?, source: UrlLogin::of(&source)? })
    }

    pub fn has_password(&self) -> bool {
        self.cluster.password.is_some() || self.source.password.is_some()
    }
}

impl UrlLogin {
    /// All nodes are reached in one way.
    fn of(urls: &[NodeUrl]) -> Result<UrlLogin, Usage> {
        let apart = |what: &str| {
            Usage::new(format!("the URLs do not agree on {what}"))
                .hint("all nodes of a cluster are reached in one way")
        };
        if !urls.iter().map(|url| url.tls).all_equal() {
            return Err(apart("TLS"));
        }
        let logins = urls.iter().map(NodeUrl::login).collect::<Result<Vec<_>, _>>();
        let logins = logins.map_err(|error| Usage::new(error.to_string()))?;
        let (users, passwords): (Vec<_>, Vec<_>) = logins.into_iter().unzip();
        let one = |given: Vec<Option<String>>, what| {
            let given = given.into_iter().flatten().filter(|text| !text.is_empty()).unique();
            given.at_most_one().map_err(|_| apart(what))
        };
        Ok(UrlLogin {
            tls: urls.iter().any(|url| url.tls),
            user: one(users, "the user")?,
            password: one(passwords, "the password")?.map(Secret::new),
        })
    }

    /// The user to log in as, where an option names one too.
    pub fn user_or(&self, option: &str, named: Option<String>) -> Result<Option<String>, Usage> {
        match (&self.user, named) {
            (Some(own), Some(named)) if *own != named => {
                Err(Usage::new(format!("{option} names the user '{named}', the URL '{own}'")))
            }
            (own, named) => Ok(named.or_else(|| own.clone())),
        }
    }
}

/// A text without the passwords of the URLs among these words.
pub fn without_passwords(text: String, words: &[OsString]) -> String {
    let words = words.iter().filter_map(|word| word.to_str());
    // A URL may stand behind a context's name.
    let behind = words.clone().flat_map(parts).filter_map(|part| Some(part.split_once('/')?.1));
    let passwords = words.flat_map(parts).chain(behind).filter_map(NodeUrl::read);
    let passwords = passwords.filter_map(|url| url.raw_password());
    passwords.fold(text, |text, password| text.replace(password, "***"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_debug_text_has_a_password() {
        let url = NodeUrl::read("redis://ann:hunter2@h:1").unwrap();
        let login = UrlLogin::of(&[url]).unwrap();
        let given: super::super::Given = ("REDISCLI_AUTH", Secret::new("hunter2"));
        let access = crate::wire::Access { password: login.password.clone(), ..Default::default() };
        let shown = format!("{url:?} {login:?} {given:?} {access:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
