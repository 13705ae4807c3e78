//! Which file of `src` uses which: every path in it, followed to the file that defines what it names.
//!
//! A file uses another if it names something that the other defines: in an import or in its code, by
//! `crate::`, `super::`, `self::` or the name of a module. A re-export (`pub use`) is a signpost: the
//! file that has it does not use what it points to, and whoever takes the way over it uses the file
//! at its end. Methods are not followed, only names; tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree, Visibility};

/// A module, by the names on the way from the crate's root.
type Module = Vec<String>;

/// One file, read.
#[derive(Default)]
struct Source {
    module: Module,
    /// What each imported name stands for.
    imports: BTreeMap<String, Module>,
    /// The imported names that are only passed on.
    passed_on: BTreeSet<String>,
    /// Every path in the code, as it is written.
    paths: BTreeSet<Vec<String>>,
}

/// Each file, and the files that it uses.
pub fn uses(src: &Path, files: &[PathBuf]) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
    let by_module: BTreeMap<Module, PathBuf> =
        files.iter().map(|file| (module_of(src, file), file.clone())).collect();
    let is_module = |module: &[String]| by_module.contains_key(module);
    let sources: BTreeMap<Module, Source> = by_module
        .iter()
        .map(|(module, file)| (module.clone(), Source::read(module, file, &is_module)))
        .collect();
    let mut all = BTreeMap::new();
    for source in sources.values() {
        let imported = source.imports.iter().filter(|(name, _)| !source.passed_on.contains(*name));
        let imported = imported.map(|(_, path)| path.clone());
        let named = source.paths.iter().filter_map(|path| source.absolute(path, &is_module));
        let used = imported.chain(named).filter_map(|path| definer(&path, &sources));
        let used = used.filter(|module| *module != source.module);
        let used = used.map(|module| by_module[&module].clone()).collect();
        all.insert(by_module[&source.module].clone(), used);
    }
    all
}

/// The module that defines what a path names; `None` where that is a module itself.
fn definer(path: &[String], sources: &BTreeMap<Module, Source>) -> Option<Module> {
    let (module, rest) = (0..=path.len()).rev().find_map(|end| {
        let (module, rest) = path.split_at(end);
        Some((sources.get(module)?, rest))
    })?;
    let name = rest.first()?;
    match module.imports.get(name) {
        Some(target) => {
            let onward = [target.as_slice(), &rest[1..]].concat();
            definer(&onward, sources)
        }
        None => Some(module.module.clone()),
    }
}

fn module_of(src: &Path, file: &Path) -> Module {
    let inner = file.strip_prefix(src).unwrap().with_extension("");
    let names = inner.iter().map(|name| name.to_str().unwrap().to_owned());
    names.filter(|name| name != "mod").collect()
}

fn is_test(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| {
        attr.path().is_ident("cfg")
            && attr.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

impl Source {
    fn read(module: &[String], file: &Path, is_module: &impl Fn(&[String]) -> bool) -> Source {
        let text = fs::read_to_string(file).unwrap();
        let parsed = syn::parse_file(&text);
        let parsed = parsed.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut source = Source { module: module.to_vec(), ..Source::default() };
        let mut trees = Vec::new();
        for item in &parsed.items {
            match item {
                Item::Use(import) => {
                    let is_private = matches!(import.vis, Visibility::Inherited);
                    trees.push((&import.tree, is_private));
                }
                Item::Mod(inner) if is_test(&inner.attrs) => {}
                item => source.visit_item(item),
            }
        }
        for (tree, is_private) in trees {
            source.import(tree, Vec::new(), is_private, is_module);
        }
        source
    }

    fn import(
        &mut self,
        tree: &UseTree,
        mut path: Vec<String>,
        is_private: bool,
        is_module: &impl Fn(&[String]) -> bool,
    ) {
        match tree {
            UseTree::Path(inner) => {
                path.push(inner.ident.to_string());
                self.import(&inner.tree, path, is_private, is_module);
            }
            UseTree::Group(group) => group
                .items
                .iter()
                .for_each(|tree| self.import(tree, path.clone(), is_private, is_module)),
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                if name != "self" {
                    path.push(name);
                }
                self.note(path, None, is_private, is_module);
            }
            UseTree::Rename(renamed) => {
                path.push(renamed.ident.to_string());
                self.note(path, Some(renamed.rename.to_string()), is_private, is_module);
            }
            UseTree::Glob(_) => panic!("a glob hides what is used: {path:?} in {:?}", self.module),
        }
    }

    fn note(
        &mut self,
        path: Vec<String>,
        name: Option<String>,
        is_private: bool,
        is_module: &impl Fn(&[String]) -> bool,
    ) {
        let Some(target) = self.absolute(&path, is_module) else { return };
        let Some(name) = name.or_else(|| path.last().cloned()) else { return };
        if !is_private {
            self.passed_on.insert(name.clone());
        }
        self.imports.insert(name, target);
    }

    /// A path from the crate's root; `None` for what comes from elsewhere.
    fn absolute(&self, path: &[String], is_module: &impl Fn(&[String]) -> bool) -> Option<Module> {
        let mut module = self.module.clone();
        let mut rest = path;
        match rest.first()?.as_str() {
            "crate" => (module, rest) = (Vec::new(), &rest[1..]),
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|name| name == "super") {
                    module.pop();
                    rest = &rest[1..];
                }
            }
            first if self.imports.contains_key(first) => {
                (module, rest) = (self.imports[first].clone(), &rest[1..]);
            }
            first => {
                module.push(first.to_owned());
                if !is_module(&module) {
                    return None;
                }
                rest = &rest[1..];
            }
        }
        module.extend_from_slice(rest);
        Some(module)
    }
}

impl<'ast> Visit<'ast> for Source {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.paths.insert(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }
}

/// The shortest circle that there is, if any: each file uses the next, the last one the first.
pub fn circle(uses: &BTreeMap<PathBuf, BTreeSet<PathBuf>>) -> Option<Vec<PathBuf>> {
    uses.keys().filter_map(|start| way_back(start, uses)).min_by_key(Vec::len)
}

fn way_back(start: &PathBuf, uses: &BTreeMap<PathBuf, BTreeSet<PathBuf>>) -> Option<Vec<PathBuf>> {
    let mut from: BTreeMap<&PathBuf, &PathBuf> = BTreeMap::new();
    let mut fresh = vec![start];
    while !fresh.is_empty() {
        let mut next = Vec::new();
        for file in fresh {
            for used in &uses[file] {
                if used == start {
                    let mut way = vec![file.clone()];
                    while let Some(before) = from.get(&way[way.len() - 1]) {
                        way.push((*before).clone());
                    }
                    way.reverse();
                    return Some(way);
                }
                if !from.contains_key(used) {
                    from.insert(used, file);
                    next.push(used);
                }
            }
        }
        fresh = next;
    }
    None
}
