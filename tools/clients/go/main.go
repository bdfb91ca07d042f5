// Command client creates a space with the client that oapi-codegen generates.
package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"

	"example.com/client/deputy"
)

func main() {
	ctx := context.Background()
	authorize := func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))
		return nil
	}
	client, err := deputy.NewClientWithResponses(os.Getenv("BASE"), deputy.WithRequestEditorFn(authorize))
	check(err)
	create := func(name string) *deputy.CreateSpaceResponse {
		params := &deputy.CreateSpaceParams{IdempotencyKey: "key-of-oapi-codegen"}
		body := deputy.CreateSpace{ActAs: "ada@example.com", DisplayName: &name}
		r, err := client.CreateSpaceWithResponse(ctx, params, body)
		check(err)
		return r
	}
	name := "Made by oapi-codegen"
	created, again, refused := create(name), create(name), create("Another")
	body := deputy.CreateSpace{ActAs: "ada@example.com", DisplayName: &name}
	plan, err := client.PlanSpaceWithResponse(ctx, body)
	check(err)
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"name": created.JSON201.Name, "again": again.JSON201.Name, "planned": len(plan.JSON200.Requests),
		"problem": refused.ApplicationproblemJSONDefault.Type,
	}))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
