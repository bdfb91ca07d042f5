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

// auditTime bounds the writing of one audit line.
const auditTime = 10 * time.Second

// audit writes one line about a change of trust that an operator has made, into
// the project's log deputy-audit. Without a project there is no log.
func (o outside) audit(ctx context.Context, project, act string) error {
	if project == "" {
		return nil
	}
	line := map[string]any{"message": "audit", "act": act, "outcome": "ok"}
	if who, err := user.Current(); err == nil {
		line["operator"] = who.Username
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditTime)
	defer cancel()
	if err := o.log(ctx, project, line); err != nil {
		return fmt.Errorf("this is done, but its audit line could not be written to Cloud Logging (roles/logging.logWriter): %w", err)
	}
	return nil
}

// writeLog writes one entry to Cloud Logging.
func writeLog(ctx context.Context, project string, line map[string]any) error {
	api, err := logging.NewService(ctx, option.WithEndpoint("https://logging.googleapis.com/"), option.WithUniverseDomain("googleapis.com"), option.WithQuotaProject(project))
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
