//! The measuring stick of `cargo xtask bench`.
//!
//! Without arguments it starts and ends, which is the floor of a start. Otherwise:
//!
//! ```text
//! meter run PROGRAM ARGS...     runs it, prints its user and system seconds, wall seconds and largest resident KiB
//! meter spawn COUNT PROGRAM     the floor of process activities
//! meter replay ADDRESS FILE     sends the bytes of FILE and reads the answer: the floor of one call
//! ```
//!
//! It is a program of its own because the kernel counts a child's largest resident size from that of its parent at the
//! start, so the parent must be small.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["run", program, args @ ..] => run(Command::new(program).args(args)),
        ["spawn", count, program] => spawn(count.parse()?, program),
        ["replay", address, file] => replay(address, &std::fs::read(file)?),
        _ => Ok(()),
    }
}

fn run(command: &mut Command) -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    let wall = start.elapsed().as_secs_f64();
    let used = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: nix::sys::time::TimeVal| time.num_microseconds() as f64 / 1e6;
    println!(
        "{} {} {wall} {} {status}",
        seconds(used.user_time()),
        seconds(used.system_time()),
        used.max_rss()
    );
    Ok(())
}

fn spawn(count: u32, program: &str) -> Result<(), Box<dyn std::error::Error>> {
    for _ in 0..count {
        Command::new(program).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    }
    Ok(())
}

fn replay(address: &str, request: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    let mut connection = TcpStream::connect(address)?;
    connection.write_all(request)?;
    connection.shutdown(std::net::Shutdown::Write)?;
    connection.read_to_end(&mut Vec::new())?;
    Ok(())
}
