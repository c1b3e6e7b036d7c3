//! Events become true.

use anyhow::Result;
use entrepot_test_support::Fault;

use super::Campaign;
use crate::crash::replicas::faults::{Backend, Event, What};
use crate::crash::replicas::topology::{Replica, Topology};

impl Campaign<'_> {
    pub(super) fn happen(&mut self, topology: &mut Topology, event: &Event) -> Result<()> {
        // What happens to a replica that is dead happens to nobody.
        let mut real = true;
        match &event.what {
            What::Kill(number) => {
                let replica = &mut topology.replicas[*number];
                real = replica.runs();
                self.end_replica(replica, false)?;
            }
            What::Restart(number) => {
                let replica = &mut topology.replicas[*number];
                real = replica.runs();
                self.end_replica(replica, true)?;
                self.start_if_dead(replica)?;
            }
            What::Start(number) => real = self.start_if_dead(&mut topology.replicas[*number])?,
            What::StopDatabase => {
                self.backends.freeze(false)?;
                self.backends.postgres.stop()?;
                self.backends.postgres.start_again()?;
            }
            What::CrashDatabase => {
                self.backends.freeze(false)?;
                self.backends.postgres.crash()?;
                self.backends.postgres.start_again()?;
            }
            What::Freeze(frozen) => self.backends.freeze(*frozen)?,
            What::Line { replica, to, fault } => {
                real = false;
                for (number, one) in topology.replicas.iter_mut().enumerate() {
                    if replica.is_none_or(|replica| replica == number) {
                        real |= one.runs();
                        one.set_line(*to, *fault);
                    }
                }
            }
            What::TakenForDead => {
                // It hears nothing while it stands still.
                self.backends.freeze(false)?;
                topology.grow_old(&self.backends.postgres)?;
            }
        }
        if real {
            self.tally.event(event);
        }
        Ok(())
    }

    /// Whether it was dead and was started.
    fn start_if_dead(&mut self, replica: &mut Replica) -> Result<bool> {
        let death = replica.died()?;
        self.judge(death)?;
        // It does not start without its database and store, nor need it.
        let starts = !replica.runs() && replica.is_reachable() && !self.backends.is_frozen();
        if starts {
            let death = replica.start(None)?;
            self.judge(death)?;
        }
        Ok(starts)
    }

    pub(super) fn heal_lines(&mut self, topology: &mut Topology) -> Result<()> {
        self.backends.freeze(false)?;
        for replica in &mut topology.replicas {
            replica.set_line(Backend::Database, Fault::None);
            replica.set_line(Backend::Store, Fault::None);
        }
        Ok(())
    }
}
