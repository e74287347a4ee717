//! Makes one call and prints its result: `call docdb DescribeDBClusters '{"MaxRecords": 20}'`.

use fracas_aws::{Aws, Scope};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [service, operation, rest @ ..] = &arguments[..] else {
        eprintln!("usage: call SERVICE OPERATION [PARAMETERS]");
        return ExitCode::from(2);
    };
    let Ok(params) = serde_json::from_str(rest.first().map_or("{}", String::as_str)) else {
        eprintln!("the parameters are no JSON");
        return ExitCode::from(2);
    };
    match Aws::new().call(&Scope::default(), service, operation, &params).await {
        Ok(result) => println!("{result:#}"),
        Err(error) => {
            eprintln!(
                "{}: {error}\n{:?} {}",
                error.python_class(),
                error.sent(),
                error.help().unwrap_or_default()
            );
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
