package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/user"
	"time"

	"google.golang.org/api/googleapi"
	logging "google.golang.org/api/logging/v2"
	"google.golang.org/api/option"
)

// auditTimeout limits the write of one audit line.
const auditTimeout = 10 * time.Second

// audit writes one line about an operator's change to the project's log
// deputy-audit. It does nothing without a project.
func (d deps) audit(ctx context.Context, project, act string) error {
	if project == "" {
		return nil
	}
	line := map[string]any{"message": "audit", "action": act, "outcome": "ok"}
	if u, err := user.Current(); err == nil {
		line["operator"] = u.Username
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditTimeout)
	defer cancel()
	if err := d.writeLog(ctx, project, line); err != nil {
		return fmt.Errorf("the change was made, but its audit line was not written to Cloud Logging"+
			" (requires roles/logging.logWriter): %w", err)
	}
	return nil
}

// writeLog writes one entry to Cloud Logging.
func writeLog(ctx context.Context, project string, line map[string]any) error {
	api, err := logging.NewService(ctx, option.WithEndpoint("https://logging.googleapis.com/"),
		option.WithUniverseDomain("googleapis.com"), option.WithQuotaProject(project))
	if err != nil {
		return err
	}
	payload, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = api.Entries.Write(&logging.WriteLogEntriesRequest{
		LogName:  "projects/" + project + "/logs/deputy-audit",
		Resource: &logging.MonitoredResource{Type: "global"},
		Entries:  []*logging.LogEntry{{Severity: "NOTICE", JsonPayload: googleapi.RawMessage(payload)}},
	}).Context(ctx).Do()
	return err
}
