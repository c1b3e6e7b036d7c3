//! What a value can be, given what clients asked for and what they were told.

/// A value on the server that requests replace as a whole, as seen by those who sent them.
///
/// It holds every value that the server could show now without breaking a promise: the values of requests that nobody
/// answered, of requests that ran at the same time, and the last one that was acknowledged. An acknowledged request
/// overwrites everything that had ended before it began. Times are ticks of one clock for all requests.
#[derive(Debug)]
pub(super) struct Register<T> {
    candidates: Vec<Candidate<T>>,
    /// Values that are no longer possible, and since when.
    past: Vec<(T, u64)>,
}

#[derive(Debug)]
struct Candidate<T> {
    value: T,
    begun: u64,
    /// `None` while the request is unanswered: it may take effect at any time.
    ended: Option<u64>,
}

impl<T: Clone + PartialEq + std::fmt::Debug> Register<T> {
    pub(super) fn new(value: T) -> Self {
        Self { candidates: vec![Candidate { value, begun: 0, ended: Some(0) }], past: Vec::new() }
    }

    /// A request to set `value` is about to be sent. `now` names it later, so no two may share it.
    pub(super) fn begin(&mut self, value: T, now: u64) {
        self.candidates.push(Candidate { value, begun: now, ended: None });
    }

    /// The request begun at `begun` was acknowledged.
    pub(super) fn acknowledge(&mut self, begun: u64, now: u64) {
        self.overwrite(begun, now, |_| true);
    }

    /// The request begun at `begun` was acknowledged, which set its value only if it found `old`.
    pub(super) fn acknowledge_instead_of(&mut self, old: &T, begun: u64, now: u64) {
        self.overwrite(begun, now, |value| value == old);
    }

    fn overwrite(&mut self, begun: u64, now: u64, which: impl Fn(&T) -> bool) {
        for candidate in &mut self.candidates {
            if candidate.begun == begun {
                candidate.ended = Some(now);
            }
        }
        let overwritten = self
            .candidates
            .extract_if(.., |candidate| candidate.ended.is_some_and(|ended| ended < begun) && which(&candidate.value));
        self.past.extend(overwritten.map(|candidate| (candidate.value, now)));
    }

    /// The request begun at `begun` was answered to have had no effect.
    pub(super) fn refuse(&mut self, begun: u64) {
        self.candidates.retain(|candidate| candidate.begun != begun);
    }

    /// The server shows `value`, and no request is under way.
    ///
    /// # Errors
    /// If it was promised to be something else.
    pub(super) fn observe(&mut self, value: &T, now: u64) -> Result<(), String> {
        if !self.may_be(value) {
            let possible: Vec<_> = self.candidates.iter().map(|candidate| &candidate.value).collect();
            return Err(format!("is {value:?}, but can only be one of {possible:?}"));
        }
        self.candidates = vec![Candidate { value: value.clone(), begun: now, ended: Some(now) }];
        self.past.clear();
        Ok(())
    }

    /// Whether the server can show `value` now.
    pub(super) fn may_be(&self, value: &T) -> bool {
        self.candidates.iter().any(|candidate| candidate.value == *value)
    }

    /// Whether the server could show `value` at some moment since `time`.
    pub(super) fn may_have_been(&self, value: &T, time: u64) -> bool {
        self.may_be(value) || self.past.iter().any(|(past, until)| past == value && *until >= time)
    }

    /// The value, if only one is possible.
    pub(super) fn known(&self) -> Option<&T> {
        let first = self.candidates.first()?;
        self.candidates.iter().all(|candidate| candidate.value == first.value).then_some(&first.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledged_value_stands_alone() {
        let mut register = Register::new(0);
        register.begin(1, 1);
        assert!(register.may_be(&0) && register.may_be(&1));
        register.acknowledge(1, 2);
        assert_eq!(register.known(), Some(&1));
        assert!(register.may_have_been(&0, 1));
        assert!(!register.may_have_been(&0, 3));
        assert!(register.observe(&0, 3).is_err());
    }

    #[test]
    fn values_of_the_same_time_are_all_possible() {
        let mut register = Register::new(0);
        register.begin(1, 1);
        register.begin(2, 2);
        register.acknowledge(1, 3);
        register.acknowledge(2, 4);
        assert!(register.may_be(&1) && register.may_be(&2) && !register.may_be(&0));
        register.observe(&1, 5).unwrap();
        assert_eq!(register.known(), Some(&1));
    }

    #[test]
    fn what_is_set_instead_of_one_value_leaves_the_others() {
        let mut register = Register::new(0);
        // Unanswered: if it did not happen, there is nothing for the next one to do.
        register.begin(1, 1);
        register.begin(2, 2);
        register.acknowledge_instead_of(&1, 2, 3);
        assert!(register.may_be(&0) && register.may_be(&1) && register.may_be(&2));
        let mut register = Register::new(1);
        register.begin(2, 2);
        register.acknowledge_instead_of(&1, 2, 3);
        assert_eq!(register.known(), Some(&2));
    }

    #[test]
    fn an_unanswered_request_may_have_happened() {
        let mut register = Register::new(0);
        register.begin(1, 1);
        register.begin(2, 2);
        register.refuse(2);
        assert!(register.may_be(&0) && register.may_be(&1) && !register.may_be(&2));
        assert!(!register.may_have_been(&2, 0));
    }
}
