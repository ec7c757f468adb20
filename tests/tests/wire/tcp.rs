//! A CLI that another program started, over TCP.

use copilot::client::{ConnectionState, TransportKind};
use copilot::testing::{FakeCli, RpcError};
use copilot::{Client, ErrorKind, EventKind};
use copilot_tests::fake::Fake;
use serde_json::json;
use tokio::io::duplex;
use tokio::net::TcpListener;

use crate::backpressure::echo;

/// A CLI that waits for one client on a separate port, and accepts this token.
async fn listen(token: Option<&'static str>) -> (FakeCli, String, TcpListener) {
    let cli = FakeCli::new();
    cli.on("connect", move |params, asked| match (token, params["token"].as_str()) {
        (None, Some(_)) => RpcError::new(-32003, "AUTHENTICATION_NOT_CONFIGURED").into(),
        (wanted, given) if wanted == given => asked.default_answer(),
        _ => RpcError::new(-32002, "AUTHENTICATION_FAILED").into(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound").to_string();
    (cli, address, listener)
}

async fn accept(cli: &FakeCli, listener: &TcpListener) {
    let (stream, _) = listener.accept().await.expect("a client connects");
    let (reader, writer) = stream.into_split();
    cli.serve(reader, writer);
}

#[tokio::test]
async fn a_turn_works_over_tcp_and_the_cli_is_left_running() {
    let (cli, address, listener) = listen(Some("secret")).await;
    cli.on_turn(|turn| async move {
        let result = turn.call_tool("echo", json!({"text": "over tcp"})).await;
        turn.say(result["textResultForLlm"].as_str().unwrap());
    });
    let start = Client::builder().cli_url(&address).connection_token("secret").auto_restart(false).start();
    let (client, ()) = tokio::join!(start, accept(&cli, &listener));
    let fake = Fake { cli, client: client.unwrap() };
    let session = fake.session().with_tools([echo::TOOL]).start().await.unwrap();
    assert_eq!(session.ask("?").await.unwrap().text(), "over tcp");
    assert_eq!((fake.client.process_id(), fake.client.address()), (None, Some(address)));
    fake.client.shutdown().await.unwrap();
    fake.cli.disconnected().await;
    assert!(fake.cli.requests("runtime.shutdown").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_client_over_the_streams_of_a_program_never_stops_the_cli_nor_reconnects() {
    let cli = FakeCli::new();
    let ((reader, far_writer), (far_reader, writer)) = (duplex(64), duplex(64));
    cli.serve(far_reader, far_writer);
    cli.on_turn(|turn| async move {
        let result = turn.call_tool("echo", json!({"text": "over a duplex"})).await;
        turn.say(result["textResultForLlm"].as_str().unwrap());
    });
    let client = Client::from_streams(reader, writer).auto_restart(true).start().await.unwrap();
    let session = client.session().with_tools([echo::TOOL]).start().await.unwrap();
    assert_eq!(session.ask("?").await.unwrap().text(), "over a duplex");
    assert_eq!((client.process_id(), client.address()), (None, None));
    cli.hang_up();
    let mut states = client.connection_states();
    while let Some(state) = states.next().await {
        assert!([ConnectionState::Connected, ConnectionState::Closed].contains(&state), "{state:?}");
    }
    assert!(client.ping("?").await.unwrap_err().is_disconnected());

    let ((reader, far_writer), (far_reader, writer)) = (duplex(64), duplex(64));
    let cli = FakeCli::new();
    cli.serve(far_reader, far_writer);
    let client = Client::from_streams(reader, writer).start().await.unwrap();
    client.shutdown().await.unwrap();
    cli.disconnected().await;
    assert!(cli.requests("runtime.shutdown").is_empty());
}

#[tokio::test]
async fn options_that_start_a_cli_are_refused_with_streams() {
    let builder = || Client::from_streams(tokio::io::empty(), tokio::io::sink());
    for (builder, option) in [
        (builder().cli_path("/copilot"), "`cli_path`"),
        (builder().env_clear(), "`env_clear`"),
        (builder().cli_url("4321"), "`cli_url`"),
        (builder().port(1), "`port`"),
        (builder().transport(TransportKind::Stdio), "`transport`"),
    ] {
        let refused = builder.lazy().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Configuration);
        let text = refused.to_string();
        assert!(text.contains("`from_streams`") && text.contains(option), "{text}");
    }
}

#[tokio::test]
async fn a_wrong_token_is_refused_with_what_to_do_and_without_the_token() {
    for (wanted, given, said) in [
        (Some("right"), Some("wrong-token"), "another connection token"),
        (Some("right"), None, "another connection token"),
        (None, Some("wrong-token"), "leave `connection_token` out"),
    ] {
        let (cli, address, listener) = listen(wanted).await;
        let mut builder = Client::builder().cli_url(&address).auto_restart(false);
        if let Some(token) = given {
            builder = builder.connection_token(token);
        }
        let (client, ()) = tokio::join!(builder.start(), accept(&cli, &listener));
        let error = client.unwrap_err();
        assert!(error.kind() == ErrorKind::Response && error.code().is_some(), "{error:?}");
        assert!(error.to_string().contains(said), "{error}");
        assert!(!format!("{error:?}").contains("wrong-token"), "{error:?}");
        cli.disconnected().await;
    }
}

#[tokio::test]
async fn a_reset_ends_every_wait() {
    let (cli, address, listener) = listen(None).await;
    let start = Client::builder().cli_url(&address).auto_restart(false).start();
    let (client, ()) = tokio::join!(start, accept(&cli, &listener));
    let client = client.unwrap();
    cli.hold("ping");
    let (error, ()) = tokio::join!(client.ping("?"), async {
        cli.requested("ping", 1).await;
        cli.hang_up();
    });
    assert!(error.unwrap_err().is_disconnected());
}

#[tokio::test]
async fn after_a_reset_the_client_reconnects_and_its_sessions_continue() {
    let (cli, address, listener) = listen(None).await;
    let accept_and_reset = async {
        let (stream, _) = listener.accept().await.expect("a client connects");
        // Dropped, it says so by a reset.
        stream.set_zero_linger().expect("a socket has this option");
        let (reader, writer) = stream.into_split();
        cli.serve(reader, writer);
    };
    let (client, ()) = tokio::join!(Client::builder().cli_url(&address).start(), accept_and_reset);
    let client = client.unwrap();
    let session = client.session().start().await.unwrap();
    let mut events = session.events();
    cli.hang_up();
    accept(&cli, &listener).await;
    loop {
        let event = events.next().await.expect("the stream continues");
        if let EventKind::Restarted(restarted) = event.kind() {
            assert!(restarted.cause.is_disconnected(), "{restarted:?}");
            break;
        }
    }
    assert_eq!(session.ask("Still there?").await.unwrap().text(), "OK.");
    assert_eq!(cli.requests("session.resume").len(), 1);
}

#[tokio::test]
async fn a_refused_connection_is_an_error_with_the_address() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let error = Client::builder().cli_url(&address).start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert!(error.to_string().contains(&address), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_cli_that_requires_a_token_is_an_error_that_names_the_setter() {
    let cli = FakeCli::new();
    cli.on("connect", |_, _| RpcError::new(-32001, "refused"));
    let error = cli.client_builder().start().await.unwrap_err();
    assert!(error.code() == Some(-32001) && error.to_string().contains("`connection_token`"), "{error}");
}
