//! `entrepot import`, from what real registries wrote: taken over while they serve, killed on the way, pulled back by real clients.

mod bucket;
mod distribution;
mod here;
mod killed;
mod layouts;
mod lies;
mod skopeo;
mod upstream;
