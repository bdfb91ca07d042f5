package buildpack

import (
	"context"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/deployed"
)

// newInstanceWorld returns a world in which a command and a system's request need the Google Chat API.
func newInstanceWorld(t *testing.T) *outageWorld {
	t.Helper()
	inAll(t)
	emulator := os.Getenv("FIRESTORE_EMULATOR_HOST")
	if emulator == "" {
		t.Skip("NOT TESTED: the end of an instance. FIRESTORE_EMULATOR_HOST is not set; " +
			"./test.sh starts Google's emulator if it is installed")
	}
	i := slices.IndexFunc(upstreams, func(u upstream) bool { return u.host == "chat.googleapis.com" })
	return newOutageWorld(t, emulator, upstreams[i])
}

const restarting = "Deputy is restarting"

// TestInstance_Ended ends instances whose work would take longer than the ten seconds that the platform gives. All
// who wait get an answer, each function logs a line and exits properly, and a repetition does what is left, once.
func TestInstance_Ended(t *testing.T) {
	w := newInstanceWorld(t)
	alan := google.People()[2]
	browser := newPerson(t, w.Bed, alan)
	consent := browser.consentForm(browser.get(w.Say(alan, "", "/connect").StartLink()))
	browser.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/outcome" { // another instance answers
			return http.ErrUseLastResponse
		}
		return nil
	}
	var (
		wg     sync.WaitGroup
		said   deployed.Event
		answer apiAnswer
		page   *http.Response
	)
	var mend []func()
	begin := func(host string, requests ...func()) {
		mend = append(mend, w.Break(host, deployed.Hang))
		t.Cleanup(mend[len(mend)-1])
		for _, r := range requests {
			wg.Go(r)
		}
		ctx, cancel := context.WithTimeout(t.Context(), maxHandler)
		defer cancel()
		if err := w.WaitMet(ctx, host, len(requests)); err != nil {
			t.Fatal(err)
		}
	}
	begin("chat.googleapis.com", func() { said = w.say() }, func() { answer = w.post("ended") })
	begin("oauth2.googleapis.com", func() {
		var err error
		if page, err = browser.client.PostForm(consentAddress, consent); err != nil {
			t.Error(err)
		}
	})
	lines := w.newLines()
	services := []*deployed.Service{w.events, w.api, w.callback}
	for _, s := range services {
		if err := s.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	for _, s := range services {
		if err := s.Cmd.Wait(); err != nil {
			t.Errorf("after SIGTERM: %v", err)
		}
	}
	if said.Problem != "" || !strings.Contains(string(said.Reply), restarting) {
		t.Errorf("a person in Chat: %s %s", said.Problem, said.Reply)
	}
	if answer.status != 503 {
		t.Errorf("a system: %+v", answer)
	}
	if alert := firedAlert(lines()); alert == "" {
		t.Errorf("no alert fires: %s", lines())
	}

	for _, f := range mend {
		f()
	}
	w.restart()
	w.Start("OAuthCallback")
	outcome, err := page.Location()
	if err != nil {
		t.Fatal(err)
	}
	if text := browser.get(outcome.String()); !strings.Contains(text, "confirm your connection") {
		t.Errorf("a person in the browser: %s", text)
	}
	if again := w.post("ended"); !again.isRight() || w.count("ended") != 1 {
		t.Errorf("again: %+v, %d spaces: %s", again, w.count("ended"), w.api.Log)
	}
}

// TestInstance_Frozen takes the CPU from idle instances, as the platform does between requests, while the network loses
// their connections. The first request after that gets the right answer.
func TestInstance_Frozen(t *testing.T) {
	w := newInstanceWorld(t)
	w.Google.ReportLifetime(time.Hour) // connections to the metadata server are not used
	frozen := 15 * time.Second
	if *everyOutage {
		frozen = 3 * time.Minute
	}
	for _, s := range []*deployed.Service{w.events, w.api} {
		if err := s.Cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	for _, host := range []string{deployed.FirestoreHost, "chat.googleapis.com", "oauth2.googleapis.com"} {
		w.Break(host, deployed.Swallow)()
	}
	<-time.After(frozen)
	for _, s := range []*deployed.Service{w.events, w.api} {
		if err := s.Cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	answered := make(chan apiAnswer, 1)
	go func() { answered <- w.post("frozen") }()
	said := w.say()
	if answer := <-answered; !w.isRight(said) || !answer.isRight() || max(said.Took, answer.took) > maxRecovery {
		t.Errorf("%s in %v; %+v", w.seen(said), said.Took, answer)
	}
}
