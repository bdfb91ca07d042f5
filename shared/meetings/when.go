package meetings

import (
	"regexp"
	"strings"
	"time"

	"golang.org/x/text/width"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/words"
)

// When is the time of an event, in the zone of its person.
type When struct {
	Start  time.Time
	Length time.Duration
}

// End is when it is over.
func (w When) End() time.Time { return w.Start.Add(w.Length) }

// String is the start with its zone, and the length.
func (w When) String() string { return w.Start.Format(time.RFC3339) + " " + w.Length.String() }

const (
	usual   = 30 * time.Minute
	longest = 24 * time.Hour
)

// days are the words for a day, in the languages Deputy speaks.
var days = map[string]int{"": 0, "today": 0, "今天": 0, "tomorrow": 1, "明天": 1, "后天": 2}

var written = regexp.MustCompile(`^(?:(\d{4}-\d{2}-\d{2})|(\p{L}+))?\s*(?:(\d{1,2}):(\d{2}))?\s*(\d+[hm](?:\d+m)?)?$`)

// ParseWhen reads a time as people write it, such as "tomorrow 10:00",
// "2026-12-01 14:00 45m" or "15:30 1h", also with full-width digits; nothing is the next quarter of an hour.
// now is in the person's zone. Invalid, with examples, for everything else, for
// the past, and for a time that the clocks leave out.
func ParseWhen(text string, now time.Time) (When, error) {
	m := written.FindStringSubmatch(strings.ToLower(strings.Join(strings.Fields(width.Fold.String(text)), " ")))
	if m == nil {
		return When{}, fault.New(fault.Invalid, words.ErrorTimeUnknown)
	}
	date, day, hour, minute, length := m[1], m[2], m[3], m[4], usual
	if m[5] != "" {
		var err error
		if length, err = time.ParseDuration(m[5]); err != nil || length <= 0 || length > longest {
			return When{}, fault.New(fault.Invalid, words.ErrorTimeUnknown)
		}
	}
	if hour == "" {
		if date != "" || day != "" {
			return When{}, fault.New(fault.Invalid, words.ErrorTimeUnknown) // a day without a time
		}
		const quarter = 15 * time.Minute
		return When{now.Truncate(quarter).Add(quarter), length}, nil
	}
	ahead, known := days[day]
	if !known {
		return When{}, fault.New(fault.Invalid, words.ErrorTimeUnknown)
	}
	if date == "" {
		date = now.AddDate(0, 0, ahead).Format(time.DateOnly)
	}
	if len(hour) == 1 {
		hour = "0" + hour
	}
	asked := date + " " + hour + ":" + minute
	start, err := time.ParseInLocation("2006-01-02 15:04", asked, now.Location())
	switch {
	case err != nil:
		return When{}, fault.New(fault.Invalid, words.ErrorTimeUnknown)
	case start.Format("2006-01-02 15:04") != asked:
		return When{}, fault.New(fault.Invalid, words.ErrorTimeSkipped)
	case start.Before(now):
		return When{}, fault.New(fault.Invalid, words.ErrorTimePast)
	}
	return When{start, length}, nil
}
