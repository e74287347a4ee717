//! Points in time, written as Python's `isoformat()` writes them.

use std::fmt;

use jiff::fmt::StdFmtWrite;
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::Offset;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time, in UTC, to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(jiff::Timestamp);

impl Moment {
    /// The moment so many microseconds after 1970 began, in UTC.
    ///
    /// Out of range (the years -9999 to 9999) stands for the nearest moment that is not.
    pub fn from_micros(micros: i64) -> Moment {
        let nearest = if micros < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        Moment(jiff::Timestamp::from_microsecond(micros).unwrap_or(nearest))
    }

    /// Microseconds since 1970 began, in UTC.
    pub fn as_micros(self) -> i64 {
        self.0.as_microsecond()
    }

    /// Seconds from an earlier moment to this one.
    pub fn seconds_since(self, earlier: Moment) -> f64 {
        (self.as_micros() - earlier.as_micros()) as f64 / 1e6
    }

    /// The moment as jiff's type, for time zones and other formats.
    pub fn timestamp(self) -> jiff::Timestamp {
        self.0
    }
}

/// `2023-08-13T10:24:53.090984+00:00`; a whole second has no fraction, as in Python.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.as_micros() % 1_000_000 == 0 { 0 } else { 6 };
        let printer = DateTimePrinter::new().precision(Some(digits));
        let printed = printer.print_timestamp_with_offset(&self.0, Offset::UTC, StdFmtWrite(f));
        printed.map_err(|_| fmt::Error)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Moment, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Moment).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_python_does_and_reads_back() {
        let moment = Moment::from_micros(1_691_922_293_090_984);
        assert_eq!(moment.to_string(), "2023-08-13T10:24:53.090984+00:00");
        assert_eq!(Moment::from_micros(1_691_922_293_000_000).to_string(), "2023-08-13T10:24:53+00:00");
        let json = serde_json::to_string(&moment).unwrap();
        assert_eq!(serde_json::from_str::<Moment>(&json).unwrap(), moment);
    }
}
