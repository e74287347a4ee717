//! Names for a shell to complete.

use clap_complete::CompletionCandidate;
use fracas_aws::model::{Kind, Service, embedded};
use fracas_aws::{Aws, kebab};

/// All services.
pub fn services() -> Vec<CompletionCandidate> {
    embedded::services().map(CompletionCandidate::new).collect()
}

/// The operations of the service on the command line.
pub fn operations() -> Vec<CompletionCandidate> {
    let names = |service: &Service| service.operations.iter().map(|one| kebab(one.name)).collect();
    named(names)
}

/// The waiters of the service on the command line.
pub fn waiters() -> Vec<CompletionCandidate> {
    let names = |service: &Service| service.waiters.iter().map(|one| kebab(one.name)).collect();
    named(names)
}

/// The parameter that an option of the AWS CLI stands for.
pub fn parameter(service: &str, operation: &str, option: &str) -> Option<&'static str> {
    let (service, operation) = Aws::new().operation(service, operation).ok()?;
    let Kind::Structure(input) = &service.shape(operation.input?).kind else { return None };
    input.members.iter().map(|member| member.name).find(|name| kebab(name) == option)
}

fn named(names: impl Fn(&Service) -> Vec<String>) -> Vec<CompletionCandidate> {
    let service = std::env::args().skip_while(|word| word != "aws").find_map(|word| embedded::service(&word));
    service.map(names).unwrap_or_default().into_iter().map(CompletionCandidate::new).collect()
}
