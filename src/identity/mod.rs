//! Lives here: accounts, roles, rights, sessions, keys, and the record of security events.
//! Must never know: HTTP, SQL.
//! Start reading at `role`, then `rights`.
