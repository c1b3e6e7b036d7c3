//! Dies at a named step of the commit paths, for the crash campaign. Not part of a release: feature `failpoints`.

use fail::FailScenario;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Takes what each step shall do from the variable `FAILPOINTS`, for example `store::after_rename=3*off->panic`, and turns
/// every panic into the death of the process.
///
/// A fail point can panic but not kill, and a panic alone would unwind one task and leave the rest of the server to go on.
/// What is simulated is `kill -9`: nothing more runs, nothing is flushed, nobody is told.
///
/// `FAILPOINTS=list` prints the names of all steps instead, one a line, and ends.
pub(crate) fn arm() -> FailScenario<'static> {
    if std::env::var_os("FAILPOINTS").is_some_and(|value| value == "list") {
        println!("{}", entrepot_registry::fail_points().join("\n"));
        std::process::exit(0);
    }
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("died: {panic}");
        // Returns only if there is no such process; the fallback ends it as abruptly.
        let _dead = kill(Pid::this(), Signal::SIGKILL);
        std::process::abort();
    }));
    FailScenario::setup()
}
