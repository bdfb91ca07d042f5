package deployed

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
)

// connections says what happens to the connections to a host, old and new.
type connections int

const (
	intact connections = iota
	cut
	reset
	swallowed
)

// Fault is what goes wrong between the binary and a host.
type Fault struct {
	links connections
	// handle answers a request that next would answer; nil for no change.
	handle func(n *Network, next http.Handler, w http.ResponseWriter, r *http.Request)
	once   bool // only the first request meets it
}

// Once returns a fault that only the first request meets.
func Once(f Fault) Fault {
	f.once = true
	return f
}

// The faults. Connections that were lost stay lost when the fault is mended.
var (
	Cut     = Fault{links: cut}       // connections are closed
	Reset   = Fault{links: reset}     // connections are reset
	Swallow = Fault{links: swallowed} // nothing arrives, and nobody is told: a NAT has forgotten the connections

	// Hang never answers.
	Hang = Fault{handle: func(_ *Network, _ http.Handler, _ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server notices the end of the connection only after the body
		<-r.Context().Done()
	}}
	// LoseAnswers carries requests out and then closes the connection.
	LoseAnswers = Fault{handle: func(n *Network, next http.Handler, _ http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(httptest.NewRecorder(), r)
		n.closeLinkTo(r.RemoteAddr)
		panic(http.ErrAbortHandler)
	}}
	// GoAway answers, and asks for another connection with each answer (RFC 9113, section 6.8).
	GoAway = Fault{handle: func(_ *Network, next http.Handler, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		next.ServeHTTP(w, r)
	}}
)

// Answer answers with an error: its gRPC status, or the HTTP status that google.rpc.Code gives for it.
func Answer(code codes.Code) Fault {
	status := map[codes.Code]int{
		codes.InvalidArgument: 400, codes.FailedPrecondition: 400, codes.Unauthenticated: 401,
		codes.PermissionDenied: 403, codes.NotFound: 404, codes.Aborted: 409, codes.AlreadyExists: 409,
		codes.ResourceExhausted: 429, codes.Unavailable: 503, codes.DeadlineExceeded: 504,
	}[code]
	if status == 0 {
		status = http.StatusInternalServerError
	}
	return Fault{handle: func(_ *Network, _ http.Handler, w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if isGRPC(r) {
			w.Header().Set("Content-Type", "application/grpc")
			w.Header().Set("Grpc-Status", strconv.Itoa(int(code)))
			w.Header().Set("Grpc-Message", "an injected fault")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"error":{"code":`+strconv.Itoa(status)+`,"message":"an injected fault"}}`)
	}}
}

func isGRPC(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
}

// LoseCommit carries the nth commit to Firestore out, from 1, and loses its answer. met reports whether there was one.
func LoseCommit(n int64) (f Fault, met func() bool) {
	var commits atomic.Int64
	return Fault{handle: func(network *Network, next http.Handler, w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/Commit") && commits.Add(1) == n {
			LoseAnswers.handle(network, next, w, r)
		}
		next.ServeHTTP(w, r)
	}}, func() bool { return commits.Load() >= n }
}

// Delay answers late.
func Delay(d time.Duration) Fault {
	return Fault{handle: func(_ *Network, next http.Handler, w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(d):
			next.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}}
}

// Contend makes each write to a document of the collection take hold. Firestore aborts those that meet another one.
func Contend(collection string, hold time.Duration) Fault {
	var busy sync.Mutex
	aborted := Answer(codes.Aborted)
	return Fault{handle: func(n *Network, next http.Handler, w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		writes := strings.HasSuffix(r.URL.Path, "/Commit") && bytes.Contains(body, []byte("/"+collection+"/"))
		switch {
		case err != nil || !writes:
			next.ServeHTTP(w, r)
		case busy.TryLock():
			defer busy.Unlock()
			next.ServeHTTP(w, r)
			time.Sleep(hold)
		default:
			aborted.handle(n, next, w, r)
		}
	}}
}

// activeFault is a fault of a host.
type activeFault struct {
	Fault
	met int // how many requests have met it
}

func (f *activeFault) connections() connections {
	if f == nil {
		return intact
	}
	return f.links
}

// Break makes a host fail until mend is called. It replaces the host's previous fault.
func (n *Network) Break(host string, f Fault) (mend func()) {
	active := &activeFault{Fault: f}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults[host] = active
	for l := range n.links {
		if l.host == host {
			l.apply(f.links)
		}
	}
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.faults[host] == active {
			delete(n.faults, host)
		}
	}
}

// WaitMet waits until this many requests have met the fault of a host, or ctx is done.
func (n *Network) WaitMet(ctx context.Context, host string, requests int) error {
	for ctx.Err() == nil {
		n.mu.Lock()
		met := n.faults[host] != nil && n.faults[host].met >= requests
		n.mu.Unlock()
		if met {
			return nil
		}
		<-time.After(10 * time.Millisecond)
	}
	return ctx.Err()
}

// handle answers a request to a host, with the host's fault.
func (n *Network) handle(host string, next http.Handler, w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	f := n.faults[host]
	meets := f != nil && f.handle != nil && (!f.once || f.met == 0)
	if meets {
		f.met++
	}
	n.mu.Unlock()
	if meets {
		f.handle(n, next, w, r)
		return
	}
	next.ServeHTTP(w, r)
}
