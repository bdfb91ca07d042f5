package buildpack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/deputy/emulator/chatpage"
	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/deployed"
	"example.com/deputy/shared/capability"
)

const (
	maxRecovery = 15 * time.Second
	maxHandler  = 25 * time.Second // a handler of Chat's events
	maxChat     = 30 * time.Second // Chat waits
	maxAPI      = 55 * time.Second
	maxAlert    = 10 * time.Second
)

// outageWorld is a person who is connected, and a system, which use Deputy while an upstream fails.
type outageWorld struct {
	*deployed.Bed
	upstream
	t           *testing.T
	person      google.Person
	space       string
	plans       int
	events, api *deployed.Service
	callback    *deployed.Service
	lasts       time.Duration // how long an outage lasts, at least
}

// newOutageWorld returns a world whose functions start after prepare.
func newOutageWorld(t *testing.T, emulator string, u upstream, prepare ...func(*deployed.Bed)) *outageWorld {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	w := &outageWorld{
		Bed: deployed.NewBed(t, binary, emulator, chatpage.AddOn), upstream: u, t: t, person: google.People()[0],
	}
	for _, p := range prepare {
		p(w.Bed)
	}
	if u.in != "" {
		space, _ := w.Google.SpaceByName(u.in)
		w.space = space.Name()
	}
	w.Google.SetDelegation(delegationAccount, capability.CreateSpaces.Scope())
	w.Google.ReportLifetime(time.Second) // each request needs new tokens
	w.callback = w.Start("OAuthCallback")
	w.restart()
	w.connect()
	return w
}

// restart starts new instances.
func (w *outageWorld) restart() {
	w.t.Helper()
	for _, s := range []*deployed.Service{w.events, w.api} {
		if s != nil {
			s.Stop()
		}
	}
	if w.command != "" {
		w.events = w.Start("ChatEvent")
	}
	if w.system {
		w.api = w.Start("CreateSpace", "DELEGATION_SERVICE_ACCOUNT="+delegationAccount)
	}
}

// connect gives the consents that the person's command needs, and lets the instances open their connections.
func (w *outageWorld) connect() {
	w.t.Helper()
	w.post("connect")
	for range 5 {
		e := w.say()
		if w.isRight(e) {
			return
		}
		link := e.StartLink()
		if link == "" {
			w.t.Fatalf("%s: %s %s; log: %s", w.command, e.Problem, e.Reply, w.events.Log)
		}
		w.Consent(w.person, link)
	}
	w.t.Fatalf("%s: not connected; log: %s", w.command, w.events.Log)
}

// say gives the person's command. Each creates another space.
func (w *outageWorld) say() deployed.Event {
	w.t.Helper()
	if w.command == "" {
		return deployed.Event{Reply: json.RawMessage(`"` + w.right + `"`)}
	}
	command := w.command
	if strings.Contains(command, "%d") {
		w.plans++
		command = fmt.Sprintf(command, w.plans)
	}
	return w.Say(w.person, w.space, command)
}

func (w *outageWorld) isRight(e deployed.Event) bool {
	return e.Problem == "" && strings.Contains(string(e.Reply), w.right)
}

// apiAnswer is an answer of the API.
type apiAnswer struct {
	status int
	title  string // of a problem
	took   time.Duration
}

func (a apiAnswer) isRight() bool { return a.status == 201 }

// post creates a space as the system. Each call with the same name repeats the same request.
func (w *outageWorld) post(name string) (out apiAnswer) {
	w.t.Helper()
	if !w.system {
		return apiAnswer{status: 201}
	}
	start := time.Now()
	status, body, err := w.Call(w.t.Context(), http.MethodPost, w.api.Address+"/v1/spaces", "outage-"+name,
		`{"actAs":"grace@example.com","authority":"delegation","displayName":"`+name+`"}`)
	out = apiAnswer{status: status, took: time.Since(start)}
	var problem struct{ Title string }
	if err == nil && !out.isRight() && status != 202 {
		err = json.Unmarshal([]byte(body), &problem)
	}
	if err != nil && !w.fresh {
		w.t.Errorf("API: %d %s, %v", status, body, err)
	}
	out.title = problem.Title
	return out
}

// count returns how many spaces of this name the system has created.
func (w *outageWorld) count(name string) (n int) {
	for _, s := range w.Google.SpacesOf(google.People()[1]) {
		if s.DisplayName == name {
			n++
		}
	}
	return n
}

// try uses Deputy during an outage, and then until it answers right, and returns what happened.
func (w *outageWorld) try(o outage) outageRow {
	w.t.Helper()
	began := time.Now()
	breaks := o.breaks
	if breaks == nil {
		breaks = func() func() { return w.Break(w.host, o.fault) }
	}
	mend := breaks()
	if w.fresh {
		w.restart()
	}
	lines := w.newLines()
	name := strings.ReplaceAll(w.name+" "+o.name, " ", "-")
	answered := make(chan apiAnswer, 1)
	go func() { answered <- w.post(name) }()
	said := w.say()
	answer := <-answered
	for time.Since(began) < w.lasts {
		w.say()
		<-time.After(time.Second)
	}
	w.checkDuring(o, said, answer, lines)
	mend()
	ended := time.Now()
	for !w.isRight(w.say()) && time.Since(ended) < 2*maxRecovery {
		<-time.After(200 * time.Millisecond)
	}
	for last := answer; !last.isRight() && time.Since(ended) < 2*maxRecovery; last = w.post(name) {
		<-time.After(200 * time.Millisecond)
	}
	after := time.Since(ended)
	if o.isReady {
		w.waitFor("/ready", http.StatusOK)
	}
	if after > maxRecovery {
		w.t.Errorf("%s: not right again within %v; log: %s", o.name, after, lines())
	}
	if n := w.count(name); w.system && n != 1 {
		w.t.Errorf("%s: the system's request and its repetitions created %d spaces", o.name, n)
	}
	return outageRow{
		upstream: w.name, outages: []string{o.name}, person: w.seen(said), system: w.got(answer),
		during: max(said.Took, answer.took), after: after,
	}
}

// checkDuring checks what happened during an outage.
func (w *outageWorld) checkDuring(o outage, said deployed.Event, answer apiAnswer, lines func() string) {
	w.t.Helper()
	limit := maxHandler
	if w.fresh {
		limit = maxChat
	}
	if said.Took > limit+time.Second || answer.took > maxAPI {
		w.t.Errorf("%s: a person waits %v, a system %v", o.name, said.Took, answer.took)
	}
	if said.Problem != "" && !w.fresh {
		w.t.Errorf("%s: Chat got no answer: %s; log: %s", o.name, said.Problem, lines())
	}
	if w.host == deployed.FirestoreHost && o.isReady {
		for path, want := range map[string]int{"/health": 200, "/startup": 200, "/ready": 503} {
			w.waitFor(path, want)
		}
	}
	if w.isRight(said) && answer.isRight() || w.answers && o.name == "RESOURCE_EXHAUSTED" { // people are told to wait
		return
	}
	ended := time.Now() // a line is written after its response
	for firedAlert(lines()) == "" {
		if time.Since(ended) > maxAlert {
			w.t.Errorf("%s: no alert fires on the log: %s", o.name, lines())
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	if took := max(said.Took, answer.took); w.host == deployed.FirestoreHost && took > maxAlert {
		w.t.Errorf("%s: the first line after %v", o.name, took)
	}
}

// waitFor waits until the instances, which are not started again, answer a check with this status.
func (w *outageWorld) waitFor(path string, want int) {
	w.t.Helper()
	start := time.Now()
	for _, s := range []*deployed.Service{w.events, w.api} {
		for s != nil {
			status, body, err := s.Get(w.t.Context(), http.MethodGet, path)
			if err == nil && status == want {
				break
			}
			if time.Since(start) > 2*maxRecovery {
				w.t.Errorf("%s: %d %s, %v", path, status, body, err)
				break
			}
			<-time.After(200 * time.Millisecond)
		}
	}
}

// newLines returns a function that returns what the functions have logged since.
func (w *outageWorld) newLines() func() string {
	var before []int
	services := []*deployed.Service{w.events, w.api, w.callback}
	services = slices.DeleteFunc(services, func(s *deployed.Service) bool { return s == nil })
	for _, s := range services {
		before = append(before, len(s.Log.String()))
	}
	return func() (out string) {
		for i, s := range services {
			out += s.Log.String()[before[i]:]
		}
		return out
	}
}

var (
	shownText = regexp.MustCompile(`"(?:text|subtitle)":("(?:[^"\\]|\\.)*")`)
	reference = regexp.MustCompile(`[0-9a-f]{32}`)
)

// seen returns what the person reads.
func (w *outageWorld) seen(e deployed.Event) string {
	switch {
	case w.command == "":
		return "–"
	case e.Problem != "":
		return "(Chat:) Deputy is not responding"
	case w.isRight(e):
		return "the right answer"
	}
	var text string
	if m := shownText.FindSubmatch(e.Reply); m == nil || json.Unmarshal(m[1], &text) != nil {
		w.t.Errorf("no text: %s", e.Reply)
	}
	return reference.ReplaceAllString(text, "…")
}

// got returns what the system gets.
func (w *outageWorld) got(a apiAnswer) string {
	switch {
	case !w.system:
		return "–"
	case a.title == "":
		return fmt.Sprint(a.status)
	}
	return fmt.Sprintf("%d %s", a.status, a.title)
}
