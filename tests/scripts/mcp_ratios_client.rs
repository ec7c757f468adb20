//! The client of mcp_ratios.sh: a load of calls on an MCP server, over its pipes or over HTTP. Needs only the standard library.
//!
//! `client stdio|http IN-FLIGHT CALLS PROGRAM` prints the calls per second, the microseconds of CPU of the server for a
//! call, and the peak of its memory in KiB.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use std::{env, fs, thread};

const TOOLS: usize = 20;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [way, in_flight, calls, program] = arguments.as_slice() else { panic!("four arguments") };
    let (in_flight, calls): (usize, usize) = (in_flight.parse().unwrap(), calls.parse().unwrap());
    let mut command = Command::new(program);
    if way == "http" {
        command.arg("--http");
    }
    let mut server = Server(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
    let mut output = BufReader::new(server.0.stdout.take().unwrap());
    let mut line = String::new();
    let figures = if way == "http" {
        output.read_line(&mut line).unwrap();
        let address = line.trim().to_owned();
        measured(&server.0, calls, |calls| over_http(&address, in_flight, calls))
    } else {
        let mut input = server.0.stdin.take().unwrap();
        let info = r#"{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"ratios","version":"1"}}"#;
        writeln!(input, r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{info}}}"#).unwrap();
        output.read_line(&mut line).unwrap();
        writeln!(input, r#"{{"jsonrpc":"2.0","method":"notifications/initialized"}}"#).unwrap();
        measured(&server.0, calls, |calls| over_pipes(&mut input, &mut output, in_flight, calls))
    };
    println!("{figures}");
}

/// A server, which ends with the client, also when that panics.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn measured(server: &Child, calls: usize, mut load: impl FnMut(usize)) -> String {
    // Warm.
    load(calls / 10);
    let (cpu, start) = (cpu(server), Instant::now());
    load(calls);
    let (took, cpu) = (start.elapsed().as_secs_f64(), self::cpu(server) - cpu);
    format!("{} {} {}", calls as f64 / took, cpu / calls as f64 * 1e6, memory(server))
}

fn request(number: usize) -> String {
    let (tool, shout) = (number % TOOLS + 1, number.is_multiple_of(2));
    let arguments = format!(r#"{{"text":"some text","count":{number},"shout":{shout}}}"#);
    let params = format!(r#"{{"name":"tool_{tool}","arguments":{arguments}}}"#);
    format!(r#"{{"jsonrpc":"2.0","id":{},"method":"tools/call","params":{params}}}"#, number + 1)
}

fn check(answer: &str) {
    assert!(answer.contains("structuredContent") && answer.contains("count"), "{answer}");
}

fn over_pipes(input: &mut impl Write, output: &mut impl BufRead, in_flight: usize, calls: usize) {
    let mut line = String::new();
    for number in 0..calls + in_flight {
        if number >= in_flight {
            line.clear();
            output.read_line(&mut line).unwrap();
            check(&line);
        }
        if number < calls {
            input.write_all((request(number) + "\n").as_bytes()).unwrap();
        }
    }
}

fn over_http(address: &str, in_flight: usize, calls: usize) {
    thread::scope(|scope| {
        for _ in 0..in_flight {
            scope.spawn(|| {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_nodelay(true).unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                for number in 0..calls / in_flight {
                    let body = request(number);
                    let head = format!(
                        "POST /mcp HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
                         accept: application/json, text/event-stream\r\nmcp-protocol-version: 2025-06-18\r\n\
                         content-length: {}\r\n\r\n",
                        body.len()
                    );
                    stream.write_all((head + &body).as_bytes()).unwrap();
                    check(&response(&mut reader));
                }
            });
        }
    });
}

/// Reads a response with a length or in chunks.
fn response(reader: &mut impl BufRead) -> String {
    let (mut line, mut length) = (String::new(), None);
    reader.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 200"), "{line}");
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.parse().unwrap());
        }
    }
    let mut body = Vec::new();
    if let Some(length) = length {
        body.resize(length, 0);
        reader.read_exact(&mut body).unwrap();
    } else {
        loop {
            line.clear();
            reader.read_line(&mut line).unwrap();
            let size = usize::from_str_radix(line.trim(), 16).unwrap();
            let start = body.len();
            body.resize(start + size + 2, 0);
            reader.read_exact(&mut body[start..]).unwrap();
            body.truncate(start + size);
            if size == 0 {
                break;
            }
        }
    }
    String::from_utf8(body).unwrap()
}

/// The CPU seconds of the server, from its ticks of a hundredth.
fn cpu(server: &Child) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn memory(server: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.split_whitespace().next().unwrap().parse().unwrap()
}
