//! A real `entrepot serve` and a client that says exactly what a test wants said: any bytes, any framing, cut anywhere.

mod answer;
mod connection;
pub mod content;
mod over;
mod registry;
mod request;
mod table;

pub use answer::Answer;
pub use connection::Connection;
pub use over::Over;
pub use registry::Registry;
pub use request::{Body, Request, delete, get, head, patch, post, push, put, request};
pub use table::{Row, check, row};
