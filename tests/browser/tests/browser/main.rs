//! The pages in a real browser: Chromium, which scripts of ours drive, against a registry that the test starts.

mod browser;
mod pages;
