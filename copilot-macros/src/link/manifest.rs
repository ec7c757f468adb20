//! Finds the dependencies of a package that have tools, in manifests of Cargo. Pure, except for the given reader.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use super::toml::{self, Table, Value};

/// The package that tools depend on.
const RUNTIME: &str = "copilot-tools";

/// A crate to refer to.
#[derive(Debug, PartialEq)]
pub(super) struct Linked {
    pub(super) name: String,
    /// The conditions under which it is a dependency, as in `cfg(..)`.
    pub(super) conditions: Vec<String>,
}

/// The manifests that were read, by path.
pub(super) struct Manifests<R> {
    read: R,
    known: BTreeMap<PathBuf, Option<Rc<Table>>>,
}

/// A dependency on a package in a folder.
struct Dependency {
    key: String,
    folder: PathBuf,
    is_renamed: bool,
    conditions: Vec<String>,
}

impl<R: FnMut(&Path) -> Option<String>> Manifests<R> {
    /// `read` returns the text of a file; `None` if it cannot be read.
    pub(super) fn new(read: R) -> Self {
        Self { read, known: BTreeMap::new() }
    }

    /// Returns the paths of the manifests that were read.
    pub(super) fn read(&self) -> impl Iterator<Item = &Path> {
        self.known.iter().filter(|(_, table)| table.is_some()).map(|(path, _)| &**path)
    }

    /// Returns the crates with tools that the package in a folder depends on, and its own library if `with_library`
    /// returns `true` for its name.
    pub(super) fn linked(
        &mut self,
        folder: &Path,
        with_library: impl FnOnce(&str) -> bool,
    ) -> Result<Vec<Linked>, String> {
        let path = folder.join("Cargo.toml");
        let manifest = self.manifest(folder)?.ok_or_else(|| format!("{} cannot be read", path.display()))?;
        let mut linked = Vec::new();
        for dependency in self.dependencies(folder, &manifest, true)? {
            let Dependency { key, folder, is_renamed, conditions } = dependency;
            if !self.has_tools(&folder, &mut Vec::new())? {
                continue;
            }
            let library = self.library(&folder)?;
            let name = if is_renamed { Some(key.replace('-', "_")) } else { library.clone() };
            if let (Some(name), Some(_)) = (name, library) {
                linked.push(Linked { name, conditions });
            }
        }
        if let Some(name) = self.library(folder)?
            && with_library(&name)
            && (manifest.contains_key("lib") || (self.read)(&folder.join("src/lib.rs")).is_some())
        {
            linked.push(Linked { name, conditions: Vec::new() });
        }
        Ok(linked)
    }

    /// Returns the name of the library that a package in a folder has; `None` for one of macros.
    fn library(&mut self, folder: &Path) -> Result<Option<String>, String> {
        let Some(manifest) = self.manifest(folder)? else { return Ok(None) };
        let library = manifest.get("lib").and_then(Value::table);
        if library.is_some_and(|library| ["proc-macro", "proc_macro"].iter().any(|key| is_true(library, key)))
        {
            return Ok(None);
        }
        let named =
            library.and_then(|library| library.get("name")).or_else(|| package(&manifest)?.get("name"));
        Ok(named.and_then(Value::text).map(|name| name.replace('-', "_")))
    }

    /// Returns whether a package in a folder depends on the runtime, itself or through others in folders.
    fn has_tools(&mut self, folder: &Path, visited: &mut Vec<PathBuf>) -> Result<bool, String> {
        let Some(manifest) = self.manifest(folder)? else { return Ok(false) };
        let name = package(&manifest).and_then(|package| package.get("name")).and_then(Value::text);
        if visited.iter().any(|other| other == folder) || name == Some(RUNTIME) {
            return Ok(false);
        }
        visited.push(folder.to_owned());
        if self.depends_on_runtime(folder, &manifest)? {
            return Ok(true);
        }
        for dependency in self.dependencies(folder, &manifest, false)? {
            if self.has_tools(&dependency.folder, visited)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn depends_on_runtime(&mut self, folder: &Path, manifest: &Table) -> Result<bool, String> {
        for (table, _) in tables(manifest, false)? {
            for (key, value) in table {
                let (specified, _) = self.specified(folder, manifest, key, value)?;
                let package = specified.table().and_then(|table| table.get("package")).and_then(Value::text);
                if package.unwrap_or(key) == RUNTIME {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Returns the dependencies on packages in folders.
    fn dependencies(
        &mut self,
        folder: &Path,
        manifest: &Table,
        dev: bool,
    ) -> Result<Vec<Dependency>, String> {
        let mut found = Vec::new();
        for (table, condition) in tables(manifest, dev)? {
            for (key, value) in table {
                let (specified, base) = self.specified(folder, manifest, key, value)?;
                let Some(specified) = specified.table() else { continue };
                let Some(path) = specified.get("path").and_then(Value::text) else { continue };
                let mut conditions: Vec<String> = condition.clone().into_iter().collect();
                if value.table().is_some_and(|own| is_true(own, "optional")) {
                    conditions.push(features(manifest, key));
                }
                found.push(Dependency {
                    key: key.clone(),
                    folder: normal(&base.join(path)),
                    is_renamed: specified.contains_key("package"),
                    conditions,
                });
            }
        }
        Ok(found)
    }

    /// Returns the specification of a dependency, and the folder that its path begins in: those of the workspace for
    /// `workspace = true`.
    fn specified(
        &mut self,
        folder: &Path,
        manifest: &Table,
        key: &str,
        value: &Value,
    ) -> Result<(Value, PathBuf), String> {
        if !value.table().is_some_and(|value| is_true(value, "workspace")) {
            return Ok((value.clone(), folder.to_owned()));
        }
        let root = package(manifest).and_then(|package| package.get("workspace")).and_then(Value::text);
        let given = root.map(|root| normal(&folder.join(root)));
        let folders = match &given {
            Some(root) => vec![root.clone()],
            None => folder.ancestors().map(Path::to_owned).collect(),
        };
        for folder in folders {
            let Some(root) = self.manifest(&folder)? else { continue };
            let Some(workspace) = root.get("workspace").and_then(Value::table) else { continue };
            let dependencies = workspace.get("dependencies").and_then(Value::table);
            let specified = dependencies.and_then(|dependencies| dependencies.get(key)).cloned();
            return Ok((specified.unwrap_or(Value::Other), folder));
        }
        Err(format!("the workspace of {} is not found", folder.display()))
    }

    fn manifest(&mut self, folder: &Path) -> Result<Option<Rc<Table>>, String> {
        let path = folder.join("Cargo.toml");
        if !self.known.contains_key(&path) {
            let text = (self.read)(&path);
            let parsed = text.map(|text| toml::parse(&text)).transpose();
            let parsed = parsed.map_err(|error| format!("{}: {error}", path.display()))?;
            self.known.insert(path.clone(), parsed.map(Rc::new));
        }
        Ok(self.known.get(&path).cloned().flatten())
    }
}

fn package(manifest: &Table) -> Option<&Table> {
    manifest.get("package").and_then(Value::table)
}

fn is_true(table: &Table, key: &str) -> bool {
    table.get(key).is_some_and(Value::is_true)
}

/// Returns the tables of dependencies, each with its condition.
fn tables(manifest: &Table, dev: bool) -> Result<Vec<(&Table, Option<String>)>, String> {
    let of = |table: &'_ Table| -> Vec<(String, bool)> {
        let keys = [("dependencies", false), ("dev-dependencies", true), ("dev_dependencies", true)];
        let listed = keys.iter().filter(|(key, is_dev)| table.contains_key(*key) && (dev || !is_dev));
        listed.map(|(key, is_dev)| ((*key).to_owned(), *is_dev)).collect()
    };
    let mut tables = Vec::new();
    for (key, is_dev) in of(manifest) {
        tables.extend(manifest[&key].table().map(|table| (table, is_dev.then(|| "test".to_owned()))));
    }
    for (target, table) in manifest.get("target").and_then(Value::table).into_iter().flatten() {
        let Some(table) = table.table() else { continue };
        // A target triple is not a condition of the compiler.
        let condition = target.strip_prefix("cfg(").and_then(|rest| rest.strip_suffix(')'));
        for (key, is_dev) in of(table) {
            let Some(listed) = table[&key].table() else { continue };
            let condition = condition.ok_or_else(|| {
                format!("`[target.{target}]` is not a condition; write `[target.'cfg(..)']`")
            })?;
            let condition = if is_dev { format!("test, {condition}") } else { condition.to_owned() };
            tables.push((listed, Some(condition)));
        }
    }
    Ok(tables)
}

/// Returns the condition under which an optional dependency is there: one of the features that enable it.
fn features(manifest: &Table, key: &str) -> String {
    let (explicit, part) = (format!("dep:{key}"), format!("{key}/"));
    let features = manifest.get("features").and_then(Value::table);
    let mut enabling = Vec::new();
    let mut is_implicit = true;
    for (feature, enabled) in features.into_iter().flatten() {
        let enabled = || enabled.list().iter().filter_map(Value::text);
        is_implicit &= !enabled().any(|enabled| enabled == explicit);
        if enabled().any(|enabled| enabled == explicit || enabled == key || enabled.starts_with(&part)) {
            enabling.push(format!("feature = {feature:?}"));
        }
    }
    if is_implicit {
        enabling.push(format!("feature = {key:?}"));
    }
    format!("any({})", enabling.join(", "))
}

/// Returns a path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOLS: &str = "[dependencies]\ncopilot = { package = \"copilot-tools\", version = \"0.1\" }\n";

    fn linked(files: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let mut manifests = Manifests::new(|path: &Path| {
            let found = files.iter().find(|(name, _)| Path::new("/w").join(name) == path);
            found.map(|(_, text)| (*text).to_owned())
        });
        let linked = manifests.linked(Path::new("/w/app"), |library| library != "app")?;
        Ok(linked
            .into_iter()
            .map(|Linked { name, conditions }| format!("{name} {}", conditions.join("; ")))
            .collect())
    }

    fn tools(name: &str) -> String {
        format!("[package]\nname = \"{name}\"\n{TOOLS}")
    }

    #[test]
    fn dependencies_with_a_path_are_linked_if_they_depend_on_the_runtime() {
        let app = "[package]\nname = \"app\"\n[dependencies]\nserde = \"1\"\ncopilot = { path = \"../copilot\" }\n\
                   a-tools = { path = \"../a\" }\nrenamed-tools = { path = \"../b\", package = \"b-tools\" }\n\
                   plain = { path = \"../plain\" }\nnamed = { path = \"../named\" }\nouter = { path = \"../outer\" }\n\
                   macros = { path = \"../macros\" }\n[dev-dependencies]\nc-tools.path = \"../c\"\n";
        let files = [
            ("app/Cargo.toml", app),
            ("a/Cargo.toml", &tools("a-tools")),
            ("b/Cargo.toml", &tools("b-tools")),
            ("c/Cargo.toml", &tools("c-tools")),
            ("copilot/Cargo.toml", "[package]\nname = \"copilot-tools\"\n"),
            ("plain/Cargo.toml", "[package]\nname = \"plain\"\n[dependencies]\nserde = \"1\"\n"),
            ("named/Cargo.toml", &format!("{}[lib]\nname = \"other\"\n", tools("named"))),
            ("outer/Cargo.toml", "[package]\nname = \"outer\"\n[dependencies]\na = { path = \"../a\" }\n"),
            ("macros/Cargo.toml", &format!("{}[lib]\nproc-macro = true\n", tools("macros"))),
        ];
        let expected = ["a_tools ", "other ", "outer ", "renamed_tools ", "c_tools test"];
        assert_eq!(linked(&files).unwrap(), expected);
    }

    #[test]
    fn optional_dependencies_and_those_of_a_target_have_conditions() {
        let app = "[package]\nname = \"app\"\n[dependencies]\na = { path = \"../a\", optional = true }\n\
                   b = { path = \"../b\", optional = true }\n[target.'cfg(all(unix, not(test)))'.dependencies]\n\
                   c = { path = \"../c\" }\n[features]\ndefault = [\"all\"]\nall = [\"dep:b\", \"a/x\"]\n\
                   weak = [\"b?/x\"]\n";
        let [a, b, c] = ["a", "b", "c"].map(tools);
        let files =
            [("app/Cargo.toml", app), ("a/Cargo.toml", &a), ("b/Cargo.toml", &b), ("c/Cargo.toml", &c)];
        let expected = [
            "a any(feature = \"all\", feature = \"a\")",
            "b any(feature = \"all\")",
            "c all(unix, not(test))",
        ];
        assert_eq!(linked(&files).unwrap(), expected);
        let triple =
            "[package]\nname = \"app\"\n[target.x86_64-pc-windows-msvc.dependencies]\nc.path = \"../c\"\n";
        let error = linked(&[("app/Cargo.toml", triple)]).unwrap_err();
        assert!(error.starts_with("`[target.x86_64-pc-windows-msvc]` is not a condition"), "{error}");
    }

    #[test]
    fn the_workspace_specifies_inherited_dependencies() {
        let root = "[workspace]\n[workspace.dependencies]\na = { path = \"a\" }\n\
                    copilot = { package = \"copilot-tools\", version = \"0.1\" }\n";
        let a = "[package]\nname = \"a\"\n[dependencies]\ncopilot.workspace = true\n";
        let app = "[package]\nname = \"app\"\n[dependencies]\na = { workspace = true, optional = true }\n";
        let files = [("Cargo.toml", root), ("app/Cargo.toml", app), ("a/Cargo.toml", a)];
        assert_eq!(linked(&files).unwrap(), ["a any(feature = \"a\")"]);
        let error = linked(&files[1..]).unwrap_err();
        assert_eq!(error, "the workspace of /w/app is not found");
    }

    #[test]
    fn the_library_of_the_package_is_linked_by_its_other_crates() {
        let named = "[package]\nname = \"my-app\"\n";
        let library = [("app/Cargo.toml", named), ("app/src/lib.rs", "")];
        assert_eq!(linked(&library).unwrap(), ["my_app "]);
        assert!(linked(&library[..1]).unwrap().is_empty());
        let own = [("app/Cargo.toml", "[package]\nname = \"app\"\n"), ("app/src/lib.rs", "")];
        assert!(linked(&own).unwrap().is_empty());
        assert_eq!(linked(&[]).unwrap_err(), "/w/app/Cargo.toml cannot be read");
        let broken = linked(&[("app/Cargo.toml", "[package")]).unwrap_err();
        assert_eq!(broken, "/w/app/Cargo.toml: expected `]`, found ``");
    }
}
