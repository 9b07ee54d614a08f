//! Moments in the file: dates of TOML with their offset from UTC.

use fanline_model::Timestamp;
use toml::value::{Datetime, Offset};

const DAY: i64 = 86_400;
const DAYS_OF_ERA: i64 = 146_097;
const FROM_ERA_TO_1970: i64 = 719_468;

/// The moment of a date that has a time and an offset, from 1970 on.
pub(super) fn moment(date: &Datetime) -> Option<Timestamp> {
    let (day, time) = (date.date?, date.time?);
    let offset = match date.offset? {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes) * 60,
    };
    let days = days_since_1970(day.year.into(), day.month.into(), day.day.into());
    let seconds =
        i64::from(time.hour) * 3_600 + i64::from(time.minute) * 60 + i64::from(time.second);
    let moment = days * DAY + seconds - offset;
    u64::try_from(moment).ok().map(Timestamp::from_secs)
}

/// A moment as the file writes it, to the second.
pub(super) fn text(moment: Timestamp) -> String {
    let (days, second) = (moment.as_secs() / 86_400, moment.as_secs() % 86_400);
    let (year, month, day) = date_of(i64::try_from(days).unwrap_or_default());
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Days of the Gregorian calendar, counted in eras of 400 years that begin in March, so that the leap day
/// is a year's last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    era * DAYS_OF_ERA + year * 365 + year / 4 - year / 100 + day_of_year - FROM_ERA_TO_1970
}

/// The way back.
fn date_of(days_since_1970: i64) -> (i64, i64, i64) {
    let days = days_since_1970 + FROM_ERA_TO_1970;
    let (era, day) = (days.div_euclid(DAYS_OF_ERA), days.rem_euclid(DAYS_OF_ERA));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 {
        (year, month + 3)
    } else {
        (year + 1, month - 9)
    };
    (year + era * 400, month, day)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_date_with_time_and_offset_is_a_moment() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T01:00:00+01:00", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-11-25T10:00:00Z", 1_795_600_800),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            let found = moment(&text.parse().unwrap());
            assert_eq!(found, Some(Timestamp::from_secs(seconds)), "{text}");
        }
        for text in ["2026-11-25", "2026-11-25T10:00:00", "1969-12-31T23:59:59Z"] {
            assert_eq!(moment(&text.parse().unwrap()), None, "{text}");
        }
    }

    #[test]
    fn every_day_of_a_century_reads_back() {
        for day in 0..36_525 {
            let moment_of_day = Timestamp::from_secs(day * 86_400 + 3_723);
            let text = text(moment_of_day);
            assert_eq!(
                moment(&text.parse().unwrap()),
                Some(moment_of_day),
                "{text}"
            );
        }
    }
}
