package chatpage

import (
	"strings"
	"sync"
)

// maxLines is the number of log lines that are kept.
const maxLines = 2000

// LogLines keeps the last lines of a log. A nil *LogLines has no lines.
type LogLines struct {
	mu   sync.Mutex
	n    int // number of lines written so far
	last []string
}

// Write adds whole lines. It never fails.
func (l *LogLines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(string(text)) {
		l.n++
		l.last = append(l.last, strings.TrimSuffix(line, "\n"))
	}
	if over := len(l.last) - maxLines; over > 0 {
		l.last = append([]string(nil), l.last[over:]...)
	}
	return len(text), nil
}

func (l *LogLines) count() int {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// between returns the lines from one number up to another, or up to the last if to is 0.
func (l *LogLines) between(from, to int) []string {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if to == 0 {
		to = l.n
	}
	dropped := l.n - len(l.last)
	from, to = max(from-dropped, 0), max(to-dropped, 0)
	return append([]string(nil), l.last[min(from, to):to]...)
}
