//! An AWS client driven by embedded service models.

pub mod model;
