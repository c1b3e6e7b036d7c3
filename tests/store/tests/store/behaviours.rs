//! What every store promises.

mod bodies;
mod clean;
mod memory;
mod reading;
mod rest;
mod strays;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use entrepot_store::ObjectsConfig;

use crate::place::{Place, nothing_is_left};

/// Long enough for the slowest server; a behaviour that hangs fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs every behaviour, each under a prefix of its own, and looks each time whether something is left.
pub(crate) async fn run(name: &str, place: &Place) -> Result<()> {
    macro_rules! behaviours {
        ($($module:ident :: $behaviour:ident),* $(,)?) => {
            $(
                let begin = Instant::now();
                let config = place.config(stringify!($behaviour))?;
                let tried = tokio::time::timeout(PATIENCE, one($module::$behaviour(place, &config), &config)).await;
                tried.context("it hangs").flatten().with_context(|| format!("{name}: {}", stringify!($behaviour)))?;
                println!("{name}: {} ({:.1?})", stringify!($behaviour), begin.elapsed());
            )*
        };
    }
    behaviours![
        rest::everything_needed_is_there,
        bodies::bodies_of_every_size_come_back,
        bodies::borders_of_pieces,
        bodies::small_bodies_are_one_object_and_empty_ones_none,
        bodies::chunks_arrive_at_different_replicas,
        bodies::a_sha512_digest_that_appears_at_the_end,
        bodies::calls_may_be_dropped_anywhere,
        clean::a_wrong_digest_leaves_nothing,
        clean::what_is_given_up_leaves_nothing,
        clean::many_objects_are_removed,
        strays::what_a_dead_process_leaves_is_found,
        strays::what_is_under_way_is_left_alone,
        reading::ranges_over_parts,
        reading::what_is_gone_or_shorter_is_an_error,
        reading::signed_addresses,
        memory::a_large_body_in_bounded_memory,
        memory::many_uploads_in_little_memory,
        rest::it_can_be_probed,
    ];
    Ok(())
}

async fn one(behaviour: impl Future<Output = Result<()>>, config: &ObjectsConfig) -> Result<()> {
    behaviour.await?;
    nothing_is_left(config).await
}
