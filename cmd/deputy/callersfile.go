package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
)

// maxEdits is how often an edit is tried while others change the file.
const maxEdits = 3

// callersFile holds the flags of the commands that use the callers file.
type callersFile struct {
	deps
	project, location string
	asJSON            bool
}

func (r *callersFile) addFlags(c *cobra.Command) {
	project, _ := r.lookupEnv("GOOGLE_CLOUD_PROJECT")
	location, _ := r.lookupEnv("CALLERS")
	flags := c.PersistentFlags()
	flags.StringVar(&r.project, "project", project, "`project` of the deployment (GOOGLE_CLOUD_PROJECT)")
	flags.StringVar(&r.location, "callers", location,
		"`location` of the callers file (CALLERS); defaults to the project's bucket")
	flags.BoolVar(&r.asJSON, "json", false, "print JSON")
}

func (r *callersFile) openFile(ctx context.Context) (callers.Store, error) {
	location := r.location
	if location == "" && r.project != "" {
		location = "gs://" + r.project + "-deputy-callers/callers.yaml"
	}
	if location == "" {
		return nil, &usageError{errors.New("no project; set --project")}
	}
	if err := callers.CheckLocation(location); err != nil {
		return nil, &usageError{fmt.Errorf("--callers %w", err)}
	}
	return r.openCallers(ctx, location)
}

// read returns the file's current text and version; a missing file is empty.
func (r *callersFile) read(ctx context.Context) (store callers.Store, text []byte, version string, err error) {
	if store, err = r.openFile(ctx); err != nil {
		return nil, nil, "", err
	}
	text, version, err = store.Read(ctx)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		err = nil
	}
	return store, text, version, err
}

// load reads and parses the file.
func (r *callersFile) load(ctx context.Context) (*callers.Set, error) {
	_, text, _, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	return callers.Parse(text)
}

// edit changes the file and audits the change as act. It tries again when the
// file changes between its read and its write.
func (r *callersFile) edit(
	ctx context.Context, act string, change func(*callers.Draft, *callers.Set) error,
) (*callers.Set, error) {
	for try := 1; ; try++ {
		store, text, version, err := r.read(ctx)
		if err != nil {
			return nil, err
		}
		before, err := callers.Parse(text)
		if err != nil {
			return nil, err
		}
		next, err := callers.Edit(text, func(d *callers.Draft) error { return change(d, before) })
		if err != nil {
			return nil, err
		}
		err = store.Write(ctx, next, version)
		if err == nil {
			after, _ := callers.Parse(next) // Edit has already parsed it
			return after, r.audit(ctx, r.project, act)
		}
		if fault.KindOf(err) != fault.Conflict || try == maxEdits {
			return nil, err
		}
	}
}
