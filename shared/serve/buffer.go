package serve

import (
	"bytes"
	"maps"
	"net/http"
	"strconv"
)

// buffer holds a response until it is complete.
type buffer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newBuffer() *buffer { return &buffer{header: http.Header{}, status: http.StatusOK} }

func (b *buffer) Header() http.Header         { return b.header }
func (b *buffer) WriteHeader(status int)      { b.status = status }
func (b *buffer) Write(p []byte) (int, error) { return b.body.Write(p) }

func (b *buffer) sendTo(w http.ResponseWriter, method string) {
	maps.Copy(w.Header(), b.header)
	w.Header().Set("Content-Length", strconv.Itoa(b.body.Len()))
	w.WriteHeader(b.status)
	if method != http.MethodHead {
		_, _ = w.Write(b.body.Bytes()) // on an error the client has disconnected
	}
	// Flush now: net/http would flush only after Drain stops counting this request.
	_ = http.NewResponseController(w).Flush()
}
