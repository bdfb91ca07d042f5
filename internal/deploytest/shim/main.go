// Command shim is the gcloud that deploy.sh finds in its PATH: it has the real one, in the process behind
// GCLOUD_SOCKET, run its arguments.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
)

func main() {
	code, err := run()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "shim:", err)
		code = 71
	}
	os.Exit(code)
}

func run() (int, error) {
	folder, err := os.Getwd()
	if err != nil {
		return 0, err
	}
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return 0, err
	}
	if err := record(os.Args[1:]); err != nil {
		return 0, err
	}
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "unix", os.Getenv("GCLOUD_SOCKET"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	request := map[string]any{"args": os.Args[1:], "folder": folder, "stdin": input}
	if err := json.NewEncoder(conn).Encode(request); err != nil {
		return 0, err
	}
	var result struct {
		Code           int
		Stdout, Stderr []byte
	}
	if err := json.NewDecoder(conn).Decode(&result); err != nil {
		return 0, err
	}
	_, _ = os.Stdout.Write(result.Stdout)
	_, _ = os.Stderr.Write(result.Stderr)
	return result.Code, nil
}

// record appends the arguments to the file gcloud.calls in the folder STUB.
func record(args []string) error {
	path := filepath.Join(os.Getenv("STUB"), "gcloud.calls")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // path from the test
	if err != nil {
		return err
	}
	return errors.Join(json.NewEncoder(f).Encode(args), f.Close())
}
