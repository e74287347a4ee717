//! The measuring stick of `cargo xtask bench`.
//!
//! Without arguments it starts and ends, which is the floor of a start. Otherwise:
//!
//! ```text
//! meter run PROGRAM ARGS...     runs it, prints its user and system seconds, wall seconds and largest resident KiB
//! meter spawn COUNT PROGRAM     the floor of process activities
//! meter collect COUNT PROGRAM ARGS...    the floor of activities with large outputs: into the file `collected`
//! meter every SECONDS FOR PROGRAM        runs it again and again with this pause, prints how often
//! meter replay ADDRESS FILE [COUNT]      sends the bytes of FILE and reads the answer: the floor of calls
//! ```
//!
//! It is a program of its own because the kernel counts a child's largest resident size from that of its parent at the
//! start, so the parent must be small.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["run", program, args @ ..] => run(Command::new(program).args(args)),
        ["spawn", count, program] => spawn(count.parse()?, program),
        ["collect", count, program, args @ ..] => collect(count.parse()?, Command::new(program).args(args)),
        ["every", pause, length, program] => every(pause.parse()?, length.parse()?, program),
        ["replay", address, file] => replay(address, &std::fs::read(file)?),
        ["replay", address, file, count] => {
            let request = std::fs::read(file)?;
            (0..count.parse()?).try_for_each(|_: u32| replay(address, &request))
        }
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

fn collect(count: u32, command: &mut Command) -> Result<(), Box<dyn std::error::Error>> {
    let mut file = File::create("collected")?;
    for _ in 0..count {
        file.write_all(&command.stdin(Stdio::null()).stderr(Stdio::null()).output()?.stdout)?;
    }
    Ok(())
}

fn every(pause: f64, length: f64, program: &str) -> Result<(), Box<dyn std::error::Error>> {
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed().as_secs_f64() < length {
        spawn(1, program)?;
        count += 1;
        std::thread::sleep(Duration::from_secs_f64(pause));
    }
    println!("{count}");
    Ok(())
}

fn replay(address: &str, request: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    let mut connection = TcpStream::connect(address)?;
    connection.write_all(request)?;
    connection.shutdown(std::net::Shutdown::Write)?;
    connection.read_to_end(&mut Vec::new())?;
    Ok(())
}
