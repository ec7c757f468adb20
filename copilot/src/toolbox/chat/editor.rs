//! The line editor, on a thread that waits for the keyboard.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Context, Helper};
use tokio::sync::oneshot;

use super::slash;
use crate::toolbox::terminal::{CYAN, styled};

/// A line of the person.
#[derive(Debug)]
pub(super) enum Line {
    Text(String),
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D, or the end of the input.
    End,
}

enum Request {
    Read(oneshot::Sender<Line>),
    Remember(String),
}

/// Reads lines with editing and a history.
#[derive(Debug)]
pub(super) struct Editor(SyncSender<Request>);

impl Editor {
    pub(super) fn start() -> Result<Self, ReadlineError> {
        let config = Config::builder().auto_add_history(true).bracketed_paste(true).build();
        let mut editor: rustyline::Editor<Commands, DefaultHistory> = rustyline::Editor::with_config(config)?;
        editor.set_helper(Some(Commands));
        let (sender, requests) = sync_channel(16);
        std::thread::spawn(move || serve(&mut editor, &requests));
        Ok(Self(sender))
    }

    /// Reads a line. The cursor has to be at the beginning of one.
    pub(super) async fn read(&self) -> Line {
        let (sender, line) = oneshot::channel();
        if self.0.send(Request::Read(sender)).is_err() {
            return Line::End;
        }
        line.await.unwrap_or(Line::End)
    }

    /// Adds a line of an earlier session to the history.
    pub(super) fn remember(&self, line: String) {
        // The thread ends with an error of the terminal, which the next `read` reports as the end.
        let _ = self.0.send(Request::Remember(line));
    }
}

fn serve(editor: &mut rustyline::Editor<Commands, DefaultHistory>, requests: &Receiver<Request>) {
    let prompt = ("> ".to_owned(), styled(CYAN.bold(), "> "));
    while let Ok(request) = requests.recv() {
        match request {
            Request::Remember(line) => {
                // A line that repeats the one before is not added.
                let _ = editor.add_history_entry(line);
            }
            Request::Read(reply) => {
                let line = match editor.readline(&prompt) {
                    Ok(line) => Line::Text(line),
                    Err(ReadlineError::Interrupted) => Line::Interrupted,
                    Err(_) => Line::End,
                };
                // The chat has ended meanwhile.
                let _ = reply.send(line);
            }
        }
    }
}

/// Completes the commands of the chat.
struct Commands;

impl Completer for Commands {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let given = &line[..at];
        let fits = |name: &&str| given.starts_with('/') && name.starts_with(given);
        let pair = |name: &str| Pair { display: name.to_owned(), replacement: format!("{name} ") };
        Ok((0, slash::NAMES.into_iter().filter(fits).map(pair).collect()))
    }
}

impl Hinter for Commands {
    type Hint = String;
}

impl Highlighter for Commands {}
impl Validator for Commands {}
impl Helper for Commands {}
