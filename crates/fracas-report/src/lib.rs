//! How a run is told to people: console lines, and pictures of what is wrong in a file.

mod console;
mod problems;

pub use console::{Console, Importance, Lines};
pub use problems::render_problems;
