//! The commands `check` and `snapshot`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Toolbox;
use super::exit::{Exit, Outcome};
use super::terminal::{BOLD, DIM, GREEN, RED, YELLOW, columns, print, styled, wrapped};
use crate::tools::{Tool, ToolChange, check_compat, lint, snapshot as snapshot_of};

/// Checks the tools, and compares them with the snapshot. Fails if a tool has a problem, or a change breaks callers.
pub(super) fn check(toolbox: &Toolbox, tools: &[Tool], file: Option<&str>, is_json: bool) -> Outcome {
    let path = path(toolbox, file);
    let problems = lint::problems(tools.to_vec());
    let notes = lint::notes(tools.to_vec());
    // Tools that clash have no snapshot; then the problems say so.
    let changes = match toolbox.set() {
        Ok(set) => Some(check_compat(&recorded(toolbox, &path)?, &snapshot_of(&set)?)?),
        Err(error) if problems.is_empty() => return Err(error.into()),
        Err(_) => None,
    };
    let changes = changes.unwrap_or_default();
    let breaking = changes.iter().filter(|change| change.is_breaking()).count();
    let is_good = problems.is_empty() && breaking == 0;
    if is_json {
        let change = |change: &ToolChange| json!({"tool": change.tool, "breaking": change.is_breaking(), "text": change.to_string()});
        let changes: Vec<Value> = changes.iter().map(change).collect();
        print(&format!("{:#}\n", json!({"problems": problems, "notes": notes, "changes": changes})))?;
    } else {
        print(&text(&problems, &notes, &changes, tools.len(), &path))?;
    }
    Ok(if is_good { Exit::Success } else { Exit::Failure })
}

fn text(problems: &[String], notes: &[String], changes: &[ToolChange], tools: usize, path: &Path) -> String {
    let mut text = String::new();
    let mut add = |mark: String, line: &str| {
        let columns = columns().map_or(usize::MAX, |columns| columns.saturating_sub(10));
        for (index, line) in wrapped(line, columns).iter().enumerate() {
            let mark = if index == 0 { mark.as_str() } else { "          " };
            text.push_str(&format!("{mark}{line}\n"));
        }
    };
    for problem in problems {
        add(styled(RED, "problem   "), problem);
    }
    for change in changes.iter().filter(|change| change.is_breaking()) {
        add(styled(RED, "breaking  "), &change.to_string());
    }
    for change in changes.iter().filter(|change| !change.is_breaking()) {
        add(styled(YELLOW, "change    "), &change.to_string());
    }
    for note in notes {
        add(styled(DIM, "note      "), note);
    }
    let breaking = changes.iter().filter(|change| change.is_breaking()).count();
    let mark = if problems.is_empty() && breaking == 0 { styled(GREEN, "✓") } else { styled(RED, "✗") };
    text.push_str(&format!(
        "{mark} {}, {} and {} ({breaking} breaking) since {}\n",
        counted(tools, "tool"),
        counted(problems.len(), "problem"),
        counted(changes.len(), "change"),
        path.display(),
    ));
    if !changes.is_empty() {
        text.push_str(&styled(
            DIM,
            "If the changes are intended, record them with `snapshot` and commit the file.",
        ));
        text.push('\n');
    }
    text
}

fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Writes the snapshot.
pub(super) fn snapshot(toolbox: &Toolbox, file: Option<&str>) -> Outcome {
    let set = toolbox.set()?;
    let text = format!("{:#}\n", snapshot_of(&set)?);
    if file == Some("-") {
        print(&text)?;
        return Ok(Exit::Success);
    }
    let path = path(toolbox, file);
    std::fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    print(&format!(
        "recorded {} in {}\n",
        counted(set.iter().count(), "tool"),
        styled(BOLD, &path.display().to_string())
    ))?;
    Ok(Exit::Success)
}

fn path(toolbox: &Toolbox, file: Option<&str>) -> PathBuf {
    file.map_or_else(|| toolbox.snapshot.clone(), PathBuf::from)
}

fn recorded(toolbox: &Toolbox, path: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        format!("cannot read {}: {error}; `{} snapshot` writes it", path.display(), toolbox.name)
    })?;
    serde_json::from_str(&text).map_err(|error| format!("{} is not JSON: {error}", path.display()))
}
