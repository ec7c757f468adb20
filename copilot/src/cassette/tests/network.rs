//! The way to a service with HTTPS, through a proxy. The certificates in `tls` are valid for `model.example`, and their keys
//! are used nowhere else.

use hyper_util::client::proxy::matcher::Matcher;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::cassette::upstream::through;
use crate::host::inference::InferenceError;
use crate::task::{self, Task};

/// The authority that has signed the certificate of the service.
fn authority() -> RootCertStore {
    let mut authorities = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/authority.pem")).unwrap();
    authorities.add(certificate).unwrap();
    authorities
}

fn client_config(authorities: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(authorities)
        .with_no_client_auth()
}

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Reads until the text ends like this.
async fn read_to(stream: &mut (impl tokio::io::AsyncRead + Unpin), end: &str) -> Option<String> {
    let mut text = String::new();
    while !text.ends_with(end) {
        text.push(char::from(stream.read_u8().await.ok()?));
    }
    Some(text)
}

/// A service with HTTPS that sends each request back as the body of its response, and the port.
async fn service() -> (Task, u16) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (port, acceptor) = (listener.local_addr().unwrap().port(), acceptor());
    let serve = async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not accept the certificate ends here.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let Some(request) = read_to(&mut stream, "the end").await else { continue };
            let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{request}", request.len());
            stream.write_all(response.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    };
    (task::spawn(serve), port)
}

/// A proxy to this port, for clients that know the user and the password `a:b`, and its own port.
async fn proxy(service: u16) -> (Task, u16) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let Some(head) = read_to(&mut client, "\r\n\r\n").await else { continue };
            let head = head.to_ascii_lowercase();
            if !head.contains("proxy-authorization: basic ytpi\r\n") {
                client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await.unwrap();
                continue;
            }
            assert!(head.starts_with("connect model.example:443 http/1.1\r\n"), "{head}");
            let mut service = TcpStream::connect(("127.0.0.1", service)).await.unwrap();
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let _ = copy_bidirectional(&mut client, &mut service).await;
        }
    };
    (task::spawn(serve), port)
}

/// Sends a request to `model.example` through the proxy, and returns the body of the response.
async fn send(authorities: RootCertStore, proxy: &str) -> std::result::Result<String, InferenceError> {
    let upstream = through(client_config(authorities), Matcher::builder().all(proxy).build());
    let mut headers = Headers::default();
    headers.add("authorization", "Bearer key-of-the-provider".to_owned());
    let body = RequestBody::whole(b"a question, the end".to_vec());
    let url = "https://model.example/v1/responses?a=1".to_owned();
    let (status, _, mut chunks) =
        upstream(InferenceRequest::http("POST".to_owned(), url, headers, body)).await?.into_parts();
    assert_eq!(status, 200);
    let mut text = Vec::new();
    while let Some(chunk) = std::future::poll_fn(|cx| chunks.as_mut().poll_next(cx)).await {
        text.extend_from_slice(chunk?.as_bytes());
    }
    Ok(String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn a_service_with_https_is_reached_through_a_proxy_with_a_password() {
    let (_service, service) = service().await;
    let (_proxy, proxy) = proxy(service).await;
    let request = send(authority(), &format!("http://a:b@127.0.0.1:{proxy}")).await.unwrap();
    assert!(request.starts_with("POST /v1/responses?a=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\na question, the end"), "{request}");
    let lower = request.to_ascii_lowercase();
    assert!(lower.contains("authorization: bearer key-of-the-provider\r\n"), "{request}");
    // The password is for the proxy alone.
    assert!(!lower.contains("proxy-authorization"), "{request}");

    let refused = send(authority(), &format!("http://127.0.0.1:{proxy}")).await.unwrap_err();
    assert!(refused.to_string().contains("authorization required"), "{refused}");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let (_service, service) = service().await;
    let (_proxy, proxy) = proxy(service).await;
    let address = format!("http://a:b@127.0.0.1:{proxy}");
    let refused = send(RootCertStore::empty(), &address).await.unwrap_err();
    assert!(refused.to_string().contains("invalid peer certificate: UnknownIssuer"), "{refused}");
}
