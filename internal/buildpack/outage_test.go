package buildpack

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"example.com/deputy/internal/deployed"
)

var (
	everyOutage = flag.Bool("every", false, "try each fault of each upstream, and outages of minutes")
	update      = flag.Bool("update", false, "with -every, write the table in docs/operate.md")
)

// upstream is something that Deputy calls, and requests that need it.
type upstream struct {
	name, host string
	command    string // of a person; empty for none
	right      string // part of the right answer
	in         string // the name of the space; empty for the direct message with Deputy
	system     bool   // whether a system's request needs it, too
	fresh      bool   // only new instances call it
	// answers is true if an error other than an outage is an answer of its own, such as "you may not".
	answers bool
	brief   string // the fault that ./test.sh tries; empty for each
}

const create, created = "/createspace Plan %d", "Space created"

var upstreams = []upstream{
	{name: "Firestore", host: deployed.FirestoreHost, command: create, right: created, system: true},
	{
		name: "Google Chat API", host: "chat.googleapis.com", command: create, right: created, system: true,
		answers: true, brief: "first answer lost",
	},
	{
		name: "OAuth token endpoint", host: "oauth2.googleapis.com", command: create, right: created, system: true,
		brief: "no answer",
	},
	{
		name: "IAM Credentials API", host: "iamcredentials.googleapis.com", system: true, answers: true,
		brief: "connections swallowed",
	},
	{
		name: "Google Meet API", host: "meet.googleapis.com", command: "/meet", right: "Join", answers: true,
		brief: "answers lost",
	},
	{
		name: "Google Calendar API", host: "www.googleapis.com", command: "/kickoff 2099-01-01 10:00", in: "Team",
		right: "Meeting scheduled", answers: true, brief: "INTERNAL",
	},
	{
		name: "signing keys", host: "www.googleapis.com", command: create, right: created, system: true, fresh: true,
		brief: "answers after 2 s",
	},
	{
		name: "Cloud KMS", host: "cloudkms.googleapis.com", command: create, right: created, system: true, fresh: true,
		brief: "PERMISSION_DENIED",
	},
	{
		name: "metadata server", host: deployed.MetadataHost, command: create, right: created, system: true,
		fresh: true, brief: "connections closed",
	},
}

// outage is a fault that lasts for two requests: of a person, and of a system.
type outage struct {
	name  string
	fault deployed.Fault
	// isAnswer is true if the fault is an answer of some upstreams, rather than an outage.
	isAnswer bool
	isReady  bool                 // whether to ask the instances if they are ready, too
	breaks   func() (mend func()) // instead of fault
}

var outages = []outage{
	{name: "UNAVAILABLE", fault: deployed.Answer(codes.Unavailable)},
	{name: "INTERNAL", fault: deployed.Answer(codes.Internal)},
	{name: "RESOURCE_EXHAUSTED", fault: deployed.Answer(codes.ResourceExhausted)},
	{name: "PERMISSION_DENIED", fault: deployed.Answer(codes.PermissionDenied), isAnswer: true},
	{name: "NOT_FOUND", fault: deployed.Answer(codes.NotFound), isAnswer: true},
	{name: "answers after 2 s", fault: deployed.Delay(2 * time.Second)},
	{name: "no answer", fault: deployed.Hang, isReady: true},
	{name: "answers lost", fault: deployed.LoseAnswers},
	{name: "first answer lost", fault: deployed.Once(deployed.LoseAnswers)},
	{name: "GOAWAY with each answer", fault: deployed.GoAway},
	{name: "connections closed", fault: deployed.Cut},
	{name: "connections reset", fault: deployed.Reset},
	{name: "connections swallowed", fault: deployed.Swallow, isReady: true},
}

// TestOutages uses Deputy, as deployed, while something that it calls fails, and after that. A person waits at most as
// long as design.md, section 11, says; 15 s after the end of the outage, everything works.
func TestOutages(t *testing.T) {
	inAll(t)
	emulator := os.Getenv("FIRESTORE_EMULATOR_HOST")
	if emulator == "" {
		t.Skip("NOT TESTED: outages of what Deputy calls. FIRESTORE_EMULATOR_HOST is not set; " +
			"./test.sh starts Google's emulator if it is installed")
	}
	var wg sync.WaitGroup
	rows := make([][]outageRow, len(upstreams))
	for i, u := range upstreams {
		wg.Go(func() { // t.Parallel would run as many as there are cores, but these mostly wait
			t.Run(u.name, func(t *testing.T) {
				w := newOutageWorld(t, emulator, u)
				for _, o := range outages {
					switch {
					case o.isAnswer && u.answers:
					case *everyOutage, u.brief == "", u.brief == o.name:
						rows[i] = append(rows[i], w.try(o))
					}
				}
			})
		})
	}
	wg.Wait()
	checkOutageTable(t, slices.Concat(rows...))
}

// TestOutages_Minutes lasts longer than the back-off of every client and the time-outs of the network.
func TestOutages_Minutes(t *testing.T) {
	t.Parallel()
	emulator := os.Getenv("FIRESTORE_EMULATOR_HOST")
	if !*everyOutage || emulator == "" {
		t.Skip("NOT TESTED: outages of minutes; ./test.sh --release runs them")
	}
	var wg sync.WaitGroup
	for _, u := range upstreams {
		for _, o := range outages {
			if u.fresh || u.answers && o.isAnswer || !strings.HasPrefix(o.name, "connections ") {
				continue
			}
			wg.Go(func() {
				t.Run(u.name+", "+o.name, func(t *testing.T) {
					w := newOutageWorld(t, emulator, u)
					w.lasts = 330 * time.Second
					t.Log(w.try(o))
				})
			})
		}
	}
	wg.Wait()
}

// outageRow is what one outage did.
type outageRow struct {
	upstream       string
	outages        []string
	person, system string        // what they got
	during, after  time.Duration // how long it took, and how long until all was right again
}

// isLike reports whether both belong to one row of the table.
func (r outageRow) isLike(other outageRow) bool {
	return r.upstream == other.upstream && r.person == other.person && r.system == other.system
}

// begins returns the row's cells up to the faults, and ends the two after them.
func (r outageRow) begins() string { return "| " + r.upstream + " | " }
func (r outageRow) ends() string   { return " | " + r.person + " | " + r.system + " | " }

// inAll skips a test that mostly waits, except in ./test.sh --all and --release.
func inAll(t *testing.T) {
	t.Helper()
	if os.Getenv("TEST_ALL") == "" && !*everyOutage {
		t.Skip("NOT TESTED: outages, and instances that freeze or end; ./test.sh --all runs them")
	}
	t.Parallel()
}

// checkOutageTable compares rows with docs/operate.md, except for the times.
func checkOutageTable(t *testing.T, rows []outageRow) {
	t.Helper()
	const name, head = root + "/docs/operate.md", "| upstream | faults | a person reads | a system gets | after | " +
		"right again in |\n|---|---|---|---|---|---|\n"
	doc, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(doc), head)
	table, after, _ := strings.Cut(rest, "\n\n")
	if !ok {
		t.Fatal("docs/operate.md has no table of outages")
	}
	if *everyOutage && *update {
		table = outageTable(rows)
		if err := os.WriteFile(name, []byte(before+head+table+"\n\n"+after), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range rows {
		if !slices.ContainsFunc(strings.Split(table, "\n"), func(line string) bool {
			faults, found := strings.CutPrefix(line, r.begins())
			faults, _, same := strings.Cut(faults, r.ends())
			return found && same && slices.Contains(strings.Split(faults, ", "), r.outages[0])
		}) {
			t.Errorf("docs/operate.md lacks %s%s%s; run go test ./internal/buildpack -run Outages -args -every -update",
				r.begins(), r.outages[0], r.ends())
		}
	}
}

// outageTable returns a line for each upstream and what it led to, with the longest times.
func outageTable(rows []outageRow) string {
	var merged []outageRow
	for _, r := range rows {
		if i := slices.IndexFunc(merged, r.isLike); i >= 0 {
			m := &merged[i]
			m.outages = append(m.outages, r.outages...)
			m.during, m.after = max(m.during, r.during), max(m.after, r.after)
		} else {
			merged = append(merged, r)
		}
	}
	seconds := func(d time.Duration) string { return fmt.Sprintf("%d s", (d+time.Second-1)/time.Second) }
	var lines []string
	for _, r := range merged {
		faults := strings.Join(r.outages, ", ")
		lines = append(lines, r.begins()+faults+r.ends()+seconds(r.during)+" | "+seconds(r.after)+" |")
	}
	return strings.Join(lines, "\n")
}
