//! Floor 0, the terms of Redis Cluster: slots, nodes, and one node's view of its cluster.
//!
//! Everything here is plain data and parsing; nothing reads a clock, a file or a socket. Rules come
//! from the [Redis Cluster specification][spec], whose sections are named in quotes, and from the
//! servers' source files, which are named where they say more (`cluster.c` up to Redis 7.0,
//! `cluster_legacy.c` in later versions and in Valkey).
//!
//! - Parts of a cluster: [`Slot`], [`SlotRange`], [`SlotSet`], [`NodeId`], [`NodeAddr`].
//! - What one node sees: [`ClusterView`], made of [`Node`]s, from the reply of CLUSTER NODES.
//! - What nodes report of themselves: [`NodeReport`], and [`ClusterReport`] for all of them. These
//!   are the facts that [`plan`](../plan/index.html) starts from. [`InfoMap`] reads INFO.
//! - What people write: [`NodeRef`], [`NodeList`], [`NodeUrl`], [`AddressMap`].
//!
//! Types that may get more fields or variants are `#[non_exhaustive]`.
//!
//! [spec]: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/

mod activity;
mod addr;
mod address_map;
mod info;
mod loading;
mod login;
mod manifest;
mod nearest;
mod node;
mod node_list;
mod node_ref;
mod origin;
mod printable;
mod rdb;
mod report;
mod slot;
mod slot_set;
mod unreadable;
mod url;
mod version;
mod view;
mod vitals;
mod writes;

pub use activity::Activity;
pub use addr::{AddrError, NodeAddr};
pub use address_map::{AddressMap, Mapping};
pub use info::{ClusterInfo, InfoMap};
pub use loading::Loading;
pub use login::LoginFailure;
pub use manifest::{FORMAT, MANIFEST, Manifest, ManifestShard};
pub use nearest::nearest;
pub use node::{Flag, Flags, IdError, Node, NodeId, Role};
pub use node_list::{NodeList, Place, parts};
pub use node_ref::{FindError, NodeRef, UnknownNode};
pub use origin::Origin;
pub use printable::{excerpt, is_printable, printable, printable_lines, shell_word};
pub use rdb::RdbHead;
pub use report::{ClusterReport, Link, NodeReport, Settings, Stranger, UnreachableNode};
pub use slot::{SLOTS, Slot, SlotError, SlotRange, hash_tag};
pub use slot_set::SlotSet;
pub use unreadable::Unreadable;
pub use url::{BadLogin, NodeUrl};
pub use version::ServerVersion;
pub use view::{ClusterView, OpenSlot, OpenState, ViewError};
pub use vitals::{ConnectedReplica, Vitals};
pub use writes::{MIN_REPLICAS, SAVE, STOP_WRITES, Writes};
