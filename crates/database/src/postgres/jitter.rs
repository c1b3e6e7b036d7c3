//! Pauses of random length, so that those who failed together do not come back together.

use std::time::Duration;

use uuid::Uuid;

/// Between half of `pause` and all of it.
pub(super) fn jittered(pause: Duration) -> Duration {
    // The last 32 bits of such an id are random, and no worse for this than another source.
    let random = f64::from(Uuid::now_v7().as_u128() as u32) / f64::from(u32::MAX);
    pause.mul_f64(0.5 + random / 2.0)
}
