//! `entrepot doctor`: what is wrong with the configuration, the database or the store, and how to mend it.

use std::process::ExitCode;

use anyhow::Context;
use entrepot_database::{Diagnosis, Doctor, Trouble, Verdict};
use entrepot_registry::Examination;

use crate::arguments::DoctorArguments;
use crate::config::Config;
use crate::data::ROOMS;
use crate::{commands, data};

const CONFIGURATION: &str = "the configuration has no mistakes";

/// Looks at everything, and prints what was found.
pub(crate) fn run(arguments: &DoctorArguments) -> ExitCode {
    let config = match Config::load(&arguments.flags) {
        Ok(config) => config,
        Err(mistakes) => {
            let troubles = mistakes.sentences().map(|sentence| Trouble::new(sentence, "correct it"));
            let configuration = Diagnosis { subject: CONFIGURATION, verdict: troubles.collect() };
            let rest = Verdict::NotLookedAt("it is not known where they are".to_owned());
            return conclude(&[configuration, Diagnosis { subject: "database and store are well", verdict: rest }]);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.context("cannot start") {
        Ok(runtime) => conclude(&runtime.block_on(examine(&config, arguments.thorough))),
        Err(error) => commands::conclude(Err(error)),
    }
}

/// Looks at everything.
pub(super) async fn examine(config: &Config, thorough: bool) -> Vec<Diagnosis> {
    let mut found = vec![Diagnosis { subject: CONFIGURATION, verdict: Verdict::Well(None) }];
    let doctor = match config.database.postgres() {
        Some(options) => Doctor::of_server(options, ROOMS).await,
        None => Doctor::of_file(&data::file(&config.data_dir), ROOMS).await,
    };
    found.extend(doctor.examine().await);
    let examination =
        Examination { database: &doctor, store: data::look(config).await, on_disk: config.objects.is_none(), thorough };
    found.extend(examination.run().await);
    found
}

fn conclude(found: &[Diagnosis]) -> ExitCode {
    if tell(found) == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints what was found, and returns how much of it is wrong.
pub(super) fn tell(found: &[Diagnosis]) -> usize {
    let text: String = found.iter().map(shown).collect();
    print!("{text}");
    let wrong = found.iter().filter(|diagnosis| !diagnosis.verdict.is_well()).count();
    match wrong {
        0 => println!("nothing is wrong"),
        1 => println!("one thing is wrong"),
        _ => println!("{wrong} things are wrong"),
    }
    wrong
}

/// A line for each, and under what is wrong what to do.
fn shown(Diagnosis { subject, verdict }: &Diagnosis) -> String {
    match verdict {
        Verdict::Well(None) => format!("ok      {subject}\n"),
        Verdict::Well(Some(note)) => format!("ok      {subject} ({note})\n"),
        Verdict::NotLookedAt(reason) => format!("-       {subject}: not looked at, because {reason}\n"),
        Verdict::Wrong(troubles) => {
            let lines = troubles
                .iter()
                .map(|Trouble { wrong, mend }| format!("        {wrong}\n          to mend it: {mend}\n"));
            format!("WRONG   {subject}\n{}", lines.collect::<String>())
        }
    }
}
