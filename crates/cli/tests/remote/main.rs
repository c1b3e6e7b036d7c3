//! Commands that ask a registry elsewhere: they do and print what they do and print beside the data, and they are as careful with
//! tokens as with passwords.

mod families;
mod place;
mod refusals;
