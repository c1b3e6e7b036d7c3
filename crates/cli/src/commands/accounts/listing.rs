//! Lists: a table for people, and for machines a JSON object a line with the same names.

use std::process::ExitCode;

use serde_json::{Map, Value};

use super::Form;
use crate::commands;

/// What stands in a table for nothing.
const NOTHING: &str = "-";

/// A list.
pub(super) struct Listing {
    columns: &'static [&'static str],
    rows: Vec<Vec<Value>>,
}

impl Listing {
    /// A list with these columns; each row has as many values.
    pub(super) fn new(columns: &'static [&'static str], rows: impl IntoIterator<Item = Vec<Value>>) -> Self {
        Self { columns, rows: rows.into_iter().collect() }
    }

    /// Prints it.
    pub(super) fn print(&self, form: &Form) -> anyhow::Result<ExitCode> {
        Ok(commands::print(&if form.json { self.json() } else { self.table() }))
    }

    fn json(&self) -> String {
        let object = |row: &Vec<Value>| {
            let pairs = self.columns.iter().map(|column| (*column).to_owned()).zip(row.iter().cloned());
            format!("{}\n", Value::Object(pairs.collect::<Map<_, _>>()))
        };
        self.rows.iter().map(object).collect()
    }

    fn table(&self) -> String {
        let heading = self.columns.iter().map(|column| column.replace('_', " ").to_uppercase()).collect();
        let mut lines = vec![heading];
        lines.extend(self.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>()));
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
        let widths: Vec<_> = (0..self.columns.len()).map(width).collect();
        let line = |cells: &Vec<String>| {
            let padded: Vec<_> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            format!("{}\n", padded.join("  ").trim_end())
        };
        lines.iter().map(line).collect()
    }
}

/// What others wrote, so that it does not move the cursor.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => NOTHING.to_owned(),
        Value::Bool(yes) => if *yes { "yes" } else { NOTHING }.to_owned(),
        Value::String(text) if text.is_empty() => NOTHING.to_owned(),
        Value::String(text) => harmless(text),
        Value::Array(values) if values.is_empty() => NOTHING.to_owned(),
        Value::Array(values) => values.iter().map(cell).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_json_has_the_same_names() {
        let rows =
            [vec!["ann".into(), true.into(), Value::Null], vec!["bartholomew".into(), false.into(), "x\u{1b}".into()]];
        let listing = Listing::new(&["name", "administrator", "logged_in_at"], rows);
        let table = "NAME         ADMINISTRATOR  LOGGED IN AT\n\
                     ann          yes            -\n\
                     bartholomew  -              x\u{fffd}\n";
        assert_eq!(listing.table(), table);
        let first = listing.json().lines().next().map(str::to_owned).unwrap();
        let first: Value = serde_json::from_str(&first).unwrap();
        assert_eq!(first, serde_json::json!({"name": "ann", "administrator": true, "logged_in_at": null}));
    }
}
