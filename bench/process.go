package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cpu is what a process has used of it so far (Linux: schedstat of its
// threads, in nanoseconds).
func cpu(pid int) (time.Duration, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("the CPU time of process %d cannot be read (it needs Linux): %w", pid, err)
	}
	var all int64
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // of proc
		if err != nil {
			continue // a thread that has ended
		}
		first, _, _ := strings.Cut(string(text), " ")
		n, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return 0, err
		}
		all += n
	}
	return time.Duration(all), nil
}

// memory is what a process has in memory, in MB: all of it (VmRSS), and what is
// its own alone (RssAnon): the rest are pages of the binary, which instances on
// one host share.
func memory(pid int) (rss, anon float64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	read := func(name string) float64 {
		_, rest, _ := bytes.Cut(text, []byte("\n"+name+":"))
		fields := bytes.Fields(rest)
		if len(fields) == 0 {
			return 0
		}
		kb, _ := strconv.ParseFloat(string(fields[0]), 64)
		return kb / 1024
	}
	return read("VmRSS"), read("RssAnon"), nil
}

// files is how many a process has open, connections among them.
func files(pid int) int {
	all, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(all)
}
