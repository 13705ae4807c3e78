//! Numbers in few columns.

/// `999`, `1.2k`, `34M`.
pub fn count(value: f64) -> String {
    short(value, 1000.0)
}

/// `999B`, `1.2K`, `34M`.
pub fn bytes(value: f64) -> String {
    let text = short(value, 1024.0).to_uppercase();
    if text.ends_with(|c: char| c.is_ascii_digit()) { text + "B" } else { text }
}

fn short(value: f64, base: f64) -> String {
    let (mut value, mut units) = (value.max(0.0), ["", "k", "M", "G", "T", "P"].iter());
    let mut unit = units.next().copied().unwrap_or_default();
    // 999.6 would be written as 1000.
    while value.round() >= base {
        let Some(next) = units.next() else { break };
        (value, unit) = (value / base, next);
    }
    match value {
        _ if unit.is_empty() => format!("{value:.0}"),
        _ if value < 9.95 => format!("{value:.1}{unit}"),
        _ => format!("{value:.0}{unit}"),
    }
}

/// `5s`, `2m 5s`, `3h 10m`, `4d 2h`.
pub fn seconds(value: u64) -> String {
    let (minutes, hours, days) = (value / 60, value / 3600, value / 86_400);
    match value {
        0..60 => format!("{value}s"),
        60..3600 => format!("{minutes}m {}s", value % 60),
        3600..86_400 => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

/// `03:12:45` of `2026-11-29T03:12:45Z`.
pub fn clock(time: &str) -> &str {
    time.get(11..19).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_at_most_five_columns() {
        for (value, shown) in [
            (0.0, "0"),
            (999.4, "999"),
            (999.6, "1.0k"),
            (1234.0, "1.2k"),
            (9960.0, "10k"),
            (123_456.0, "123k"),
            (999_600.0, "1.0M"),
            (5e9, "5.0G"),
        ] {
            assert_eq!(count(value), shown, "{value}");
        }
        for (value, shown) in [(0.0, "0B"), (1023.0, "1023B"), (1536.0, "1.5K"), (3e7, "29M")] {
            assert_eq!(bytes(value), shown, "{value}");
        }
        for (value, shown) in [(59, "59s"), (125, "2m 5s"), (11_400, "3h 10m"), (180_000, "2d 2h")]
        {
            assert_eq!(seconds(value), shown, "{value}");
        }
    }
}
