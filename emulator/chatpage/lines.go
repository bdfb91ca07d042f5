package chatpage

import (
	"strings"
	"sync"
)

// kept is how many lines of a log are kept.
const kept = 2000

// Lines keeps the last lines of a log. A nil one keeps none.
type Lines struct {
	mu   sync.Mutex
	n    int // lines so far
	last []string
}

// Write takes whole lines, as loggers write them.
func (l *Lines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(string(text)) {
		l.n++
		l.last = append(l.last, strings.TrimSuffix(line, "\n"))
	}
	if over := len(l.last) - kept; over > 0 {
		l.last = append([]string(nil), l.last[over:]...)
	}
	return len(text), nil
}

func (l *Lines) count() int {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// between are the lines from one number to another; 0 is up to the last.
func (l *Lines) between(from, to int) []string {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if to == 0 {
		to = l.n
	}
	gone := l.n - len(l.last)
	from, to = max(from-gone, 0), max(to-gone, 0)
	return append([]string(nil), l.last[min(from, to):to]...)
}
