//! `mcp`, over stdio and HTTP.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{program, run_in, status, stderr};

fn initialize() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}})
}

#[test]
fn nothing_but_the_protocol_is_on_stdout() {
    let messages = [
        initialize(),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}),
        json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call",
               "params": {"name": "count_trips", "arguments": {}}}),
    ];
    let mut command = program(&["mcp"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for message in messages {
        writeln!(input, "{message}").unwrap();
    }
    let mut answers = Vec::new();
    for line in output.lines() {
        let answer: Value = serde_json::from_str(&line.unwrap()).expect("each line is a message");
        answers.push(answer);
        if answers.len() == 3 {
            break;
        }
    }
    drop(input);
    assert!(child.wait().unwrap().success());
    let of = |id: u64| answers.iter().find(|answer| answer["id"] == id).unwrap();
    assert_eq!(of(1)["result"]["serverInfo"]["name"], "acme");
    assert_eq!(of(1)["result"]["instructions"], "Tools of Acme.");
    assert_eq!(of(2)["result"]["tools"].as_array().unwrap().len(), 8);
    assert_eq!(of(3)["result"]["content"][0]["text"], "7 trips");
}

#[test]
fn tools_are_served_over_http_until_ctrl_c_or_sigterm() {
    for signal in [Signal::INT, Signal::TERM] {
        serve_until(signal);
    }
}

fn serve_until(signal: Signal) {
    let mut command = program(&["mcp", "--http", "0"]);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").unwrap().strip_suffix("/mcp").unwrap();
    let body = initialize().to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /mcp HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nAccept: application/json, \
         text/event-stream\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#""name":"acme""#), "{answer}");
    kill_process(Pid::from_child(&child), signal).unwrap();
    assert!(child.wait().unwrap().success());
    let mut printed = String::new();
    child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert_eq!(printed, "");
}

#[test]
fn an_address_that_cannot_be_used_is_an_error() {
    let refused = run_in(Path::new("."), &["mcp", "--http", "not-an-address"], "");
    assert!(
        status(&refused) == 1 && stderr(&refused).contains("cannot listen at not-an-address"),
        "{}",
        stderr(&refused)
    );
}
