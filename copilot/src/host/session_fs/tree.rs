//! A tree of files in memory, and the operations on it.
//!
//! Pure: a path is a list of names, and the caller gives the time. `path` is the spelling of the names in
//! errors. An operation that fails changes nothing, and none makes a tree too deep for the recursion over it.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::path::check_depth;
use super::{FsEntry, FsError, FsKind, FsRm, FsStat};

/// The files of one session.
#[derive(Clone)]
pub(crate) struct Tree {
    root: Node,
    bytes: u64,
}

#[derive(Clone)]
struct Node {
    modified: SystemTime,
    created: SystemTime,
    content: Content,
}

#[derive(Clone)]
enum Content {
    File(Vec<u8>),
    Directory(BTreeMap<String, Node>),
}

/// A file or directory of a tree, for those who list all of it.
pub(crate) struct Listed<'a> {
    /// The names from the root on.
    pub(crate) names: Vec<&'a str>,
    /// The content of a file; `None` for a directory.
    pub(crate) content: Option<&'a [u8]>,
    pub(crate) modified: SystemTime,
    pub(crate) created: SystemTime,
}

impl Tree {
    pub(crate) fn new(now: SystemTime) -> Self {
        Self { root: Node::directory(now), bytes: 0 }
    }

    /// The length of all files together.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The content of a file, where there is one.
    pub(crate) fn file(&self, names: &[&str]) -> Option<&[u8]> {
        match &find(&self.root, names)?.content {
            Content::File(content) => Some(content),
            Content::Directory(_) => None,
        }
    }

    pub(crate) fn is_directory(&self, names: &[&str]) -> bool {
        find(&self.root, names).is_some_and(|node| node.kind() == FsKind::Directory)
    }

    pub(crate) fn read(&self, path: &str, names: &[&str]) -> Result<&[u8], FsError> {
        match &existing(&self.root, path, names)?.content {
            Content::File(content) => Ok(content),
            Content::Directory(_) => Err(is_directory(path)),
        }
    }

    pub(crate) fn stat(&self, path: &str, names: &[&str]) -> Result<FsStat, FsError> {
        let node = existing(&self.root, path, names)?;
        let stat = match &node.content {
            Content::File(content) => FsStat::file(content.len() as u64),
            Content::Directory(_) => FsStat::directory(),
        };
        Ok(stat.modified(node.modified).created(node.created))
    }

    pub(crate) fn readdir(&self, path: &str, names: &[&str]) -> Result<Vec<FsEntry>, FsError> {
        match &existing(&self.root, path, names)?.content {
            Content::Directory(entries) => Ok(entries
                .iter()
                .map(|(name, node)| FsEntry { name: name.clone(), kind: node.kind() })
                .collect()),
            Content::File(_) => Err(not_a_directory(path)),
        }
    }

    /// Creates a file, or replaces its content.
    pub(crate) fn write(
        &mut self,
        path: &str,
        names: &[&str],
        content: &[u8],
        now: SystemTime,
    ) -> Result<(), FsError> {
        let file = file_at(&mut self.root, path, names, now)?;
        self.bytes = self.bytes - file.len() as u64 + content.len() as u64;
        file.clear();
        file.extend_from_slice(content);
        Ok(())
    }

    /// Creates a file, or appends to it.
    pub(crate) fn append(
        &mut self,
        path: &str,
        names: &[&str],
        added: &[u8],
        now: SystemTime,
    ) -> Result<(), FsError> {
        file_at(&mut self.root, path, names, now)?.extend_from_slice(added);
        self.bytes += added.len() as u64;
        Ok(())
    }

    /// Creates a directory, whose parent must exist.
    pub(crate) fn mkdir(&mut self, path: &str, names: &[&str], now: SystemTime) -> Result<(), FsError> {
        let (name, above) = names.split_last().ok_or_else(|| exists_already(path))?;
        check_depth(names.len())?;
        let entries = directory(&mut self.root, path, above)?;
        if entries.contains_key(*name) {
            return Err(exists_already(path));
        }
        entries.insert((*name).to_owned(), Node::directory(now));
        Ok(())
    }

    /// Creates a directory and those above it, where they are missing.
    pub(crate) fn mkdir_all(&mut self, names: &[&str], now: SystemTime) -> Result<(), FsError> {
        check_depth(names.len())?;
        // Nothing is created below a file.
        let mut node = Some(&self.root);
        for name in names {
            node = match node.map(|node| &node.content) {
                Some(Content::Directory(entries)) => entries.get(*name),
                Some(Content::File(_)) => {
                    return Err(FsError::new(format!("there is a file where {name} is to be")));
                }
                None => None,
            };
        }
        if node.is_some_and(|node| node.kind() == FsKind::File) {
            return Err(FsError::new("there is a file where a directory is to be"));
        }
        let mut node = &mut self.root;
        for name in names {
            let Content::Directory(entries) = &mut node.content else { break };
            node = entries.entry((*name).to_owned()).or_insert_with(|| Node::directory(now));
        }
        Ok(())
    }

    pub(crate) fn rm(&mut self, names: &[&str], rm: FsRm<'_>) -> Result<(), FsError> {
        let FsRm { path, recursive, force } = rm;
        let (name, above) = names.split_last().ok_or_else(|| FsError::new("the root stays"))?;
        let entries = match directory(&mut self.root, path, above) {
            Err(error) if error.is_not_found() && force => return Ok(()),
            entries => entries?,
        };
        match entries.get(*name).map(Node::kind) {
            None if force => return Ok(()),
            None => return Err(FsError::not_found(path)),
            Some(FsKind::Directory) if !recursive => return Err(is_directory(path)),
            Some(_) => {}
        }
        if let Some(removed) = entries.remove(*name) {
            self.bytes -= removed.bytes();
        }
        Ok(())
    }

    /// Moves a file or directory; a file at the other path is replaced.
    pub(crate) fn rename(
        &mut self,
        (from, names): (&str, &[&str]),
        (to, target): (&str, &[&str]),
    ) -> Result<(), FsError> {
        let (name, above) = names.split_last().ok_or_else(|| FsError::new("the root stays"))?;
        let (new_name, new_above) = target.split_last().ok_or_else(|| FsError::new("the root stays"))?;
        if target.starts_with(names) && target.len() > names.len() {
            return Err(FsError::new(format!("{from} cannot be moved into itself")));
        }
        let moved = existing(&self.root, from, names)?;
        check_depth(target.len() + moved.depth())?;
        let kind = moved.kind();
        match directory(&mut self.root, to, new_above)?.get(*new_name).map(Node::kind) {
            Some(FsKind::Directory) if target != names => return Err(is_directory(to)),
            Some(FsKind::File) if kind == FsKind::Directory => return Err(exists_already(to)),
            _ => {}
        }
        let node =
            directory(&mut self.root, from, above)?.remove(*name).ok_or_else(|| FsError::not_found(from))?;
        if let Some(replaced) = directory(&mut self.root, to, new_above)?.insert((*new_name).to_owned(), node)
        {
            self.bytes -= replaced.bytes();
        }
        Ok(())
    }

    /// Sets the times of a file or directory that exists.
    pub(crate) fn set_times(&mut self, names: &[&str], modified: SystemTime, created: SystemTime) {
        let mut node = &mut self.root;
        for name in names {
            let Content::Directory(entries) = &mut node.content else { return };
            let Some(next) = entries.get_mut(*name) else { return };
            node = next;
        }
        (node.modified, node.created) = (modified, created);
    }

    /// All files and directories below the root, each directory before its entries.
    pub(crate) fn list(&self) -> Vec<Listed<'_>> {
        fn walk<'a>(node: &'a Node, names: &[&'a str], listed: &mut Vec<Listed<'a>>) {
            let Content::Directory(entries) = &node.content else { return };
            for (name, node) in entries {
                let names = [names, &[name.as_str()]].concat();
                let content = match &node.content {
                    Content::File(content) => Some(content.as_slice()),
                    Content::Directory(_) => None,
                };
                let (modified, created) = (node.modified, node.created);
                listed.push(Listed { names: names.clone(), content, modified, created });
                walk(node, &names, listed);
            }
        }
        let mut listed = Vec::new();
        walk(&self.root, &[], &mut listed);
        listed
    }
}

impl Node {
    fn directory(now: SystemTime) -> Self {
        Self { modified: now, created: now, content: Content::Directory(BTreeMap::new()) }
    }

    fn kind(&self) -> FsKind {
        match self.content {
            Content::File(_) => FsKind::File,
            Content::Directory(_) => FsKind::Directory,
        }
    }

    /// Returns the number of names on the longest way from the node to one below it.
    fn depth(&self) -> usize {
        match &self.content {
            Content::File(_) => 0,
            Content::Directory(entries) => entries.values().map(|node| 1 + node.depth()).max().unwrap_or(0),
        }
    }

    fn bytes(&self) -> u64 {
        match &self.content {
            Content::File(content) => content.len() as u64,
            Content::Directory(entries) => entries.values().map(Self::bytes).sum(),
        }
    }
}

fn find<'a>(root: &'a Node, names: &[&str]) -> Option<&'a Node> {
    names.iter().try_fold(root, |node, name| match &node.content {
        Content::Directory(entries) => entries.get(*name),
        Content::File(_) => None,
    })
}

fn existing<'a>(root: &'a Node, path: &str, names: &[&str]) -> Result<&'a Node, FsError> {
    find(root, names).ok_or_else(|| FsError::not_found(path))
}

/// The entries of the directory at `names`, which is `path` or above it.
fn directory<'a>(
    root: &'a mut Node,
    path: &str,
    names: &[&str],
) -> Result<&'a mut BTreeMap<String, Node>, FsError> {
    let mut node = root;
    for name in names {
        node = match &mut node.content {
            Content::Directory(entries) => entries.get_mut(*name).ok_or_else(|| FsError::not_found(path))?,
            Content::File(_) => return Err(FsError::not_found(path)),
        };
    }
    match &mut node.content {
        Content::Directory(entries) => Ok(entries),
        Content::File(_) => Err(not_a_directory(path)),
    }
}

/// The content of a file, which is created where there is none, and modified now.
fn file_at<'a>(
    root: &'a mut Node,
    path: &str,
    names: &[&str],
    now: SystemTime,
) -> Result<&'a mut Vec<u8>, FsError> {
    let (name, above) = names.split_last().ok_or_else(|| is_directory(path))?;
    check_depth(names.len())?;
    let node = directory(root, path, above)?.entry((*name).to_owned()).or_insert_with(|| Node {
        modified: now,
        created: now,
        content: Content::File(Vec::new()),
    });
    let Content::File(content) = &mut node.content else { return Err(is_directory(path)) };
    node.modified = now;
    Ok(content)
}

fn is_directory(path: &str) -> FsError {
    FsError::new(format!("{path} is a directory"))
}

fn not_a_directory(path: &str) -> FsError {
    FsError::new(format!("{path}: a file is not a directory"))
}

fn exists_already(path: &str) -> FsError {
    FsError::new(format!("{path} exists already"))
}

#[cfg(test)]
mod tests {
    use super::super::path::MAX_NAMES;
    use super::*;

    #[test]
    fn the_size_follows_every_operation() {
        let now = SystemTime::now();
        let mut tree = Tree::new(now);
        tree.mkdir_all(&["a", "b"], now).unwrap();
        tree.write("/a/x", &["a", "x"], b"1234", now).unwrap();
        tree.append("/a/x", &["a", "x"], b"56", now).unwrap();
        tree.write("/a/b/y", &["a", "b", "y"], b"12", now).unwrap();
        assert_eq!(tree.bytes(), 8);
        tree.write("/a/x", &["a", "x"], b"1", now).unwrap();
        assert_eq!(tree.bytes(), 3);
        tree.rename(("/a/x", &["a", "x"]), ("/a/b/y", &["a", "b", "y"])).unwrap();
        assert_eq!((tree.bytes(), tree.file(&["a", "b", "y"])), (1, Some(b"1".as_slice())));
        tree.rename(("/a/b/y", &["a", "b", "y"]), ("/a/b/y", &["a", "b", "y"])).unwrap();
        assert_eq!(tree.bytes(), 1);
        tree.rm(&["a"], FsRm { path: "/a", recursive: true, force: false }).unwrap();
        assert_eq!((tree.bytes(), tree.list().len()), (0, 0));
    }

    #[test]
    fn a_failed_operation_changes_nothing() {
        let now = SystemTime::now();
        let mut tree = Tree::new(now);
        tree.write("/f", &["f"], b"1", now).unwrap();
        assert!(tree.mkdir_all(&["f", "d"], now).is_err() && tree.mkdir_all(&["f"], now).is_err());
        assert!(tree.mkdir_all(&["d", "e"], now).is_ok() && tree.mkdir("/d", &["d"], now).is_err());
        assert!(tree.rename(("/f", &["f"]), ("/d", &["d"])).is_err());
        assert!(tree.write("/d", &["d"], b"1", now).is_err());
        assert_eq!((tree.bytes(), tree.list().len()), (1, 3));
    }

    #[test]
    fn no_operation_makes_a_tree_too_deep() {
        let now = SystemTime::now();
        let mut tree = Tree::new(now);
        let deep = ["d"; MAX_NAMES];
        tree.mkdir_all(&deep, now).unwrap();
        let deeper = ["d"; 20_000];
        for names in [&deeper[..=MAX_NAMES], &deeper] {
            assert!(tree.mkdir_all(names, now).is_err() && tree.mkdir("/d", names, now).is_err());
            assert!(tree.write("/d", names, b"1", now).is_err());
            assert!(tree.append("/d", names, b"1", now).is_err());
        }
        // A directory is moved with those below it.
        tree.mkdir_all(&["e", "f"], now).unwrap();
        let error = tree.rename(("/d", &["d"]), ("/e/f/d", &["e", "f", "d"])).unwrap_err();
        assert!(error.to_string().contains("the limit is 256"), "{error}");
        tree.rename(("/d", &["d"]), ("/x", &["x"])).unwrap();
        tree.rename(("/e", &["e"]), ("/x/e", &["x", "e"])).unwrap();
        assert_eq!(tree.list().len(), MAX_NAMES + 2);
    }
}
