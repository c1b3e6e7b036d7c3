//! Everything between the listening socket and the first line of HTTP routing.
//!
//! [`serve`] runs the accept loop: it bounds the connections, tells TLS from plain text and HTTP/2 from HTTP/1.1, hands
//! each connection to hyper, and cuts those whose peer makes no progress. Time-outs here are about *progress*, never
//! about how long a transfer takes as a whole: a layer of 50 GiB over a slow line is as welcome as a small one.
//!
//! A request reaches the service with a [`Connection`] in its extensions and a [`RequestBody`] that fails when the peer
//! stops sending. Large files go back as a [`FileBody`], which uses sendfile(2) where the connection allows it.

mod conn_io;
mod connection;
mod counters;
mod drive;
mod file_body;
mod last_call;
mod limits;
mod listener;
mod open;
mod pace;
mod page_cache;
mod progress;
mod registry;
mod request_body;
mod response_body;
mod serve;
mod socket;
mod tls;
mod windows;

pub use connection::Connection;
pub use counters::Counters;
pub use file_body::FileBody;
pub use limits::Limits;
pub use listener::{BindError, Listener};
pub use pace::{Line, Lines, Paced};
pub use request_body::{RequestBody, RequestBodyError};
pub use response_body::ResponseBody;
pub use serve::{DrainReport, serve};
pub use tls::{Reloaded, TlsError, TlsReloader};
