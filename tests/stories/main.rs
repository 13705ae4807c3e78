//! Stories of rcluster with real servers, one file a capability.
//!
//! `RCLUSTER_TEST_SERVER` names the server under test, one of those that `.ci/servers.sh` fetches.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod acl;
mod action_yml;
mod address_map;
mod addresses;
mod apply;
mod backup;
mod bad_input;
mod balance;
mod big_keys;
mod by_hand;
mod call;
mod check;
mod client_tests;
mod contexts;
mod create;
mod documents;
mod dropin;
mod dropin_words;
mod fix;
#[path = "../../benches/fleet/mod.rs"]
mod fleet;
mod followers;
mod formats;
mod host_names;
mod import;
mod import_clients;
mod info;
mod logins;
mod membership;
mod moved;
mod moving;
mod moving_faults;
mod moving_refused;
mod output;
mod packages;
mod placement;
mod remedies;
mod replica_slots;
mod reset;
mod resume;
mod rolling;
mod sandbox;
mod server_program;
mod set_timeout;
mod shells;
mod sick_nodes;
mod simulated;
mod slot_load;
mod support;
#[path = "../netns/table.rs"]
mod table;
mod threads;
mod tls_ports;
mod tutorial;
mod unreadable;
mod versions;
mod watch;
