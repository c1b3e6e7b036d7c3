//! A stand-in for Aliyun OSS, of which there is no server to install.
//!
//! It knows what the registry needs: objects with ranges, deletes of one and of many, lists, multipart uploads, signed URLs.
//! It checks what the service checks: signatures of versions 1 and 4 in headers and in URLs, their time, MD5 sums, the sizes,
//! order and tags of parts. The vendor's own client is run against it, so that it is not only our reading of the
//! documentation that it and the registry share. It is not the service, and what it permits may not be permitted there.

mod answer;
mod bucket;
mod date;
mod delete;
mod list;
mod multipart;
mod object;
mod request;
mod route;
mod signature;
mod stub;

pub use self::stub::{OssBucket, OssStub};
