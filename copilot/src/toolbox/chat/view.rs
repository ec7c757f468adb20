//! The events of a turn on the terminal, and the spinner.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use super::markdown::Markdown;
use crate::events::{Event, EventKind};
use crate::protocol::{MessageId, ToolCallId};
use crate::toolbox::terminal::{
    self, BOLD, CYAN, DIM, GREEN, RED, YELLOW, columns, harmless, is_terminal, print, shortened, styled,
};

/// The pictures of the spinner.
const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// The time between two pictures.
pub(super) const FRAME: Duration = Duration::from_millis(100);

/// Prints a conversation.
#[derive(Debug)]
pub(super) struct View {
    markdown: Markdown,
    /// The messages whose text was streamed.
    streamed: Option<MessageId>,
    calls: BTreeMap<ToolCallId, (String, Instant)>,
    label: String,
    since: Instant,
    frame: usize,
    /// Whether the spinner is on the screen.
    spins: bool,
    can_spin: bool,
}

impl View {
    pub(super) fn new() -> Self {
        Self {
            markdown: Markdown::new(columns()),
            streamed: None,
            calls: BTreeMap::new(),
            label: String::new(),
            since: Instant::now(),
            frame: 0,
            spins: false,
            can_spin: is_terminal() && !console::is_dumb(),
        }
    }

    /// Begins to wait.
    pub(super) fn wait_for(&mut self, label: &str) {
        label.clone_into(&mut self.label);
        self.since = Instant::now();
        self.markdown.resize(columns());
    }

    /// Draws the next picture of the spinner, unless a line is being written.
    pub(super) fn spin(&mut self) -> io::Result<()> {
        if !self.can_spin || !self.markdown.is_at_start() {
            return Ok(());
        }
        self.frame = (self.frame + 1) % FRAMES.len();
        let text = format!("{} {} {} s", FRAMES[self.frame], self.label, self.since.elapsed().as_secs());
        let text = shortened(&text, columns().unwrap_or(80).saturating_sub(1));
        self.spins = true;
        print(&format!("\r{}", styled(DIM, &text)))?;
        erase_rest()
    }

    /// Removes the spinner.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.spins) {
            io::stdout().write_all(b"\r")?;
            erase_rest()?;
        }
        Ok(())
    }

    /// Ends the text of the agent, so that the cursor is at the beginning of a line.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.clear()?;
        let rest = self.markdown.finish();
        print(&rest)
    }

    /// Prints a line of its caller.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        self.finish()?;
        print(&format!("{text}\n"))
    }

    /// Prints an event.
    pub(super) fn event(&mut self, event: &Event) -> io::Result<()> {
        match event.kind() {
            EventKind::AssistantMessageDelta(delta) if delta.parent_tool_call_id.is_none() => {
                self.streamed = Some(delta.message_id.clone());
                self.text(&delta.delta_content)
            }
            EventKind::AssistantMessage(message) if message.parent_tool_call_id.is_none() => {
                if self.streamed.take().is_none_or(|streamed| streamed != message.message_id) {
                    self.text(&message.content)?;
                }
                self.finish()
            }
            EventKind::ToolExecutionStart(call) => {
                self.calls.insert(call.tool_call_id.clone(), (call.tool_name.clone(), Instant::now()));
                self.label.clone_from(&call.tool_name);
                self.since = Instant::now();
                let arguments =
                    if call.arguments.is_null() { String::new() } else { call.arguments.to_string() };
                let room = columns().unwrap_or(200).saturating_sub(terminal::width(&call.tool_name) + 4);
                let arguments = styled(DIM, &shortened(&arguments, room));
                self.line(&format!(
                    "{} {} {arguments}",
                    styled(CYAN, "●"),
                    styled(BOLD, &harmless(&call.tool_name))
                ))
            }
            EventKind::ToolProgress(progress) => {
                let percent =
                    progress.fraction.map_or_else(String::new, |part| format!(" {:.0} %", part * 100.0));
                self.label = format!("{}{percent} {}", progress.tool_name, progress.message);
                Ok(())
            }
            EventKind::ToolExecutionComplete(call) => {
                let started = self.calls.remove(&call.tool_call_id);
                let seconds = started.map_or(0.0, |(_, started)| started.elapsed().as_secs_f64());
                let room = columns().unwrap_or(200).saturating_sub(14);
                let (mark, text) = match (&call.error, &call.result) {
                    (Some(error), _) => (styled(RED, "✗"), error.message.as_str()),
                    (None, Some(result)) => (styled(GREEN, "✓"), result.content.as_str()),
                    (None, None) => (styled(GREEN, "✓"), ""),
                };
                self.label = "thinking".to_owned();
                self.since = Instant::now();
                self.line(&format!(
                    "  {mark} {} {}",
                    styled(DIM, &format!("{seconds:.1} s")),
                    shortened(text, room)
                ))
            }
            EventKind::SessionError(error) => self.notice(RED, "error", &error.message),
            EventKind::SessionWarning(notice) => self.notice(YELLOW, "warning", &notice.message),
            EventKind::Abort(_) => self.line(&styled(DIM, "(stopped)")),
            EventKind::TurnStalled(_) => {
                self.notice(YELLOW, "warning", "nothing has happened for a while; Ctrl-C stops the turn")
            }
            EventKind::Disconnected(error) => self.notice(YELLOW, "warning", &error.to_string()),
            EventKind::Restarted(_) => self.notice(YELLOW, "warning", "the Copilot CLI was started again"),
            _ => Ok(()),
        }
    }

    fn notice(&mut self, style: anstyle::Style, label: &str, text: &str) -> io::Result<()> {
        self.line(&format!("{} {}", styled(style.bold(), &format!("{label}:")), harmless(text)))
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        let text = self.markdown.push(text);
        if text.is_empty() {
            return Ok(());
        }
        self.clear()?;
        print(&text)
    }
}

/// Erases the line behind the cursor. Not a colour, so it is written without `NO_COLOR` in mind.
fn erase_rest() -> io::Result<()> {
    let mut out = io::stdout();
    out.write_all(b"\x1b[K")?;
    out.flush()
}
