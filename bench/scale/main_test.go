package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestTheNumbersOfAnActAreThoseThatWereMeasured(t *testing.T) {
	text, err := os.ReadFile("../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	told := func(name string) act {
		m := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(name) + ` \| (\d+) \| (\d+) \| (\d+) \|$`).FindStringSubmatch(string(text))
		if m == nil {
			t.Fatalf("docs/operate.md does not tell of %s", name)
		}
		var n [3]float64
		for i := range n {
			if n[i], err = strconv.ParseFloat(m[i+1], 64); err != nil {
				t.Fatal(err)
			}
		}
		return act{reads: n[0], writes: n[1], calls: n[2]}
	}
	plain := func(a act) act { return act{reads: a.reads, writes: a.writes, calls: a.calls} }
	connecting := told("an invitation in Chat").and(told("/start")).and(told("/callback"))
	for name, c := range map[string]struct{ ours, told act }{
		"a command":          {command, told("a command, the person seen in the last minute")},
		"... not seen":       {command.and(unseen), told("a command, the person not seen")},
		"... the token over": {command.and(renewal), told("a command, the access token over (once an hour)")},
		"connecting":         {connect, connecting},
		"a system's space":   {system, told("a call of another system")},
		"a sweep":            {swept, told("a sweep, with nothing due")},
		"a grant renewed":    {renewed, told("a sweep, for each grant that is due")},
	} {
		if plain(c.ours) != plain(c.told) {
			t.Errorf("%s: reckoned with %+v, measured %+v", name, plain(c.ours), plain(c.told))
		}
	}
}

func TestTheFirstLimitMetIsNamedWithWhatToDo(t *testing.T) {
	for _, c := range []struct {
		load        load
		first, line string
	}{
		{load{people: 1_000_000, spaces: 10_000, commands: 1, bySystem: 0.5}, "message and space reads", "MET"},
		{load{people: 10_000, spaces: 30_000, commands: 1}, "space writes of the project", "MET"},
		{load{people: 10_000, spaces: 5_000, commands: 0, members: 100}, "membership writes", "MET"},
		{load{people: 1_000, spaces: 100, commands: 1}, "space writes of the project", "US$ a month"},
	} {
		var out strings.Builder
		c.load.print(&out)
		if !strings.Contains(out.String(), "\nThe first is "+c.first) || !strings.Contains(out.String(), c.line) {
			t.Errorf("%+v: %s", c.load, out.String())
		}
		if strings.Contains(out.String(), "MET") != (c.load.limits()[0].used > c.load.limits()[0].most) {
			t.Errorf("%+v: %s", c.load, out.String())
		}
	}
}
