//! Sessions: opening and closing, messages and turns, events, settings, cancellation.

mod asks;
mod cancellation;
mod environment;
mod events;
mod lifecycle;
mod shutdown;
mod skills_and_canvases;
mod turns;
