package meetings

import (
	"errors"
	"regexp"
	"strings"
	"time"

	"golang.org/x/text/width"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/text"
	"example.com/deputy/shared/words"
)

// TimeSlot is the time of an event, in the person's time zone.
type TimeSlot struct {
	Start  time.Time
	Length time.Duration
}

// End returns the end of the event.
func (w TimeSlot) End() time.Time { return w.Start.Add(w.Length) }

// String returns the start with its offset, and the length.
func (w TimeSlot) String() string { return w.Start.Format(time.RFC3339) + " " + w.Length.String() }

const (
	defaultLength = 30 * time.Minute
	maxLength     = 24 * time.Hour
)

// dayWords maps a word for a day, in each of Deputy's languages, to days from today.
var dayWords = map[string]int{"": 0, "today": 0, "今天": 0, "tomorrow": 1, "明天": 1, "后天": 2}

var whenPattern = regexp.MustCompile(
	`^(?:(\d{4}-\d{2}-\d{2})|(\p{L}+))?\s*(?:(\d{1,2}):(\d{2}))?\s*(\d+[hm](?:\d+m)?)?$`)

// match returns the parts of a time, or nil.
func match(input string) []string {
	return whenPattern.FindStringSubmatch(strings.ToLower(text.Line(text.Visible(width.Fold.String(input)))))
}

// ParseTimeSlot parses a time such as "tomorrow 10:00", "2026-12-01 14:00 45m" or "15:30 1h", also with full-width
// digits. An empty text is the next quarter of an hour. now is in the person's time zone. Invalid, with
// examples, for any other text, for a time in the past, and for one that is skipped when the clocks change.
func ParseTimeSlot(input string, now time.Time) (TimeSlot, error) {
	m := match(input)
	if m == nil {
		return TimeSlot{}, unknownTime(now)
	}
	date, day, hour, minute, length := m[1], m[2], m[3], m[4], defaultLength
	if m[5] != "" {
		var err error
		if length, err = time.ParseDuration(m[5]); err != nil || length <= 0 || length > maxLength {
			return TimeSlot{}, unknownTime(now)
		}
	}
	if hour == "" {
		if date != "" || day != "" {
			return TimeSlot{}, unknownTime(now) // a day without a time
		}
		const quarter = 15 * time.Minute
		return TimeSlot{now.Truncate(quarter).Add(quarter), length}, nil
	}
	ahead, known := dayWords[day]
	if !known {
		return TimeSlot{}, unknownTime(now)
	}
	if date == "" {
		date = now.AddDate(0, 0, ahead).Format(time.DateOnly)
	}
	if len(hour) == 1 {
		hour = "0" + hour
	}
	wallTime := date + " " + hour + ":" + minute
	start, err := time.ParseInLocation("2006-01-02 15:04", wallTime, now.Location())
	switch {
	case err != nil:
		return TimeSlot{}, unknownTime(now)
	case start.Format("2006-01-02 15:04") != wallTime:
		return TimeSlot{}, fault.New(fault.Invalid, words.ErrorTimeSkipped)
	case start.Before(now):
		return TimeSlot{}, fault.New(fault.Invalid, words.ErrorTimePast)
	}
	return TimeSlot{start, length}, nil
}

// lastZone is the zone where each day ends last (UTC-12).
var lastZone = time.FixedZone("", -12*60*60)

// CheckTimeSlot is ParseTimeSlot for a person whose time zone is not known: it refuses a date that is past everywhere.
func CheckTimeSlot(input string, now time.Time) error {
	now = now.In(lastZone)
	_, err := ParseTimeSlot(input, now)
	if m := match(input); isPast(err) && m[1] == "" { // without a date, it may be a later day in another zone
		y, m, d := now.Date()
		_, err = ParseTimeSlot(input, time.Date(y, m, d, 0, 0, 0, 0, lastZone))
	}
	return err
}

func isPast(err error) bool {
	e, ok := errors.AsType[*fault.Error](err)
	return ok && e.Public == words.ErrorTimePast
}

// unknownTime returns the error for a time that isn't one, with an example in the next week.
func unknownTime(now time.Time) error {
	return fault.New(fault.Invalid, words.ErrorTimeUnknown, now.AddDate(0, 0, 7).Format(time.DateOnly))
}
