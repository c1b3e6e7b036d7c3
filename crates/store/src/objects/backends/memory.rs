//! Memory of this process, for tests.

use opendal::{Operator, services};

use crate::objects::{Built, Traits};

/// An object store in the memory of this process; clones are the same store, as if over the network.
#[derive(Clone, Debug)]
pub struct Memory(Operator);

impl Memory {
    /// An empty store.
    ///
    /// # Errors
    /// Never, with the options that it is given; the library's type does not say so.
    pub fn new() -> Result<Self, crate::Error> {
        super::operator(services::Memory::default(), "memory").map(Self)
    }

    pub(super) fn build(&self) -> Built {
        let traits =
            Traits { piece: 16 * 1024 * 1024, grows: false, signs: false, keeps_memory: true, ..Traits::usual() };
        Built { operator: self.0.clone(), traits, bucket: "memory://".to_owned(), signed: None, http: None }
    }
}
