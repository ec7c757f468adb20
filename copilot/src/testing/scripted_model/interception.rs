//! The model as an inference handler, without a server.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;

use super::{ModelState, ScriptedModel, server};
use crate::host::inference::{Inference, InferenceError, InferenceRequest, InferenceResponse};

impl ScriptedModel {
    /// Returns the model as a handler for [`ClientBuilder::inference`](crate::ClientBuilder::inference).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> copilot::Result<()> {
    /// use copilot::testing::{Script, ScriptedModel, hermetic_client};
    ///
    /// let directory = tempfile::tempdir().expect("a directory can be made");
    /// let model = ScriptedModel::without_server(Script::new().say("Hello."))?;
    /// let client = hermetic_client(directory.path()).inference(model.inference()).start().await?;
    /// let session = client.session().scripted_model(&model).start().await?;
    /// assert_eq!(session.ask("Say hello.").await?.text(), "Hello.");
    /// client.shutdown().await
    /// # }
    /// ```
    pub fn inference(&self) -> impl Inference + use<> {
        Intercepted(Arc::clone(&self.shared))
    }
}

struct Intercepted(Arc<ModelState>);

impl Inference for Intercepted {
    async fn respond(&self, mut asked: InferenceRequest) -> Result<InferenceResponse, InferenceError> {
        if asked.is_websocket() {
            // The CLI retries over HTTP.
            return Ok(InferenceResponse::new(501));
        }
        let mut request = Request::builder().method(asked.method.as_str()).uri(&asked.url);
        for (name, value) in asked.headers.iter() {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(asked.body.collect().await)))?;
        let answer: Result<_, Infallible> = server::answer(Arc::clone(&self.0), request).await;
        let (head, mut body) = match answer {
            Ok(answer) => answer.into_parts(),
        };
        let mut response = InferenceResponse::new(head.status.as_u16());
        for (name, value) in &head.headers {
            response = response.header(name.as_str(), value.to_str()?);
        }
        Ok(response.write(|out| async move {
            while let Some(frame) = body.frame().await {
                if let Ok(data) = frame?.into_data() {
                    out.send(data.to_vec()).await?;
                }
            }
            Ok(())
        }))
    }
}
