package chatpage

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"example.com/deputy/emulator/google"
)

// maxExchanges is the number of exchanges that are kept.
const maxExchanges = 100

// exchange is one event with the app's reply, calls and log lines.
type exchange struct {
	Number  int             `json:"number"` // from 1
	Kind    string          `json:"type"`
	As      string          `json:"as"` // email address
	In      string          `json:"in"` // spaces/{id}
	Event   json.RawMessage `json:"event"`
	Status  int             `json:"status"` // 0 if there was no response
	Reply   json.RawMessage `json:"reply,omitempty"`
	Text    string          `json:"text,omitempty"` // a response that is not JSON
	Problem string          `json:"problem,omitempty"`
	At      time.Time       `json:"at"`
	Took    time.Duration   `json:"-"`

	event               event
	token               string
	generation          int // of the page
	firstCall, lastCall int // range in the server's calls; lastCall is 0 until the next exchange
	firstLine, lastLine int
}

// kinds are the names of the kinds of events in the scripting API.
var kinds = map[kind]string{
	messageSent: "message", commandSent: "command", quickCommandUsed: "quick", appAdded: "added",
	appRemoved: "removed", cardClicked: "click", homeOpened: "home",
}

// begin records that an event is being sent to the app.
func (p *Page) begin(e event, token string) *exchange {
	calls, lines := len(p.Google.Calls()), p.Log.count()
	p.mu.Lock()
	defer p.mu.Unlock()
	x := &exchange{
		Number: 1, Kind: kinds[e.kind], As: e.person.Email, In: e.space.Name(), At: e.at,
		event: e, token: token, generation: p.generation, firstCall: calls, firstLine: lines,
	}
	if n := len(p.exchanges); n > 0 {
		last := p.exchanges[n-1]
		x.Number, last.lastCall, last.lastLine = last.Number+1, calls, lines
	}
	p.exchanges = append(p.exchanges, x)
	if len(p.exchanges) > maxExchanges {
		p.exchanges = slices.Delete(p.exchanges, 0, 1)
	}
	return x
}

func (p *Page) recordEvent(x *exchange, text []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	x.Event = text
}

func (p *Page) recordReply(x *exchange, status int, answer []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	x.Status = status
	if x.Reply = answer; !json.Valid(answer) {
		x.Reply, x.Text = nil, string(answer)
	}
}

func (p *Page) finish(x *exchange, err error) {
	p.mu.Lock()
	x.Took = p.Now().Sub(x.At)
	if err != nil {
		x.Problem = err.Error()
	}
	p.mu.Unlock()
	p.Google.Notify()
}

// isStale reports whether the page was reset since the exchange began.
func (p *Page) isStale(x *exchange) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return x.generation != p.generation
}

// resend sends an event again, as Chat does without a response. An empty number means the last event.
func (p *Page) resend(ctx context.Context, number string) *exchange {
	x, ok := p.find(number)
	if !ok {
		return nil
	}
	return p.exchange(ctx, x.event, x.token)
}

// find returns a copy of an exchange. An empty number means the last one.
func (p *Page) find(number string) (exchange, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, x := range slices.Backward(p.exchanges) {
		if number == "" || strconv.Itoa(x.Number) == number {
			return *x, true
		}
	}
	return exchange{}, false
}

// calls returns the calls to Google between this event and the next one.
func (x exchange) calls(p *Page) []google.Call {
	all := p.Google.Calls()
	end := len(all)
	if x.lastCall > 0 {
		end = min(end, x.lastCall)
	}
	return all[min(x.firstCall, end):end]
}

// lines returns the app's log lines between this event and the next one.
func (x exchange) lines(p *Page) []string { return p.Log.between(x.firstLine, x.lastLine) }
