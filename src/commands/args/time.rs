//! Times as people write them.

use std::time::Duration;

/// `30s`, `500ms`, `1m 30s`; a bare number is seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let parsed = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => humantime::parse_duration(text).ok(),
    };
    // Some system calls take no zero, and clocks overflow far beyond any use.
    parsed
        .filter(|duration| !duration.is_zero() && duration.as_secs() < 1_000_000)
        .ok_or_else(|| "write a time like 30s, 500ms or 2m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2.5"), Ok(Duration::from_millis(2500)));
        for bad in ["", "0", "0s", "-1", "soon", "1e300", "inf", "NaN"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
