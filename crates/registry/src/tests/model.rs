//! Histories of pushes, deletes and collections, beside a model of what must then be there.
//!
//! The model keeps no list of what may have become garbage, as the registry does: after every step it looks at everything.
//! `ENTREPOT_MODEL_STEPS` makes a history longer, `ENTREPOT_MODEL_SEED` repeats one.

mod facts;
mod run;
mod state;
mod universe;

use entrepot_test_engines::{Place, on_both_engines};

use self::run::Run;

on_both_engines! {
    histories_agree_with_the_model,
}

/// Steps of a history in the normal test.
const STEPS: usize = 1500;

async fn histories_agree_with_the_model(place: Place) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let steps = number("ENTREPOT_MODEL_STEPS").map_or(STEPS, |steps| steps as usize);
    let seed = number("ENTREPOT_MODEL_SEED").unwrap_or_else(|| u64::from(rand_seed()));
    eprintln!("ENTREPOT_MODEL_SEED={seed} ENTREPOT_MODEL_STEPS={steps}");
    let mut run = Run::begin(&place, seed).await;
    for number in 0..steps {
        run.step(number).await;
    }
    run.end().await;
}

/// Another one each time.
fn rand_seed() -> u32 {
    uuid::Uuid::new_v4().as_fields().0
}
