//! Letters to a real SMTP server.

mod certificates;
mod delivered;
mod injected;
mod refused;
mod setting;
