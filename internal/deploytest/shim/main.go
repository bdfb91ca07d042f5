// Command shim is the gcloud that deploy.sh finds in its PATH: it has the real one, in the process behind
// GCLOUD_SOCKET, run its arguments.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
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
