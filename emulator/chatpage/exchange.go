package chatpage

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"example.com/deputy/emulator/google"
)

// remembered is how many exchanges are kept.
const remembered = 100

// exchange is one event, what the app answered, and what it did for it.
type exchange struct {
	Number  int             `json:"number"` // from 1
	Kind    string          `json:"type"`
	As      string          `json:"as"` // e-mail address
	In      string          `json:"in"` // spaces/{id}
	Event   json.RawMessage `json:"event"`
	Status  int             `json:"status"` // 0: no answer
	Reply   json.RawMessage `json:"reply,omitempty"`
	Text    string          `json:"text,omitempty"` // an answer that is no JSON
	Problem string          `json:"problem,omitempty"`
	At      time.Time       `json:"at"`
	Took    time.Duration   `json:"-"`

	event               event
	token               string
	run                 int // of the page
	firstCall, lastCall int // of the stand-in's calls; lastCall is 0 until the next exchange
	firstLine, lastLine int
}

// kinds are the names of what happens, as scripts give them.
var kinds = map[kind]string{
	said: "message", commanded: "command", chosen: "quick", added: "added", removed: "removed", clicked: "click", homeOpened: "home",
}

// begin notes that an event goes to the app.
func (p *Page) begin(e event, token string) *exchange {
	calls, lines := len(p.Google.Calls()), p.Log.count()
	p.mu.Lock()
	defer p.mu.Unlock()
	x := &exchange{Number: 1, Kind: kinds[e.kind], As: e.who.Email, In: e.in.Name(), At: e.at, event: e, token: token, run: p.run, firstCall: calls, firstLine: lines}
	if n := len(p.past); n > 0 {
		last := p.past[n-1]
		x.Number, last.lastCall, last.lastLine = last.Number+1, calls, lines
	}
	p.past = append(p.past, x)
	if len(p.past) > remembered {
		p.past = slices.Delete(p.past, 0, 1)
	}
	return x
}

func (p *Page) sent(x *exchange, text []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	x.Event = text
}

func (p *Page) answered(x *exchange, status int, answer []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	x.Status = status
	if x.Reply = answer; !json.Valid(answer) {
		x.Reply, x.Text = nil, string(answer)
	}
}

func (p *Page) end(x *exchange, err error) {
	p.mu.Lock()
	x.Took = p.Now().Sub(x.At)
	if err != nil {
		x.Problem = err.Error()
	}
	p.mu.Unlock()
	p.Google.Touch()
}

// over tells that everything was forgotten since the exchange began.
func (p *Page) over(x *exchange) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return x.run != p.run
}

// again sends an event once more, as Chat does when it got no answer; number is
// empty for the last one.
func (p *Page) again(ctx context.Context, number string) *exchange {
	x, ok := p.find(number)
	if !ok {
		return nil
	}
	return p.exchange(ctx, x.event, x.token)
}

// find is a copy of an exchange; number is empty for the last one.
func (p *Page) find(number string) (exchange, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, x := range slices.Backward(p.past) {
		if number == "" || strconv.Itoa(x.Number) == number {
			return *x, true
		}
	}
	return exchange{}, false
}

// Calls are what Google was asked for since the event, up to the next one.
func (x exchange) calls(p *Page) []google.Call {
	all := p.Google.Calls()
	to := len(all)
	if x.lastCall > 0 {
		to = min(to, x.lastCall)
	}
	return all[min(x.firstCall, to):to]
}

// lines are what the app logged since the event, up to the next one.
func (x exchange) lines(p *Page) []string { return p.Log.between(x.firstLine, x.lastLine) }
