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

// flood sends 40 requests at once and returns the statuses.
func (s *service) flood(method, path string, header http.Header, body int) map[int]int {
	s.t.Helper()
	statuses, mu, wg := map[int]int{}, sync.Mutex{}, sync.WaitGroup{}
	for range 40 {
		wg.Go(func() {
			var content io.Reader
			if body > 0 {
				content = io.LimitReader(zeros{}, int64(body))
			}
			r, err := http.NewRequestWithContext(s.t.Context(), method, s.Address+path, content)
			if err != nil {
				s.t.Error(err)
				return
			}
			maps.Copy(r.Header, header)
			r.ContentLength = int64(body)
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
