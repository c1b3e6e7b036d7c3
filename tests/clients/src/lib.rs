//! Real clients against a real registry.
