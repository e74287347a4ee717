//! Moments as boto3 reads and writes them.
//!
//! In parameters a moment is ISO 8601 text, RFC 822 text, or the seconds since 1970 as a number or
//! as text; without an offset it is in UTC. In answers it is Python's `isoformat()`.

use crate::value::python_float;
use aws_smithy_types::date_time::{DateTime as SmithyTime, Format};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};
use serde_json::Value;

use crate::model::TimestampFormat;

/// A moment of the calendar, with its offset where the text had one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment {
    civil: DateTime,
    offset: Option<Offset>,
}

impl Moment {
    /// Reads what an answer or a parameter holds. None when it is no moment.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.parse::<f64>() {
            Ok(seconds) => Self::from_epoch(seconds),
            Err(_) => calendar(text),
        }
    }

    /// Reads a parameter.
    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(number) => Self::from_epoch(number.as_f64()?),
            // True is 1 in Python.
            Value::Bool(flag) => Self::from_epoch(f64::from(u8::from(*flag))),
            _ => None,
        }
    }

    /// Seconds since 1970, shown in the local time zone as boto3 does.
    fn from_epoch(seconds: f64) -> Option<Self> {
        let micros = (seconds * 1e6).round_ties_even();
        if !micros.is_finite() || micros.abs() > 1e18 {
            return None;
        }
        let zoned: Zoned = Timestamp::from_microsecond(micros as i64).ok()?.to_zoned(TimeZone::system());
        Some(Self { civil: zoned.datetime(), offset: Some(zoned.offset()) })
    }

    /// Python's `datetime.isoformat()`.
    pub(crate) fn isoformat(&self) -> String {
        let offset = self.offset.map(python_offset).unwrap_or_default();
        format!("{}{}{}", self.civil.strftime("%Y-%m-%dT%H:%M:%S"), self.fraction(), offset)
    }

    fn fraction(&self) -> String {
        match self.civil.subsec_nanosecond() / 1000 {
            0 => String::new(),
            micros => format!(".{micros:06}"),
        }
    }

    /// The same moment in UTC; one without an offset is there already.
    pub(crate) fn utc(&self) -> Option<Timestamp> {
        self.offset.unwrap_or(Offset::UTC).to_timestamp(self.civil).ok()
    }

    /// What goes on the wire.
    pub(crate) fn wire(&self, format: TimestampFormat) -> Option<String> {
        let utc = self.utc()?;
        let micros = utc.subsec_nanosecond() / 1000;
        let in_utc = Self { civil: Offset::UTC.to_datetime(utc), offset: None };
        Some(match format {
            TimestampFormat::Iso8601 => in_utc.isoformat() + "Z",
            TimestampFormat::Rfc822 => SmithyTime::from_secs(utc.as_second()).fmt(Format::HttpDate).ok()?,
            TimestampFormat::UnixTimestamp if micros == 0 => utc.as_second().to_string(),
            TimestampFormat::UnixTimestamp => python_float(utc.as_microsecond() as f64 / 1e6),
        })
    }
}

fn python_offset(offset: Offset) -> String {
    let seconds = offset.seconds();
    let (sign, seconds) = (if seconds < 0 { '-' } else { '+' }, seconds.abs());
    let tail = if seconds % 60 == 0 { String::new() } else { format!(":{:02}", seconds % 60) };
    format!("{sign}{:02}:{:02}{tail}", seconds / 3600, seconds / 60 % 60)
}

fn calendar(text: &str) -> Option<Moment> {
    let mut rest = Cursor(text);
    let date = rest.iso_date().or_else(|| rest.mail_date())?;
    if rest.0.is_empty() {
        return Some(Moment { civil: date.to_datetime(Time::midnight()), offset: None });
    }
    let time = rest.time()?;
    let offset = rest.offset()?;
    Some(Moment { civil: date.to_datetime(time), offset })
}

/// What is left to read of a text. A reader that does not match leaves it as it was.
struct Cursor<'a>(&'a str);

impl Cursor<'_> {
    fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        let count = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if count < least {
            return None;
        }
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        digits.parse().ok()
    }

    fn skip(&mut self, any_of: &[char]) -> bool {
        let rest = self.0.strip_prefix(any_of);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn iso_date(&mut self) -> Option<Date> {
        let start = self.0;
        let found = self.try_iso_date();
        self.0 = if found.is_some() { self.0 } else { start };
        found
    }

    fn try_iso_date(&mut self) -> Option<Date> {
        let year = self.digits(4, 4)?;
        let dashed = self.skip(&['-', '/']);
        let month = self.digits(if dashed { 1 } else { 2 }, 2)?;
        if dashed && !self.skip(&['-', '/']) {
            return None;
        }
        let day = self.digits(if dashed { 1 } else { 2 }, 2)?;
        Date::new(year as i16, month as i8, day as i8).ok()
    }

    /// `Sun, 13 Aug 2023`, the day's name optional.
    fn mail_date(&mut self) -> Option<Date> {
        const MONTHS: [&str; 12] =
            ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
        if let Some((name, rest)) = self.0.split_once([',', ' '])
            && name.chars().all(|c| c.is_ascii_alphabetic())
        {
            self.0 = rest.trim_start();
        }
        let day = self.digits(1, 2)?;
        self.skip(&[' ', '-']);
        let name = self.0.get(..3)?.to_ascii_lowercase();
        let month = MONTHS.iter().position(|month| **month == name)? + 1;
        self.0 = &self.0[3..];
        self.skip(&[' ', '-']);
        let year = self.digits(4, 4)?;
        Date::new(year as i16, month as i8, day as i8).ok()
    }

    fn time(&mut self) -> Option<Time> {
        if !self.skip(&['T', 't', ' ']) {
            return None;
        }
        let hour = self.digits(2, 2)?;
        let minute = if self.skip(&[':']) { self.digits(2, 2)? } else { self.digits(2, 2).unwrap_or(0) };
        let second = if self.skip(&[':']) { self.digits(2, 2)? } else { self.digits(2, 2).unwrap_or(0) };
        let micros = if self.skip(&['.', ',']) { self.micros()? } else { 0 };
        Time::new(hour as i8, minute as i8, second as i8, micros * 1000).ok()
    }

    /// The digits after the point, cut after the sixth.
    fn micros(&mut self) -> Option<i32> {
        let count = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        let six: String = digits.chars().chain("000000".chars()).take(6).collect();
        if digits.is_empty() { None } else { six.parse().ok() }
    }

    /// The offset that ends the text; `Some(None)` when there is none.
    fn offset(&mut self) -> Option<Option<Offset>> {
        let text = self.0.trim();
        let sign = match text.bytes().next() {
            None => return Some(None),
            _ if matches!(text, "Z" | "z" | "UTC" | "GMT") => return Some(Some(Offset::UTC)),
            Some(b'+') => 1,
            Some(b'-') => -1,
            Some(_) => return None,
        };
        self.0 = &text[1..];
        let hours = self.digits(2, 2)? as i32;
        self.skip(&[':']);
        let minutes = self.digits(2, 2).unwrap_or(0) as i32;
        if !self.0.is_empty() || minutes > 59 {
            return None;
        }
        Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok().map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn moments_read_as_boto3_prints_them() {
        let cases = [
            ("2023-08-13T03:40:19.373Z", "2023-08-13T03:40:19.373000+00:00"),
            ("2023-08-13T03:40:19Z", "2023-08-13T03:40:19+00:00"),
            ("2023-08-13T03:40:19.1234567+02:00", "2023-08-13T03:40:19.123456+02:00"),
            ("2023-08-13 03:40:19-0130", "2023-08-13T03:40:19-01:30"),
            ("2023-08-13T03:40", "2023-08-13T03:40:00"),
            ("2023-08-13", "2023-08-13T00:00:00"),
            ("20230813T034019Z", "2023-08-13T03:40:19+00:00"),
            ("Sun, 13 Aug 2023 10:24:53 GMT", "2023-08-13T10:24:53+00:00"),
            ("13 Aug 2023 10:24:53 +0200", "2023-08-13T10:24:53+02:00"),
        ];
        for (text, expected) in cases {
            assert_eq!(Moment::parse(text).map(|m| m.isoformat()).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in
            ["", "yesterday", "2023-13-01", "2023-08-13T25:00:00Z", "2023-08-13T03:40:19+", "nan", "inf"]
        {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
        assert_eq!(Moment::from_value(&json!(null)), None);
    }

    #[test]
    fn moments_go_out_in_utc() {
        let moment = Moment::parse("2023-08-13T05:40:19.5+02:00").expect("a moment");
        assert_eq!(moment.wire(TimestampFormat::Iso8601).as_deref(), Some("2023-08-13T03:40:19.500000Z"));
        assert_eq!(moment.wire(TimestampFormat::Rfc822).as_deref(), Some("Sun, 13 Aug 2023 03:40:19 GMT"));
        assert_eq!(moment.wire(TimestampFormat::UnixTimestamp).as_deref(), Some("1691898019.5"));
        let epoch = Moment::from_value(&json!(1691898019)).expect("a moment");
        assert_eq!(epoch.wire(TimestampFormat::Iso8601).as_deref(), Some("2023-08-13T03:40:19Z"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".{0,40}") {
            if let Some(moment) = Moment::parse(&text) {
                prop_assert!(moment.isoformat().contains('T'));
            }
        }

        #[test]
        fn a_printed_moment_reads_back(seconds in 0i64..4_102_444_800, micros in 0i64..1_000_000) {
            let text = Timestamp::from_microsecond(seconds * 1_000_000 + micros).unwrap().to_string();
            let once = Moment::parse(&text).unwrap();
            prop_assert_eq!(Moment::parse(&once.isoformat()), Some(once));
        }
    }
}
