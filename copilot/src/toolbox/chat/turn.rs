//! A turn on the terminal: events, questions, Ctrl-C and the spinner.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;

use tokio::time::{MissedTickBehavior, interval};

use super::Conversation;
use super::asked::{self, Question};
use super::view::{FRAME, View};
use crate::error::Result;
use crate::events::Event;
use crate::session::turn::{Reply, Turn};
use crate::toolbox::call::either;
use crate::toolbox::signals::Interrupts;
use crate::toolbox::terminal::{DIM, RED, harmless, styled};

/// The end of a turn.
#[derive(Debug)]
pub(super) enum End {
    Reply(Box<Reply>),
    /// By Ctrl-C.
    Stopped,
    /// By a second Ctrl-C, before the agent had stopped.
    Left,
    /// With an error, which is printed.
    Failed,
}

/// The next occurrence in a turn.
enum Next {
    Event(Option<Result<Event>>),
    Question(Question),
    Interrupt,
    Tick,
}

/// Prints a turn until it ends.
pub(super) async fn run(
    chat: &mut Conversation,
    mut turn: Turn,
    view: &mut View,
    interrupts: &mut Interrupts,
) -> io::Result<End> {
    view.wait_for("thinking");
    let mut ticks = interval(FRAME);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut stopped = false;
    let failure = loop {
        match next(&mut turn, chat, interrupts, &mut ticks).await {
            Next::Event(Some(Ok(event))) => view.event(&event)?,
            Next::Event(Some(Err(error))) => break Some(error),
            Next::Event(None) => break None,
            Next::Tick => view.spin()?,
            Next::Question(question) => {
                view.finish()?;
                let interrupted = asked::ask(question).await?;
                view.wait_for("thinking");
                if interrupted
                    && !std::mem::replace(&mut stopped, true)
                    && !stop(chat, view, interrupts).await?
                {
                    return Ok(End::Left);
                }
            }
            Next::Interrupt => {
                if std::mem::replace(&mut stopped, true) || !stop(chat, view, interrupts).await? {
                    view.finish()?;
                    return Ok(End::Left);
                }
            }
        }
    };
    view.finish()?;
    let reply = match failure {
        Some(error) => Err(error),
        None => turn.reply().await,
    };
    match reply {
        _ if stopped => Ok(End::Stopped),
        Ok(reply) if reply.is_aborted() => Ok(End::Stopped),
        Ok(reply) => {
            for ticket in reply.deferred() {
                view.line(&styled(
                    DIM,
                    &format!("`{}` waits for a person; `pending` lists it", harmless(ticket.tool())),
                ))?;
            }
            Ok(End::Reply(Box::new(reply)))
        }
        Err(error) => {
            view.line(&format!("{} {}", styled(RED.bold(), "error:"), harmless(&error.to_string())))?;
            Ok(End::Failed)
        }
    }
}

/// Stops the agent. Returns `false` if Ctrl-C is pressed before the CLI has answered.
async fn stop(chat: &Conversation, view: &mut View, interrupts: &mut Interrupts) -> io::Result<bool> {
    view.wait_for("stopping; Ctrl-C again leaves");
    view.spin()?;
    match either(&mut Box::pin(chat.session.abort()), interrupts.next()).await {
        Some(Ok(())) => Ok(true),
        Some(Err(error)) => {
            view.line(&format!("the agent was not stopped: {}", harmless(&error.to_string())))?;
            Ok(true)
        }
        None => Ok(false),
    }
}

async fn next(
    turn: &mut Turn,
    chat: &mut Conversation,
    interrupts: &mut Interrupts,
    ticks: &mut tokio::time::Interval,
) -> Next {
    let mut event = pin!(turn.next());
    let mut question = pin!(chat.questions.recv());
    let mut interrupt = pin!(interrupts.next());
    poll_fn(|cx| {
        if interrupt.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Next::Interrupt);
        }
        if let Poll::Ready(event) = event.as_mut().poll(cx) {
            return Poll::Ready(Next::Event(event));
        }
        if let Poll::Ready(Some(question)) = question.as_mut().poll(cx) {
            return Poll::Ready(Next::Question(question));
        }
        ticks.poll_tick(cx).map(|_| Next::Tick)
    })
    .await
}

/// Waits for a future, with the spinner. Ctrl-C drops it, and is an error of the kind
/// [`Interrupted`](io::ErrorKind::Interrupted).
pub(super) async fn with_spinner<F: Future>(
    view: &mut View,
    interrupts: &mut Interrupts,
    work: F,
) -> io::Result<F::Output> {
    let mut work = pin!(work);
    let mut interrupt = pin!(interrupts.next());
    let mut ticks = interval(FRAME);
    loop {
        let next = poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(Ok(done))),
            Poll::Pending if interrupt.as_mut().poll(cx).is_ready() => {
                Poll::Ready(Some(Err(io::ErrorKind::Interrupted.into())))
            }
            Poll::Pending => ticks.poll_tick(cx).map(|_| None),
        });
        match next.await {
            Some(done) => {
                view.clear()?;
                return done;
            }
            None => view.spin()?,
        }
    }
}
