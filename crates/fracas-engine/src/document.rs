//! Texts to documents: JSON and YAML, with the place of every key and value.

mod json;
mod yaml;
mod yaml_scalar;

use fracas_model::{Format, Node, Problems, Source};

pub use yaml::parse_yaml;

/// Nesting beyond this is refused, so that no document can exhaust the stack.
const MAX_DEPTH: usize = 200;

/// Reads a document in its format.
///
/// # Errors
///
/// Every duplicate key, or the one place where the text stops being JSON or YAML.
pub fn parse_document(source: &Source) -> Result<Node, Problems> {
    match source.format {
        Format::Json => json::parse(&source.text),
        Format::Yaml => parse_yaml(&source.text),
    }
}
