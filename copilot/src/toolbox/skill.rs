//! The command `skill`: a file with which agents learn to use the program.

use std::fmt::Write as _;

use super::Toolbox;
use super::exit::{Exit, Outcome};
use super::flags::{self, Flag};
use super::terminal::{print, report};
use crate::tools::Tool;

/// The maximum length of a skill's description, in characters.
const DESCRIPTION: usize = 1024;

/// Writes the skill file.
pub(super) fn skill(toolbox: &Toolbox, tools: &[Tool], file: &str) -> Outcome {
    let text = text(&toolbox.name, toolbox.about.as_deref(), tools);
    if file == "-" {
        print(&text)?;
    } else {
        std::fs::write(file, text).map_err(|error| format!("cannot write {file}: {error}"))?;
        report(&format!("wrote {file}; agents read it in a directory `skills/{}`\n", slug(&toolbox.name)))?;
    }
    Ok(Exit::Success)
}

/// Returns a name of lower-case letters, digits and hyphens.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for character in name.chars().flat_map(char::to_lowercase) {
        if character.is_ascii_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').chars().take(64).collect()
}

fn text(name: &str, about: Option<&str>, tools: &[Tool]) -> String {
    let mut tools: Vec<&Tool> = tools.iter().collect();
    tools.sort_by(|a, b| a.name().cmp(b.name()));
    let about = about.map_or_else(|| format!("The tools of {name}."), str::to_owned);
    let first =
        |tool: &&Tool| tool.description().lines().next().unwrap_or_default().trim_end_matches('.').to_owned();
    let uses: Vec<String> = tools.iter().map(first).collect();
    let description: String =
        format!("{about} Use it to: {}.", uses.join("; ")).chars().take(DESCRIPTION).collect();
    let mut text = format!(
        "---\nname: {}\ndescription: {}\n---\n\n# {name}\n\n{about}\n\n\
         Run `{name} call TOOL --OPTION VALUE`. The result is on stdout, an error on stderr: correct the arguments that it \
         lists. `{name} call TOOL --help` explains the options, `{name} call TOOL -` reads all arguments as a JSON object \
         from stdin, and `--json` prints the result as JSON. Exit status: 0 success, 1 failure, 2 wrong arguments, 3 not \
         permitted.\n",
        slug(name),
        serde_json::Value::String(description),
    );
    for tool in tools {
        let flags = flags::of(tool);
        write!(text, "\n## {}\n\n{}\n\n```sh\n{name} call {}", tool.name(), tool.description(), tool.name())
            .expect("writing to a string cannot fail");
        for flag in flags.iter().filter(|flag| flag.required) {
            write!(text, " --{} {}", flag.long(), placeholder(flag))
                .expect("writing to a string cannot fail");
        }
        text.push_str("\n```\n");
        if tool.is_destructive() || tool.decides_approval() {
            text.push_str("\nNeeds an approval: ask the user first, and then add `--yes`.\n");
        }
        for (index, flag) in flags.iter().enumerate() {
            let required = if flag.required { ", required" } else { "" };
            let separator = if index == 0 { "\n" } else { "" };
            writeln!(
                text,
                "{separator}- `--{}` ({}{required}): {}",
                flag.long(),
                placeholder(flag),
                flag.help
            )
            .expect("writing to a string cannot fail");
        }
    }
    text
}

fn placeholder(flag: &Flag) -> String {
    if flag.choices.is_empty() { flag.kind.placeholder().to_owned() } else { flag.choices.join("|") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_skills_are_lower_case_with_hyphens() {
        for (name, expected) in [("acme", "acme"), ("Acme Tools_2", "acme-tools-2"), ("--x--", "x")] {
            assert_eq!(slug(name), expected);
        }
    }
}
