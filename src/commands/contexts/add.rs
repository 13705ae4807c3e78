//! A context is written into the file: the rest of it stays as it is, comments too.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use toml_edit::{Array, DocumentMut, Item, Table, Value, value};

use super::file::text;
use super::read::{parse, shown};
use crate::render::{Failure, Usage};

/// Writes a context of these keys into the file at once, for nobody else to read.
///
/// # Errors
/// There is one already and it is not to be replaced, or the file cannot be read or written.
pub fn add(
    path: &Path,
    name: &str,
    keys: &[(&str, Vec<String>)],
    replaces: bool,
) -> Result<(), Failure> {
    let file = shown(path);
    let failed = |error: io::Error| Failure::refused(format!("{file} cannot be written: {error}"));
    // Where it is a link into somebody's other files, those are written.
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let old = text(&place)?.map_or_else(String::new, |(text, _)| text);
    let new = with_context(&old, name, keys, replaces, &file)?;
    // What is written can be read.
    parse(&new, path)?;
    write(&place, &new).map_err(failed)
}

fn with_context(
    old: &str,
    name: &str,
    keys: &[(&str, Vec<String>)],
    replaces: bool,
    file: &str,
) -> Result<String, Usage> {
    let mut document: DocumentMut = old.parse().map_err(|error: toml_edit::TomlError| {
        let why = error.message().to_owned();
        Usage::new(format!("{file}: {why}"))
            .hint("fix it first; rcluster context list names what is wrong")
    })?;
    // What stands behind the last table stays before the new one.
    let end = document.trailing().as_str().unwrap_or_default().to_owned();
    document.set_trailing("");
    let contexts = document.entry("contexts").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let Some(contexts) = contexts.as_table_like_mut() else {
        return Err(Usage::new(format!("{file}: contexts is no table")));
    };
    if contexts.contains_key(name) && !replaces {
        return Err(Usage::new(format!("{file} has a context '{name}' already"))
            .hint("edit the file, or add --replace"));
    }
    let mut table = Table::new();
    if !end.is_empty() {
        table.decor_mut().set_prefix(end + "\n");
    }
    for (key, values) in keys {
        table.insert(key, item(key, values));
    }
    contexts.insert(name, Item::Table(table));
    Ok(document.to_string())
}

fn item(key: &str, values: &[String]) -> Item {
    match (key, values) {
        ("entries" | "address_map", values) => value(values.iter().collect::<Array>()),
        ("tls" | "protected", _) => value(true),
        (_, values) => Item::Value(Value::from(values.concat())),
    }
}

fn write(place: &Path, text: &str) -> io::Result<()> {
    let dir = place.parent().filter(|dir| !dir.as_os_str().is_empty());
    let dir = dir.map_or_else(|| PathBuf::from("."), Path::to_owned);
    fs::create_dir_all(&dir)?;
    // It is made with the mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(&dir)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(place).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_rest_of_the_file_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("real.toml"), dir.path().join("config.toml"));
        let old = "# ours\n[contexts.dev] # local\nentries = [\"127.0.0.1:7001\"]   # one\n# end\n";
        fs::write(&path, old).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let keys = [
            ("entries", vec!["10.0.0.1:6379".to_owned(), "10.0.0.2:6379".to_owned()]),
            ("user", vec!["a\"b".to_owned()]),
            ("protected", vec!["true".to_owned()]),
        ];
        add(&link, "prod", &keys, false).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let added = "\n[contexts.prod]\nentries = [\"10.0.0.1:6379\", \"10.0.0.2:6379\"]\n\
            user = 'a\"b'\nprotected = true\n";
        assert_eq!(text, format!("{old}{added}"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let again = add(&link, "prod", &keys, false).unwrap_err();
        assert!(again.message.contains("has a context 'prod' already"), "{again:?}");
        add(&link, "prod", &keys[..1], true).unwrap();
        assert!(!fs::read_to_string(&path).unwrap().contains("protected"));
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 2, "nothing is left beside it");
    }
}
