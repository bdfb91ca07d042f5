package buildpack

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/deputy/emulator/chatpage"
	"example.com/deputy/internal/deployed"
	"example.com/deputy/shared/api"
)

// usage is what a process has used so far.
type usage struct {
	cpu  time.Duration
	peak int64 // of resident memory, in bytes
}

func (s *service) usage() usage {
	s.t.Helper()
	dir := fmt.Sprintf("/proc/%d/", s.Cmd.Process.Pid)
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11]) // in ticks of 10 ms: proc(5)
	system, _ := strconv.Atoi(fields[12])
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ = strings.Cut(string(status), "VmHWM:")
	kilobytes, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	return usage{time.Duration(user+system) * 10 * time.Millisecond, kilobytes << 10}
}

// flood sends 40 requests at once, with zeros as their bodies, and returns the statuses.
func (s *service) flood(method, path string, header http.Header, body int) map[int]int {
	s.t.Helper()
	return s.floodWith(method, path, header, int64(body), func() io.Reader {
		return io.LimitReader(zeros{}, int64(body))
	})
}

// floodWith is flood with other bodies of a size.
func (s *service) floodWith(method, path string, header http.Header, size int64, body func() io.Reader) map[int]int {
	s.t.Helper()
	statuses, mu, wg := map[int]int{}, sync.Mutex{}, sync.WaitGroup{}
	for range 40 {
		wg.Go(func() {
			var content io.Reader
			if size > 0 {
				content = body()
			}
			r, err := http.NewRequestWithContext(s.t.Context(), method, s.Address+path, content)
			if err != nil {
				s.t.Error(err)
				return
			}
			maps.Copy(r.Header, header)
			r.ContentLength = size
			status := 0 // the connection was closed while the request was sent
			if res, err := http.DefaultTransport.RoundTrip(r); err == nil {
				status = res.StatusCode
				_ = res.Body.Close()
			}
			mu.Lock()
			defer mu.Unlock()
			statuses[status]++
		})
	}
	wg.Wait()
	return statuses
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestAttack_LargestRequests sends the largest that the server lets through to each function, forty at once, without
// a valid token (golang-jwt CVE-2025-30204, golang/go#79684). Nothing of it is parsed, so it costs about as much as
// forty small requests.
func TestAttack_LargestRequests(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("NOT TESTED: what the largest requests cost. /proc is only on Linux")
	}
	const largest = 60 << 10 // the limit is 64 KiB with all headers
	dots, marks := strings.Repeat(".", largest), strings.Repeat("_", largest)
	for target, path := range map[string]string{
		"ChatEvent": "/", "OAuthCallback": "/start", "CreateSpace": "/v1/spaces", "SecurityEvent": "/",
	} {
		t.Run(target, func(t *testing.T) {
			s := deploy(t, target, environment(t)...)
			s.get("GET", "/health")
			method := http.MethodPost
			if target == "OAuthCallback" {
				method = http.MethodGet
			}
			small := s.flood(method, path, http.Header{"Authorization": {"Bearer x"}}, 0)
			for name, c := range map[string]struct {
				header http.Header
				query  string
				body   int
			}{
				"token":    {header: http.Header{"Authorization": {"Bearer " + dots}}},
				"language": {header: http.Header{"Accept-Language": {marks}}},
				"cookies":  {header: http.Header{"Cookie": {strings.Repeat("__Host-deputy-a=b; ", 3000)}}},
				"query":    {query: "?invitation=" + marks[:largest-1000]},
				"body":     {body: 32 << 20}, // as much as Cloud Run lets through
			} {
				before := s.usage()
				got := s.flood(method, path+c.query, c.header, c.body)
				after := s.usage()
				t.Logf("%s: %v, %d MB, %v", name, after.cpu-before.cpu, (after.peak-before.peak)>>20, got)
				if cpu := after.cpu - before.cpu; cpu > 500*time.Millisecond { // one 1 MB token once cost half a second
					t.Errorf("%s: %v of CPU", name, cpu)
				}
				if grown := after.peak - before.peak; grown > 32<<20 {
					t.Errorf("%s: %d MB more", name, grown>>20)
				}
				for status := range got {
					if status != 0 && status/100 != 4 {
						t.Errorf("%s: statuses %v, of small requests %v", name, got, small)
					}
				}
			}
		})
	}
}

// TestAttack_LargestKnownCaller sends the largest bodies that a caller's own requests may have, forty at once, and
// larger ones. A body of 1 MiB once took 65 MB.
func TestAttack_LargestKnownCaller(t *testing.T) {
	emulator := os.Getenv("FIRESTORE_EMULATOR_HOST")
	if runtime.GOOS != "linux" || emulator == "" {
		t.Skip("NOT TESTED: what a known caller's largest requests cost. They need Linux (/proc) and " +
			"FIRESTORE_EMULATOR_HOST; ./test.sh starts Google's emulator if it is installed")
	}
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	bed := deployed.NewBed(t, binary, emulator, chatpage.AddOn)
	s := &service{bed.Start("CreateSpace"), t}
	header := http.Header{
		"Authorization": {"Bearer " + bed.CallerToken()}, "Content-Type": {"application/json"},
		"Idempotency-Key": {"the-largest-body"},
	}
	largest := int(api.MaxBody("POST /v1/spaces"))
	fill := func(before, unit, after string) string {
		return before + strings.Repeat(unit, (largest-len(before)-len(after))/len(unit)) + after
	}
	for name, c := range map[string]struct {
		body string
		want int
	}{
		"a list":          {fill(`{"members":[0`, `,0`, `]}`), 400},
		"lists":           {fill(`{"members":[[0`, `],[0`, `]]}`), 400},
		"objects":         {fill(`{"members":[{}`, `,{}`, `]}`), 400},
		"a text":          {fill(`{"description":"`, `\u00e9`, `"}`), 400},
		"escapes":         {fill(`{"description":"`, `\\`, `"}`), 400},
		"white space":     {fill(``, ` `, `{}`), 400},
		"a byte more":     {fill(``, ` `, `{}`) + "   ", 413},
		"1 MiB of a list": {`{"members":[0` + strings.Repeat(",0", 1<<19) + `]}`, 413},
	} {
		before := s.usage()
		got := s.floodWith(http.MethodPost, "/v1/spaces", header, int64(len(c.body)), func() io.Reader {
			return strings.NewReader(c.body)
		})
		grown := s.usage().peak - before.peak
		t.Logf("%s: %d KB, %v, %d MB more", name, len(c.body)>>10, got, grown>>20)
		for status := range got {
			if status != c.want && (status != 0 || c.want != 413) { // 0: closed while the body was sent
				t.Errorf("%s: statuses %v, want %d", name, got, c.want)
			}
		}
		if s.usage().peak > 200<<20 {
			t.Errorf("%s: %d MB in an instance of 256 MiB", name, s.usage().peak>>20)
		}
	}
}
