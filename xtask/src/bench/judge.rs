//! The aims, held against what was measured in the same run.

use super::candidate::Candidate;
use super::group::Group;
use super::load::Load;
use super::session::{Figure, Outcome};
use super::work::{Aim, Work};

/// An aim with what came of it.
#[derive(Debug)]
pub(super) struct Verdict {
    /// The work it is about.
    pub(super) work: Work,
    /// Who did it.
    pub(super) candidate: Candidate,
    /// The aim in words.
    pub(super) aim: String,
    /// What was measured, in words.
    pub(super) measured: String,
    /// Whether the aim is met; `None` when what it is held against was not measured.
    pub(super) met: Option<bool>,
}

/// Everything measured in one run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Results<'a> {
    /// What was compared with what.
    pub(super) group: Group,
    /// The figures.
    pub(super) outcomes: &'a [Outcome],
}

impl Results<'_> {
    /// What `candidate` did in `work`.
    fn figure(&self, work: Work, candidate: Candidate) -> Option<&Figure> {
        self.outcomes
            .iter()
            .find(|outcome| (outcome.work, outcome.candidate) == (work, candidate))
            .map(|found| &found.figure)
    }

    fn load(&self, work: Work, candidate: Candidate) -> Option<&Load> {
        match self.figure(work, candidate)? {
            Figure::Load(load) => Some(load),
            Figure::Memory(_) | Figure::Time(_) => None,
        }
    }

    fn references(&self, work: Work) -> impl Iterator<Item = &Load> {
        let group = self.group;
        let of_work = self.outcomes.iter().filter(move |outcome| outcome.work == work);
        of_work.filter(move |outcome| group.is_reference(outcome.candidate)).filter_map(|outcome| {
            match &outcome.figure {
                Figure::Load(load) => Some(load),
                Figure::Memory(_) | Figure::Time(_) => None,
            }
        })
    }

    /// The least server CPU a unit that a reference took, in seconds.
    pub(super) fn reference_cpu(&self, work: Work) -> Option<f64> {
        self.references(work).map(Load::cpu_per_unit).min_by(f64::total_cmp)
    }

    /// The highest rate of the references, in units a second.
    pub(super) fn reference_rate(&self, work: Work) -> Option<f64> {
        self.references(work).map(Load::rate).max_by(f64::total_cmp)
    }

    /// Holds every aim of every piece of work that Entrepot did against the figures.
    pub(super) fn verdicts(&self) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for &work in self.group.works() {
            let own = self.outcomes.iter().filter(|outcome| outcome.work == work && outcome.candidate.is_entrepot());
            for Outcome { candidate, figure, .. } in own {
                for &aim in self.group.aims(work) {
                    verdicts.push(self.judge(work, *candidate, figure, aim));
                }
            }
        }
        verdicts
    }

    fn judge(&self, work: Work, candidate: Candidate, figure: &Figure, aim: Aim) -> Verdict {
        let mine = match figure {
            Figure::Load(load) => Some(load),
            Figure::Memory(_) | Figure::Time(_) => None,
        };
        let cpu = mine.map(Load::cpu_per_unit);
        let rate = mine.map(Load::rate);
        let nginx = self.load(work, Candidate::Nginx);
        let (aim, measured) = match aim {
            Aim::CpuShare(most) => {
                let measured = ratio(cpu, self.reference_cpu(work)).map(|got| (times(got), got <= most));
                (format!("CPU ≤ {} of distribution's", share(most)), measured)
            }
            Aim::RateTimes(least) => {
                let measured = ratio(rate, self.reference_rate(work)).map(|got| (times(got), got >= least));
                (format!("rate ≥ {least:.1}x distribution's"), measured)
            }
            Aim::CpuShareOfNginx(most) => {
                let measured = ratio(cpu, nginx.map(Load::cpu_per_unit)).map(|got| (times(got), got <= most));
                (format!("CPU ≤ {most:.1}x nginx's"), measured)
            }
            Aim::RateTimesOfNginx(least) => {
                let measured = ratio(rate, nginx.map(Load::rate)).map(|got| (times(got), got >= least));
                (format!("rate ≥ {least:.1}x nginx's"), measured)
            }
            Aim::CpuTimesOf(smaller, most) => {
                let other = self.load(smaller, candidate).map(Load::cpu_per_unit);
                let measured = ratio(cpu, other).map(|got| (times(got), got <= most));
                (format!("same CPU as {} (≤ {most}x)", smaller.name()), measured)
            }
            Aim::CpuAbove(other, most) => {
                let other_cpu = self.load(other, candidate).map(Load::cpu_per_unit);
                let measured = cpu.zip(other_cpu).map(|(mine, other)| {
                    let above = (mine - other) * 1e6;
                    (format!("{above:+.1} µs"), above <= most.as_secs_f64() * 1e6)
                });
                (format!("CPU ≤ {}'s and {} µs", other.name(), most.as_micros()), measured)
            }
            Aim::MemoryMebibytes(most) => {
                let bytes = match figure {
                    Figure::Load(load) => load.peak_bytes,
                    Figure::Memory(bytes) => *bytes,
                    Figure::Time(_) => 0,
                };
                let mebibytes = bytes as f64 / 1_048_576.0;
                (format!("memory ≤ {most} MiB"), Some((format!("{mebibytes:.1} MiB"), mebibytes <= most as f64)))
            }
            Aim::Within(most) => {
                let measured = match figure {
                    Figure::Time(took) => Some((format!("{:.3} s", took.as_secs_f64()), *took <= most)),
                    Figure::Load(_) | Figure::Memory(_) => None,
                };
                (format!("≤ {} s", most.as_secs_f64()), measured)
            }
        };
        match measured {
            Some((measured, met)) => Verdict { work, candidate, aim, measured, met: Some(met) },
            None => {
                let measured = "nothing to hold it against in this run".to_owned();
                Verdict { work, candidate, aim, measured, met: None }
            }
        }
    }
}

fn ratio(mine: Option<f64>, other: Option<f64>) -> Option<f64> {
    Some(mine? / other.filter(|&other| other > 0.0)?)
}

fn times(ratio: f64) -> String {
    if ratio < 1.0 { format!("{ratio:.3}x") } else { format!("{ratio:.2}x") }
}

/// A share as a fraction where it is one (`1/6`), else as a number.
fn share(share: f64) -> String {
    let whole = 1.0 / share;
    if whole > 1.9 && (whole - whole.round()).abs() < 1e-9 { format!("1/{whole:.0}") } else { format!("{share}") }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::candidate::Candidate;
    use super::super::group::Group;
    use super::super::load::{Load, Unit};
    use super::super::session::{Figure, Outcome};
    use super::super::work::Work;
    use super::Results;

    fn outcome(work: Work, candidate: Candidate, figure: Figure) -> Outcome {
        Outcome { work, candidate, figure, note: String::new() }
    }

    /// A load of `rate` operations in a second that took `cpu` milliseconds in all.
    fn load(candidate: Candidate, rate: f64, cpu: u64) -> Outcome {
        let figure = Figure::Load(Load {
            unit: Unit::Operation,
            amount: rate,
            elapsed: Duration::from_secs(1),
            server_cpu: Duration::from_millis(cpu),
            backends_cpu: Duration::ZERO,
            client_cpu: Duration::ZERO,
            other_cpu: Duration::ZERO,
            latencies: Vec::new(),
            peak_bytes: 0,
        });
        outcome(Work::ManifestGet, candidate, figure)
    }

    fn results(outcomes: &[Outcome]) -> Results<'_> {
        Results { group: Group::Disk, outcomes }
    }

    #[test]
    fn the_reference_is_the_better_version_of_distribution() {
        let outcomes = [
            load(Candidate::Entrepot, 1000.0, 100),
            load(Candidate::DockerRegistry, 100.0, 1000),
            load(Candidate::Distribution, 260.0, 1000),
            load(Candidate::Zot, 5000.0, 1),
        ];
        let verdicts = results(&outcomes).verdicts();
        // 0.1 ms an operation against 3.85 ms is below a sixth; 1000 a second against 260 is not four times.
        assert_eq!(verdicts.iter().map(|verdict| verdict.met).collect::<Vec<_>>(), [Some(true), Some(false)]);
        assert_eq!(verdicts[1].measured, "3.85x");
    }

    #[test]
    fn without_a_reference_there_is_no_verdict() {
        let outcomes = [load(Candidate::Entrepot, 1000.0, 100)];
        assert!(results(&outcomes).verdicts().iter().all(|verdict| verdict.met.is_none()));
    }

    #[test]
    fn absolute_aims_are_judged_alone() {
        let outcomes = [
            outcome(Work::MemoryIdle, Candidate::Entrepot, Figure::Memory(41 * 1_048_576)),
            outcome(Work::Start, Candidate::Entrepot, Figure::Time(Duration::from_millis(150))),
        ];
        let verdicts = results(&outcomes).verdicts();
        assert_eq!(verdicts.iter().map(|verdict| verdict.met).collect::<Vec<_>>(), [Some(false), Some(true)]);
    }
}
