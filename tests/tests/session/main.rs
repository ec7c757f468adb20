//! Sessions: opening and closing, messages and turns, events, settings, cancellation.

mod asks;
mod budgets;
mod cancellation;
mod clocks;
mod deferred;
mod environment;
mod events;
mod history;
mod lifecycle;
mod listeners;
mod lost_answers;
mod lost_events;
mod lost_sessions;
mod one_by_one;
mod pending;
mod shutdown;
mod skills_and_canvases;
mod turns;
