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

// cpuTime returns the CPU time that a process has used: the sum of its threads' schedstat on Linux, in nanoseconds.
func cpuTime(pid int) (time.Duration, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("cannot read the CPU time of process %d (requires Linux): %w", pid, err)
	}
	var total int64
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // in /proc
		if err != nil {
			continue // the thread has ended
		}
		first, _, _ := strings.Cut(string(text), " ")
		n, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return time.Duration(total), nil
}

// memory returns the resident memory of a process (VmRSS) and its part that no file backs (RssAnon), in MB. The rest
// are pages of the binary, which instances on one host share.
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

// openFiles returns the number of open files of a process, including connections.
func openFiles(pid int) int {
	all, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(all)
}
