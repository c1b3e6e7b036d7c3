//! The campaign over replicas: several servers of one registry over PostgreSQL and an S3 server, while all of these fail.
//!
//! As over one process, clients push, resume, mount, move, delete and pull, and remember what they were told; but each request
//! goes to another replica, the chunks of one upload too, and clients go on when a replica does not answer or says that it
//! cannot now. Meanwhile replicas die by `kill -9` or at a named step of the commit paths, are restarted in an orderly way, or
//! are taken for dead although they live; PostgreSQL is restarted, crashes, or stands still; the lines to it and to the store
//! are refused, cut, half closed, delayed, throttled, or swallow everything.
//!
//! After each round all is brought back. A replica at which a request was lost is ended first, because it might still be
//! doing it; the others live on with what they have in memory. Then every replica must show everything that was acknowledged,
//! reads must succeed after they were tried again, and interrupted uploads must go on. After every few rounds everything
//! unneeded is purged, and then the rows, the objects in the bucket and what clients were told must be the same, with no
//! unfinished upload left in either.

pub(super) mod contents;
mod faults;
mod rounds;
mod tally;
pub(super) mod topology;

pub(super) use rounds::{Plan, run};
pub(crate) use topology::StoreServer;
