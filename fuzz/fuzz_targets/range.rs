//! A range never reaches beyond what it is a range of.
#![no_main]

use entrepot_oci::{ByteRange, Selection};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, &str)| {
    let (size, text) = input;
    if let Ok(range) = text.parse::<ByteRange>() {
        assert!(range.first() <= range.last());
        assert_eq!(range.to_string().parse(), Ok(range));
    }
    for header in [text.to_owned(), format!("bytes={text}")] {
        if let Selection::Part(range) = Selection::parse(&header, size) {
            assert!(range.first() <= range.last() && range.last() < size);
            assert!(range.length().is_some_and(|length| length <= size));
        }
    }
});
