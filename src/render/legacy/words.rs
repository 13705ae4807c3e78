//! The words in which valkey-cli differs from redis-cli.

use crate::render::ui::Dialect;

impl Dialect {
    /// What the server is called.
    pub fn server(self) -> &'static str {
        self.either("Redis", "Valkey")
    }

    pub fn master(self) -> &'static str {
        self.either("master", "primary")
    }

    pub fn masters(self) -> &'static str {
        self.either("masters", "primaries")
    }

    pub fn replicas(self) -> &'static str {
        self.either("slaves", "replicas")
    }

    pub(super) fn either<'a>(self, redis: &'a str, valkey: &'a str) -> &'a str {
        match self {
            Dialect::Redis => redis,
            Dialect::Valkey => valkey,
        }
    }
}
