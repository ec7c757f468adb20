//! The commands and their options, and the choice of the command that runs.

use std::io;

use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind as ClapError;
use clap::{Arg, ArgAction, Command, value_parser};
use clap_complete::Shell;

use super::Toolbox;
use super::arguments::{self, OBJECT, text};
use super::exit::{Exit, Outcome, is_io};
use super::flags::{self, Flag, Kind};
use super::terminal::{self, BOLD, RED, print, report, styled};
use super::{call, chat, check, inbox, list, skill};
use crate::tools::Tool;

/// Runs the command of the command line. Errors are printed.
pub(super) async fn run(toolbox: Toolbox) -> Exit {
    match run_command(toolbox).await {
        Ok(exit) => exit,
        Err(error) if is_io(&*error, io::ErrorKind::BrokenPipe) => Exit::Success,
        Err(error) if is_io(&*error, io::ErrorKind::Interrupted) => Exit::Interrupted,
        Err(error) => {
            let text = terminal::harmless(&error.to_string()).into_owned();
            // Where stderr cannot be written, the status is all that is left.
            let _ = report(&format!("{} {text}\n", styled(RED.bold(), "error:")));
            Exit::Failure
        }
    }
}

async fn run_command(mut toolbox: Toolbox) -> Outcome {
    let tools = toolbox.selected()?;
    let command = command(&toolbox, &tools);
    let given = toolbox.arguments.take().unwrap_or_else(|| std::env::args_os().collect());
    let matches = match command.clone().try_get_matches_from(given) {
        Ok(matches) => matches,
        Err(error) => {
            error.print()?;
            return Ok(match error.kind() {
                ClapError::DisplayHelp | ClapError::DisplayVersion => Exit::Success,
                _ => Exit::Usage,
            });
        }
    };
    let (name, matches) = matches.subcommand().ok_or("no command was given")?;
    match name {
        "list" => list::list(&toolbox, &tools, matches.get_flag("json")),
        "schema" => {
            list::schema(&tools, text(matches, "NAME").unwrap_or_default(), matches.get_flag("output"))
        }
        "call" => call::call(toolbox, &tools, matches).await,
        "check" => check::check(&toolbox, &tools, text(matches, "FILE"), matches.get_flag("json")),
        "snapshot" => check::snapshot(&toolbox, text(matches, "FILE")),
        "skill" => skill::skill(&toolbox, &tools, text(matches, "FILE").unwrap_or("SKILL.md")),
        "completions" => completions(command, *matches.get_one("SHELL").ok_or("no shell was given")?),
        "ask" => chat::ask(toolbox, matches).await,
        "chat" => chat::chat(toolbox, matches).await,
        "pending" => inbox::pending(toolbox, &tools, matches).await,
        #[cfg(feature = "mcp")]
        "mcp" => super::mcp::serve(toolbox, matches).await,
        _ => Err("the command is not known".into()),
    }
}

fn completions(mut command: Command, shell: Shell) -> Outcome {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Success)
}

fn switch(id: &'static str, help: &'static str) -> Arg {
    Arg::new(id).long(id).action(ArgAction::SetTrue).help(help)
}

fn file(help: String) -> Arg {
    Arg::new("FILE").help(help)
}

/// Returns the definition of the command line.
pub(super) fn command(toolbox: &Toolbox, tools: &[Tool]) -> Command {
    let snapshot = toolbox.snapshot.display();
    let about = toolbox.about.clone().unwrap_or_else(|| format!("The tools of {}.", toolbox.name));
    let command = Command::new(toolbox.name.clone())
        .version(toolbox.version.clone())
        .about(about)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(Command::new("list").about("List the tools").arg(switch("json", "Print JSON")))
        .subcommand(
            Command::new("schema")
                .about("Print the JSON schema of a tool's arguments")
                .arg(Arg::new("NAME").required(true).help("Name of the tool").value_parser(names(tools)))
                .arg(switch("output", "Print the schema of the result")),
        )
        .subcommand(calls(&toolbox.name, tools))
        .subcommand(
            Command::new("check")
                .about("Check the tools, and compare them with their recorded form")
                .arg(file(format!("File of `snapshot` [default: {snapshot}]")))
                .arg(switch("json", "Print JSON")),
        )
        .subcommand(
            Command::new("snapshot")
                .about("Record the names, descriptions and schemas of the tools in a file, for `check`")
                .arg(file(format!("File to write, `-` for stdout [default: {snapshot}]"))),
        );
    let command = with_conversations(command)
        .subcommand(
            Command::new("skill")
                .about("Write a skill file, with which agents learn to use this program")
                .arg(file("File to write, `-` for stdout [default: SKILL.md]".to_owned())),
        )
        .subcommand(
            Command::new("completions")
                .about("Print a script that completes the command line in a shell")
                .arg(Arg::new("SHELL").required(true).value_parser(value_parser!(Shell)).help("The shell")),
        );
    #[cfg(feature = "mcp")]
    let command = command.subcommand(super::mcp::command());
    command
}

/// Adds the commands that need the Copilot CLI.
fn with_conversations(command: Command) -> Command {
    let model = || Arg::new("model").long("model").value_name("MODEL").help("Model to use");
    let session =
        |id: &'static str, help: &'static str| Arg::new(id).long(id).value_name("SESSION").help(help);
    command
        .subcommand(
            Command::new("ask")
                .about("Ask the agent, which may call the tools, and print its answer")
                .arg(Arg::new("PROMPT").help("The message; without one, or with `-`, stdin is read"))
                .arg(model())
                .arg(session("resume", "Session to continue"))
                .arg(switch("yes", "Approve every request for a permission")),
        )
        .subcommand(
            Command::new("chat")
                .about("Chat with the agent, which may call the tools")
                .arg(model())
                .arg(
                    session("resume", "Session to continue; without an id, one of a list")
                        .num_args(0..=1)
                        .default_missing_value(chat::CHOOSE),
                )
                .arg(
                    switch("continue", "Continue the latest session of this directory")
                        .conflicts_with("resume"),
                ),
        )
        .subcommand(
            Command::new("pending")
                .about("List the calls and permissions that wait for a person, and answer them")
                .arg(
                    Arg::new("SESSION")
                        .help("Sessions to look into [default: those of this directory]")
                        .num_args(0..),
                )
                .arg(
                    Arg::new("approve")
                        .long("approve")
                        .value_name("REQUEST")
                        .action(ArgAction::Append)
                        .help("Approve a permission request"),
                )
                .arg(
                    Arg::new("deny")
                        .long("deny")
                        .value_name("REQUEST")
                        .action(ArgAction::Append)
                        .help("Deny a permission request or a call"),
                )
                .arg(
                    Arg::new("answer")
                        .long("answer")
                        .num_args(2)
                        .value_names(["REQUEST", "JSON"])
                        .action(ArgAction::Append)
                        .help("Answer a deferred call with a value"),
                )
                .arg(
                    Arg::new("reason")
                        .long("reason")
                        .value_name("TEXT")
                        .help("Reason of `--deny`, which the agent reads"),
                )
                .arg(switch("json", "Print JSON")),
        )
}

fn names(tools: &[Tool]) -> PossibleValuesParser {
    PossibleValuesParser::new(tools.iter().map(|tool| tool.name().to_owned()))
}

/// Returns the command `call`, with a command for each tool.
fn calls(program: &str, tools: &[Tool]) -> Command {
    let command = Command::new("call")
        .about("Call a tool")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand_value_name("TOOL")
        .subcommand_help_heading("Tools")
        .args(call_switches());
    tools.iter().fold(command, |command, tool| command.subcommand(of_tool(program, tool)))
}

/// Returns the switches of a call, which may stand before and behind the name of the tool.
fn call_switches() -> [Arg; 3] {
    [
        switch("json", "Print the result as JSON, in the form of MCP"),
        switch("yes", "Approve the call, if it needs an approval"),
        switch("explain", "Print an error that is hidden from models"),
    ]
}

fn of_tool(program: &str, tool: &Tool) -> Command {
    let description = terminal::harmless(tool.description()).into_owned();
    let first = description.lines().next().unwrap_or_default().to_owned();
    let flags = flags::of(tool);
    let required: Vec<String> = flags
        .iter()
        .filter(|flag| flag.required)
        .map(|flag| format!(" --{} <{}>", flag.long(), flag.kind.placeholder()))
        .collect();
    let mut command = Command::new(tool.name().to_owned())
        .about(first)
        .long_about(description)
        .override_usage(format!("{program} call {}{} [OPTIONS] [JSON]", tool.name(), required.concat()))
        .arg(Arg::new(OBJECT).value_name("JSON").help(
            "All arguments as a JSON object, or `-` to read it from stdin; options replace its members",
        ));
    let taken = |name: &str| flags.iter().any(|flag| flag.long() == name || flag.name() == name);
    if taken("help") {
        command = command.disable_help_flag(true);
    }
    let switches = call_switches().into_iter().filter(|switch| !taken(switch.get_id().as_str()));
    command = command.args(switches.map(|switch| switch.help_heading("Output")));
    for flag in &flags {
        let is_unique = flags.iter().filter(|other| other.long() == flag.long()).count() == 1;
        command = command.arg(option(flag, is_unique));
    }
    command
}

/// Returns the option for an argument. A name with `_` is also accepted where the one with `-` is unique.
fn option(flag: &Flag, is_unique: bool) -> Arg {
    let long = if is_unique { flag.long() } else { flag.name() };
    let mut help = terminal::harmless(&flag.help).into_owned();
    if flag.required {
        help = format!("{help} {}", styled(BOLD, "(required)")).trim_start().to_owned();
    }
    let mut arg =
        Arg::new(arguments::id(flag)).long(long.clone()).value_name(flag.kind.placeholder()).help(help);
    if long != flag.name() {
        arg = arg.alias(flag.name());
    }
    arg = match &flag.kind {
        Kind::Boolean => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
        Kind::Integer | Kind::Number => arg.allow_negative_numbers(true),
        Kind::List(kind) => {
            let numbers = matches!(**kind, Kind::Integer | Kind::Number);
            arg.action(ArgAction::Append).allow_negative_numbers(numbers)
        }
        Kind::Text | Kind::Json => arg,
    };
    if flag.choices.is_empty() {
        arg
    } else {
        arg.value_parser(PossibleValuesParser::new(flag.choices.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::DynTool;

    #[test]
    fn the_definition_is_consistent_whatever_the_arguments_are_named() {
        let schema = serde_json::json!({
            "type": "object",
            "properties": {
                "help": {"type": "string"}, "json": {"type": "string"}, "yes": {"type": "boolean"},
                "a_b": {"type": "integer"}, "a-b": {"type": "integer"}, "object": {"type": "string"},
                "version": {"type": "string"}, "FILE": {"type": "string"},
            },
        });
        let tool = DynTool::new("t", "T.").schema(schema).unwrap().declare();
        let mut toolbox = Toolbox::new("acme");
        toolbox.tools.add([tool.clone()]);
        let tools = std::slice::from_ref(&tool);
        command(&toolbox, tools).debug_assert();
        let given =
            ["acme", "call", "--json", "t", "--json", "x", "--help", "h", "--yes", "--a_b", "-1", "--a-b=2"];
        let matches = command(&toolbox, tools).try_get_matches_from(given).unwrap();
        let call = matches.subcommand_matches("call").unwrap();
        let of_tool = call.subcommand_matches("t").unwrap();
        assert!(call.get_flag("json") && !arguments::is_set(of_tool, "json"));
        assert_eq!(
            arguments::object(&flags::of(&tool), of_tool).unwrap(),
            serde_json::json!({"json": "x", "help": "h", "yes": true, "a_b": -1, "a-b": 2})
        );
    }
}
