package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/deputy/emulator/google"
)

// cost counts the Firestore reads and writes and the calls to Google of one operation.
type cost struct{ reads, writes, calls int64 }

// measureCost returns the cost of do.
func (w *world) measureCost(do func()) cost {
	reads, writes, calls := w.docs.Reads(), w.docs.Writes(), len(w.google.Calls())
	do()
	return cost{w.docs.Reads() - reads, w.docs.Writes() - writes, int64(len(w.google.Calls()) - calls)}
}

// measureCosts measures each operation in the cost table of docs/operate.md, by its name there.
func measureCosts(t *testing.T) map[string]cost {
	t.Helper()
	out := map[string]cost{}
	fresh := func() (*world, *browser) {
		c := caller()
		c.Actions = append(c.Actions, "sweep")
		w := newWorldWithCaller(t, c)
		w.twice = false
		b := w.browser(t, ada)
		b.connect()
		b.say("/help")                 // fetches Chat's signing keys
		w.sweep(t, w.callerToken(nil)) // fetches the callers' signing keys
		return w, b
	}
	plan := 0
	create := func(w *world) func() {
		plan++
		return func() {
			w.send(t, command(ada, fmt.Sprintf("spaces/DM/messages/m%d", plan), 5, fmt.Sprintf("Plan %d", plan)))
		}
	}
	w, _ := fresh()
	out["a command, the person seen in the last minute"] = w.measureCost(create(w))
	w.clock.advance(61 * time.Second)
	out["a command, the person not seen"] = w.measureCost(create(w))
	w.clock.advance(2 * time.Hour)
	out["a command, if the access token expired (once an hour)"] = w.measureCost(create(w))

	w, b := fresh()
	var invitation, back string
	out["an invitation in Chat"] = w.measureCost(func() {
		reply := w.send(t, command(grace, "spaces/DM/messages/g1", 5, "Plan"))
		_, rest, _ := strings.Cut(reply, `"openLink":{"url":"`)
		invitation, _, _ = strings.Cut(rest, `"`)
	})
	g := w.browser(t, grace)
	var consent page
	out["/start"] = w.measureCost(func() { consent = g.open(invitation) })
	out["/callback"] = w.measureCost(func() { back = g.submit(consent, decision{account: grace}).url.Path })
	if back != "/oauthcallback/connected" {
		t.Fatalf("the consent ended at %s", back)
	}
	b.say("/disconnect")
	out["a disconnect, with one system approved"] = w.measureCost(func() { b.press("Disconnect") })
	event := w.google.SignSecurityEvent("https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked", grace,
		nil)
	out["a security event about a person"] = w.measureCost(func() { w.pushSecurityEvent(t, event) })

	w, _ = fresh()
	w.clock.advance(61 * time.Second)
	out["a call of another system"] = w.measureCost(func() {
		w.call(t, w.callerToken(nil), "build-1234",
			`{"actAs":"users/`+ada.Sub+`","displayName":"From a system"}`)
	})
	sweep := func() cost {
		w.clock.advance(24 * time.Hour)
		return w.measureCost(func() { w.sweep(t, w.callerToken(nil)) })
	}
	sweep() // removes the consent's record
	out["a sweep, with nothing due"] = sweep()
	w.clock.advance(151 * 24 * time.Hour)
	one, none := sweep(), out["a sweep, with nothing due"]
	out["a sweep, for each grant that is due"] = cost{
		one.reads - none.reads, one.writes - none.writes, one.calls - none.calls,
	}
	return out
}

func (w *world) pushSecurityEvent(t *testing.T, token string) {
	t.Helper()
	res, err := http.DefaultClient.Do(request(t, http.MethodPost, w.address+"/securityevent/", []byte(token)))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusAccepted {
		t.Fatalf("a security event: %d", res.StatusCode)
	}
}

func TestManual_Costs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]cost{}
	for line := range strings.SplitSeq(string(text), "\n") {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if len(cells) != 4 {
			continue
		}
		var c cost
		for i, field := range []*int64{&c.reads, &c.writes, &c.calls} {
			*field, err = strconv.ParseInt(strings.TrimSpace(cells[i+1]), 10, 64)
			if err != nil {
				break
			}
		}
		if err == nil {
			documented[cells[0]] = c
		}
	}
	for name, got := range measureCosts(t) {
		want, ok := documented[name]
		if !ok || got != want {
			t.Errorf("| %s | %d | %d | %d | is not in docs/operate.md (there: %+v, %v)",
				name, got.reads, got.writes, got.calls, want, ok)
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("docs/operate.md lists %q, which is not measured", name)
	}
}

func TestManual_GrantSize(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.browser(t, google.People()[0]).connect()
	doc, err := w.docs.Get(t.Context(), "grants", ada.Sub)
	if err != nil {
		t.Fatal(err)
	}
	// https://firebase.google.com/docs/firestore/storage-size
	size := 32 + 16 + len("grants") + 1 + len(doc.ID) + 1
	for name, value := range doc.Fields {
		size += len(name) + 1
		switch v := value.(type) {
		case string:
			size += len(v) + 1
		case []byte:
			size += len(v)
		case []string:
			for _, s := range v {
				size += len(s) + 1
			}
		case bool:
			size++
		default: // numbers and times
			size += 8
		}
	}
	text, err := os.ReadFile("../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	// Google's real tokens are longer than the emulator's, so the size is rounded up to 256 bytes.
	if want := fmt.Sprintf("A grant takes about %d bytes", (size+255)/256*256); !strings.Contains(string(text), want) {
		t.Errorf("docs/operate.md does not say %q (measured: %d)", want, size)
	}
}
