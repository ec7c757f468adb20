//! A CLI's process without a CLI in it: what comes on stdin goes to the socket at `RELAY_TO`, and what comes from there
//! to stdout.
//!
//! Each direction ends by itself, as a process can close one of its pipes: stdout with the other end's writing half,
//! stdin after the text in `RELAY_DEAFENED_BY` has passed. The process ends when both have ended.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd as _;

fn main() -> io::Result<()> {
    let variable =
        |name: &str| std::env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")));
    let (address, deafened_by) = (variable("RELAY_TO")?, variable("RELAY_DEAFENED_BY")?);
    let mut to = TcpStream::connect(address)?;
    to.set_nodelay(true)?;
    let mut from = to.try_clone()?;
    let out = std::thread::spawn(move || -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        let mut stdout = io::stdout().lock();
        loop {
            let read = from.read(&mut buffer)?;
            if read == 0 {
                // The pipe ends when no descriptor of it is left.
                return Ok(rustix::stdio::dup2_stdout(File::open("/dev/null")?.as_fd())?);
            }
            stdout.write_all(&buffer[..read])?;
            stdout.flush()?;
        }
    });
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = io::stdin().lock().read(&mut buffer)?;
        let deaf = buffer[..read].windows(deafened_by.len()).any(|text| text == deafened_by.as_bytes());
        if deaf {
            rustix::stdio::dup2_stdin(File::open("/dev/null")?.as_fd())?;
        }
        to.write_all(&buffer[..read])?;
        if read == 0 {
            to.shutdown(Shutdown::Write)?;
            break;
        }
        if deaf {
            break;
        }
    }
    out.join().expect("the other thread does not panic")
}
