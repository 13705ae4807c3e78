//! What slots are measured by.

use clap::ValueEnum;

use crate::plan::slot_load::Measure;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    Keys,
    Memory,
    Cpu,
    Network,
}

impl By {
    pub fn measure(self) -> Measure {
        match self {
            By::Keys => Measure::Keys,
            By::Memory => Measure::Memory,
            By::Cpu => Measure::Cpu,
            By::Network => Measure::Network,
        }
    }

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            By::Keys => "keys",
            By::Memory => "memory",
            By::Cpu => "cpu",
            By::Network => "network",
        }
    }

    /// Whether it is counted since a moment, and not there at any.
    pub fn is_counter(self) -> bool {
        matches!(self, By::Cpu | By::Network)
    }
}
