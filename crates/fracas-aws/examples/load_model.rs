//! Prints the median time, in microseconds, that opening a service's model takes: `load_model [SERVICE] [TIMES]`.
//!
//! Every time is a cold one: the frame is decompressed and decoded anew.

use std::time::Instant;

use fracas_aws::model::embedded;

fn main() {
    let mut args = std::env::args().skip(1);
    let service = args.next().unwrap_or_else(|| "docdb".to_owned());
    let times: usize = args.next().and_then(|times| times.parse().ok()).unwrap_or(50).max(1);
    let mut micros: Vec<u128> = (0..times)
        .map(|_| {
            let start = Instant::now();
            let opened = embedded::open(&service);
            assert!(opened.is_some(), "no service is called {service}");
            start.elapsed().as_micros()
        })
        .collect();
    micros.sort_unstable();
    println!("{}", micros[times / 2]);
}
