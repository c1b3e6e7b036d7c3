//! The registry driven from outside: every endpoint of the distribution API by tables of requests and answers, then what
//! tables cannot say: concurrency, clients and servers that go away, bounds, and what an operator sees.

mod access;
mod bandwidth;
mod blobs;
mod bounds;
mod caching;
mod concurrency;
mod conditions;
mod deletes;
mod indexes;
mod interrupted;
mod lists;
mod maintenance;
mod manifests;
mod memory;
mod mounts;
mod observed;
mod paths;
mod quota;
mod rates;
mod referrers;
mod refusals;
mod startup;
mod uploads;
