//! Lives here: the command line, a file a command.
//! Must never know: rules, SQL.
//! Start reading at a command's file.

pub mod simulate;
