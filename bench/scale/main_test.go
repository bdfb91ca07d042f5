package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestCosts checks the costs against those that docs/operate.md has measured.
func TestCosts(t *testing.T) {
	text, err := os.ReadFile("../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := func(name string) cost {
		row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(name) + ` \| (\d+) \| (\d+) \| (\d+) \|$`)
		m := row.FindStringSubmatch(string(text))
		if m == nil {
			t.Fatalf("docs/operate.md has no row %q", name)
		}
		var n [3]float64
		for i := range n {
			if n[i], err = strconv.ParseFloat(m[i+1], 64); err != nil {
				t.Fatal(err)
			}
		}
		return cost{reads: n[0], writes: n[1], calls: n[2]}
	}
	withoutCPU := func(c cost) cost { return cost{reads: c.reads, writes: c.writes, calls: c.calls} }
	connecting := documented("an invitation in Chat").plus(documented("/start")).plus(documented("/callback"))
	for name, c := range map[string]struct{ got, want cost }{
		"command":  {commandCost, documented("a command, the person seen in the last minute")},
		"uncached": {commandCost.plus(uncachedCost), documented("a command, the person not seen")},
		"expired token": {
			commandCost.plus(uncachedCost).plus(expiredCost),
			documented("a command, if the access token expired (once an hour)"),
		},
		"connect": {connectCost, connecting},
		"caller":  {callerCost, documented("a call of another system")},
		"sweep":   {sweepCost, documented("a sweep, with nothing due")},
		"refresh": {refreshCost, documented("a sweep, for each grant that is due")},
	} {
		if withoutCPU(c.got) != withoutCPU(c.want) {
			t.Errorf("%s: got %+v, documented %+v", name, withoutCPU(c.got), withoutCPU(c.want))
		}
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		load        load
		first, want string
	}{
		{load{people: 1_000_000, spaces: 10_000, commands: 1, callerShare: 0.5}, "message and space reads", "OVER"},
		{load{people: 10_000, spaces: 30_000, commands: 1}, "space writes of the project", "OVER"},
		{load{people: 10_000, spaces: 5_000, commands: 0, members: 100}, "membership writes", "OVER"},
		{load{people: 1_000, spaces: 100, commands: 1}, "space writes of the project", "US$ a month"},
	} {
		var out strings.Builder
		c.load.print(&out)
		if !strings.Contains(out.String(), "\nThe first is "+c.first) || !strings.Contains(out.String(), c.want) {
			t.Errorf("%+v: %s", c.load, out.String())
		}
		nearest := c.load.limits()[0]
		if strings.Contains(out.String(), "OVER") != (nearest.used > nearest.max) {
			t.Errorf("%+v: %s", c.load, out.String())
		}
	}
}
