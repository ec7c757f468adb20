//! The records of a session's log, as they stand in the store. Pure.
//!
//! A record is one line of JSON and the bytes of the files that it changes, one after the other. Each has all
//! that a process must know that wants to take the session over: the holder, its lease, and the snapshot that
//! the files begin from.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::host::session_fs::tree::Tree;
use crate::host::session_fs::{FsError, FsRm};

/// The version of the format. A record of a later one is refused.
const VERSION: u32 = 1;

/// The purpose of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// A process takes the session. These records are never removed: a slow process finds one where it would
    /// write.
    Acquire,
    /// Changes of files.
    Changes,
    /// All files; records before it are removed.
    Snapshot,
    /// The holder gives the session up.
    Release,
    /// The session is deleted; counts as a snapshot without files.
    Deleted,
}

/// The line of a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Header {
    v: u32,
    pub(super) kind: Kind,
    /// Grows with each process that takes the session.
    pub(super) epoch: u64,
    pub(super) holder: String,
    /// The lease of the holder, in milliseconds.
    pub(super) lease: u64,
    /// The number of the record that the files begin from, a snapshot; 0 for none.
    pub(super) base: u64,
    /// The length of all files after this record.
    pub(super) bytes: u64,
    /// The numbers of all records of the kind `Acquire`; only in these, in snapshots, and in `Deleted`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) fences: Vec<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changes: Vec<Change>,
}

/// One change. Paths are names with slashes between them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Change {
    op: Op,
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// The number of bytes of the payload that belong to it.
    #[serde(default, skip_serializing_if = "is_zero")]
    len: usize,
    /// When it was made, in milliseconds since 1970.
    at: u64,
    /// When the file or directory was created, in snapshots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Op {
    Mkdir,
    Write,
    Append,
    Rm,
    Rename,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(len: &usize) -> bool {
    *len == 0
}

/// Changes that are not in the store yet, each valid after those before it.
#[derive(Debug, Default)]
pub(super) struct Changes {
    changes: Vec<Change>,
    payload: Vec<u8>,
}

impl Changes {
    /// All files of a tree, as changes of an empty one.
    pub(super) fn of(tree: &Tree) -> Self {
        let mut all = Self::default();
        for listed in tree.list() {
            let op = if listed.content.is_some() { Op::Write } else { Op::Mkdir };
            all.push(op, &listed.names, listed.content.unwrap_or_default(), listed.modified);
            if let Some(last) = all.changes.last_mut() {
                last.created = Some(milliseconds(listed.created));
            }
        }
        all
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// About the size that they have in the store.
    pub(super) fn size(&self) -> usize {
        self.payload.len() + self.changes.len() * 128
    }

    pub(super) fn mkdir(&mut self, names: &[&str], now: SystemTime) {
        self.push(Op::Mkdir, names, &[], now);
    }

    pub(super) fn write(&mut self, names: &[&str], content: &[u8], now: SystemTime) {
        self.push(Op::Write, names, content, now);
    }

    pub(super) fn append(&mut self, names: &[&str], added: &[u8], now: SystemTime) {
        // Appends to the file that was written last are one change. A file created by it is as old as the
        // last of them.
        if let Some(last) = self.changes.last_mut()
            && matches!(last.op, Op::Append | Op::Write)
            && last.path == names.join("/")
        {
            last.len += added.len();
            last.at = milliseconds(now);
            self.payload.extend_from_slice(added);
            return;
        }
        self.push(Op::Append, names, added, now);
    }

    pub(super) fn rm(&mut self, names: &[&str], now: SystemTime) {
        self.push(Op::Rm, names, &[], now);
    }

    pub(super) fn rename(&mut self, from: &[&str], to: &[&str], now: SystemTime) {
        self.push(Op::Rename, from, &[], now);
        if let Some(last) = self.changes.last_mut() {
            last.to = Some(to.join("/"));
        }
    }

    fn push(&mut self, op: Op, names: &[&str], content: &[u8], now: SystemTime) {
        let (path, len) = (names.join("/"), content.len());
        self.changes.push(Change { op, path, to: None, len, at: milliseconds(now), created: None });
        self.payload.extend_from_slice(content);
    }
}

/// A record that was read.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) header: Header,
    payload: Bytes,
}

/// A record that is to be written, without its changes.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) kind: Kind,
    pub(super) epoch: u64,
    pub(super) holder: String,
    pub(super) lease: Duration,
    pub(super) base: u64,
    pub(super) bytes: u64,
    pub(super) fences: Vec<u64>,
}

impl Draft {
    /// Returns the object of this record, with these changes.
    pub(super) fn encode(self, changes: Changes) -> Bytes {
        let Self { kind, epoch, holder, lease, base, bytes, fences } = self;
        let lease = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        let Changes { changes, payload } = changes;
        let header = Header { v: VERSION, kind, epoch, holder, lease, base, bytes, fences, changes };
        let mut object = serde_json::to_vec(&header).expect("a header has only numbers, texts and lists");
        object.push(b'\n');
        object.extend_from_slice(&payload);
        object.into()
    }
}

impl Record {
    /// Reads an object of the store.
    pub(super) fn decode(object: &Bytes) -> Result<Self, String> {
        let end = memchr::memchr(b'\n', object).ok_or("its first line does not end")?;
        let header: Header = serde_json::from_slice(&object[..end]).map_err(|error| error.to_string())?;
        if header.v != VERSION {
            return Err(format!("its format is {}, and this version reads {VERSION}", header.v));
        }
        let payload = object.slice(end + 1..);
        let expected = header.changes.iter().try_fold(0usize, |sum, change| sum.checked_add(change.len));
        if expected != Some(payload.len()) {
            return Err(format!("it has {} bytes of files, and not {expected:?}", payload.len()));
        }
        Ok(Self { header, payload })
    }

    pub(super) fn has_changes(&self) -> bool {
        !self.header.changes.is_empty()
    }

    /// Repeats the changes on a tree that is as it was when they were made.
    pub(super) fn apply(&self, tree: &mut Tree) -> Result<(), FsError> {
        let mut rest: &[u8] = &self.payload;
        for change in &self.header.changes {
            let (content, after) = rest.split_at(change.len);
            rest = after;
            let (names, path) = (split(&change.path), change.path.as_str());
            let at = time(change.at);
            match change.op {
                Op::Mkdir => tree.mkdir_all(&names, at)?,
                Op::Write => tree.write(path, &names, content, at)?,
                Op::Append => tree.append(path, &names, content, at)?,
                Op::Rm => tree.rm(&names, FsRm { path, recursive: true, force: true })?,
                Op::Rename => {
                    let to = change.to.as_deref().unwrap_or_default();
                    tree.rename((path, &names), (to, &split(to)))?;
                }
            }
            if let Some(created) = change.created {
                tree.set_times(&names, at, time(created));
            }
        }
        Ok(())
    }
}

fn split(path: &str) -> Vec<&str> {
    path.split('/').filter(|name| !name.is_empty()).collect()
}

fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn time(milliseconds: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds)).unwrap_or(UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(kind: Kind) -> Draft {
        let (holder, lease) = ("h".to_owned(), Duration::from_secs(3));
        Draft { kind, epoch: 2, holder, lease, base: 1, bytes: 0, fences: vec![1, 7] }
    }

    /// The files and directories of a tree with their contents and times.
    fn listed(tree: &Tree) -> Vec<(String, Option<Vec<u8>>, SystemTime, SystemTime)> {
        let all = tree.list();
        all.iter()
            .map(|f| (f.names.join("/"), f.content.map(<[u8]>::to_vec), f.modified, f.created))
            .collect()
    }

    #[test]
    fn a_record_repeats_the_changes_that_it_was_made_of() {
        let mut changes = Changes::default();
        let [early, late] = [time(1_000), time(2_000)];
        changes.mkdir(&["a"], early);
        changes.write(&["a", "x"], b"one\n", early);
        changes.append(&["a", "x"], b"two\n", late);
        changes.append(&["a", "y"], b"\0\n{}", late);
        changes.rename(&["a", "x"], &["a", "z"], late);
        changes.rm(&["a", "gone"], late);
        let object = draft(Kind::Changes).encode(changes);
        assert_eq!(object.iter().filter(|byte| **byte == b'\n').count(), 4);
        let record = Record::decode(&object).unwrap();
        assert_eq!(
            (record.header.epoch, record.header.lease, &*record.header.fences),
            (2, 3_000, &[1, 7][..])
        );
        let mut tree = Tree::new(early);
        record.apply(&mut tree).unwrap();
        assert_eq!(tree.file(&["a", "z"]).unwrap(), b"one\ntwo\n");
        assert_eq!(tree.file(&["a", "y"]).unwrap(), b"\0\n{}");
        // A snapshot of it gives the same tree, times included.
        let snapshot = Record::decode(&draft(Kind::Snapshot).encode(Changes::of(&tree))).unwrap();
        let mut again = Tree::new(late);
        snapshot.apply(&mut again).unwrap();
        assert_eq!(listed(&again), listed(&tree));
        let z = again.stat("/a/z", &["a", "z"]).unwrap();
        assert_eq!((z.modified, z.created), (late, late));
        let a = again.stat("/a", &["a"]).unwrap();
        assert_eq!((a.modified, a.created), (early, early));
    }

    #[test]
    fn an_object_of_another_shape_is_refused_with_the_reason() {
        let refused = |object: &[u8]| Record::decode(&Bytes::copy_from_slice(object)).unwrap_err();
        assert!(refused(b"{}").contains("does not end"));
        assert!(refused(b"{}\n").contains("missing field"));
        let object = draft(Kind::Release).encode(Changes::default());
        assert!(refused(&[&object[..], b"x"].concat()).contains("1 bytes of files"));
        let text = String::from_utf8(object.to_vec()).unwrap().replace("\"v\":1", "\"v\":2");
        assert!(refused(text.as_bytes()).contains("format is 2"));
        let huge = text.replace("\"v\":2", "\"v\":1").replace(
            "}\n",
            r#","changes":[{"op":"rm","path":"a","len":18446744073709551615,"at":0},{"op":"rm","path":"a","len":9,"at":0}]}
"#,
        );
        assert!(refused(huge.as_bytes()).contains("not None"));
    }
}
