//! Bounds of the model's parameters, and which change of each is a loosening.
