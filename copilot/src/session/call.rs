//! Calls of the CLI for one session.

use super::core::SessionCore;
use super::handle::Session;
use crate::error::Result;
use crate::protocol::decode::DecodeOwned;
use crate::protocol::encode::Encode;
use crate::protocol::session::{Success, Verdict};
use crate::rpc::{Peer, decode};

pub(crate) use super::answers::done;

impl Session {
    /// Calls a method whose only parameter is the session.
    pub(crate) async fn ask_for<R: DecodeOwned>(&self, method: &'static str) -> Result<R> {
        self.peer().await?.request(method, &self.params()).decoded().await
    }

    /// Calls a method whose result matters only where it is a refusal.
    pub(crate) async fn order(&self, method: &'static str, params: &dyn Encode) -> Result<()> {
        self.core().order(&self.peer().await?, method, params).await
    }

    /// Calls a method, by its older name where the CLI does not know the name of today.
    pub(crate) async fn call_by_any_name<R: DecodeOwned>(
        &self,
        method: &'static str,
        params: &dyn Encode,
    ) -> Result<R> {
        self.core().call_by_any_name(&self.peer().await?, method, params).await
    }
}

impl SessionCore {
    /// Calls a method whose result matters only where it is a refusal.
    pub(super) async fn order(&self, peer: &Peer, method: &'static str, params: &dyn Encode) -> Result<()> {
        let answer = peer.request(method, params).raw().await?;
        match decode::<Verdict>(method, &answer) {
            Ok(verdict)
                if [verdict.success, verdict.mode_applied, verdict.removed].contains(&Some(false)) =>
            {
                done(method, Success { success: false, error: verdict.error })
            }
            _ => Ok(()),
        }
    }

    /// Calls a method, by its older name where the CLI does not know the name of today.
    pub(super) async fn call_by_any_name<R: DecodeOwned>(
        &self,
        peer: &Peer,
        method: &'static str,
        params: &dyn Encode,
    ) -> Result<R> {
        let error = match peer.request(method, params).decoded().await {
            Err(error) if error.is_unsupported() => error,
            other => return other,
        };
        let Some(old) = self.topics.old_method(method) else { return Err(error) };
        match peer.request(old, params).decoded().await {
            // A CLI that knows neither is reported with the name of today.
            Err(second) if second.is_unsupported() => Err(error),
            other => other,
        }
    }

    /// Calls a method; returns the default where the CLI does not know it.
    pub(super) async fn call_or_default<R: DecodeOwned + Default>(
        &self,
        peer: &Peer,
        method: &'static str,
        params: &dyn Encode,
    ) -> Result<R> {
        match peer.request(method, params).decoded().await {
            Err(error) if error.is_unsupported() => Ok(R::default()),
            other => other,
        }
    }
}
