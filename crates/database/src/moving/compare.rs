//! Comparing a table, row by row.

use std::sync::Arc;

use super::copy::read;
use super::page::{Limit, Page};
use super::shape::{Shape, shown};
use super::{Far, Step, refuse};
use crate::cell::Cell;
use crate::{Database, Error};

/// Reads all rows of both sides in the order of their keys.
///
/// # Errors
/// The first row that is not the same on both sides, by its key; what a database said.
pub(super) async fn compare(
    from: &Database,
    to: &Database,
    shape: &Arc<Shape>,
    watch: &mut impl FnMut(Step),
) -> Result<(), Error> {
    let (table, of) = (shape.table.name, super::copy::count(from, shape).await?);
    let (mut rows, mut after, mut limit) = (0, None, Limit::default());
    loop {
        let (ours, theirs) =
            tokio::try_join!(read(from, shape, after.clone(), limit), read(to, shape, after.clone(), limit))?;
        if let Some(difference) = difference(shape, &ours, &theirs) {
            return Err(refuse(format!(
                "table {table}: {difference}; both databases refuse writes, and the old one is as it was"
            )));
        }
        let Some(last) = ours.last_key(shape) else { return Ok(()) };
        (rows, limit, after) = (rows + ours.rows.len() as u64, Limit::after(&ours), Some(last));
        watch(Step::Compared(Far { table, rows, of }));
    }
}

/// What is not the same in two pages that begin at the same place.
fn difference(shape: &Shape, ours: &Page, theirs: &Page) -> Option<String> {
    let key = |row: &Vec<Cell>| shape.key_of(row);
    let pairs = ours.rows.iter().zip(&theirs.rows);
    if let Some((ours, theirs)) = pairs.clone().find(|(ours, theirs)| ours != theirs) {
        let (here, there) = (key(ours), key(theirs));
        if here != there {
            return Some(format!(
                "the row {} of the old database stands where the new one has {}",
                shown(&here),
                shown(&there)
            ));
        }
        let columns = shape.columns.iter().zip(ours.iter().zip(theirs)).filter(|(_, (ours, theirs))| ours != theirs);
        let names: Vec<&str> = columns.map(|(column, _)| column.name.as_str()).collect();
        return Some(format!("the row {} differs in {}", shown(&here), names.join(", ")));
    }
    let equal = pairs.len();
    match (ours.rows.get(equal), theirs.rows.get(equal)) {
        (None, None) => None,
        (Some(row), _) => Some(format!("the new database lacks the row {}", shown(&key(row)))),
        (None, Some(row)) => Some(format!("the new database has the row {} that the old one lacks", shown(&key(row)))),
    }
}
