package firestore

import (
	"context"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// answering returns a Docs whose calls all get one answer, and a function that returns
// how much time they had, by method.
func answering(t *testing.T, answer error) (docs *Docs, limits func() map[string]time.Duration) {
	t.Helper()
	return answeringWith(t, func() error { return answer })
}

func answeringWith(t *testing.T, answer func() error) (docs *Docs, limits func() map[string]time.Duration) {
	t.Helper()
	var mu sync.Mutex
	seen := map[string]time.Duration{}
	record := func(ctx context.Context, method string) error {
		deadline, ok := ctx.Deadline()
		mu.Lock()
		defer mu.Unlock()
		if seen[path.Base(method)] = time.Until(deadline); !ok {
			seen[path.Base(method)] = 0
		}
		return answer()
	}
	conn, err := grpc.NewClient("passthrough:none",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithChainUnaryInterceptor(countLost, func(
			ctx context.Context, method string, _, _ any, _ *grpc.ClientConn, _ grpc.UnaryInvoker, _ ...grpc.CallOption,
		) error {
			return record(ctx, method)
		}),
		grpc.WithStreamInterceptor(func(
			ctx context.Context, _ *grpc.StreamDesc, _ *grpc.ClientConn, method string, _ grpc.Streamer,
			_ ...grpc.CallOption,
		) (grpc.ClientStream, error) {
			return nil, record(ctx, method)
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("FIRESTORE_EMULATOR_HOST", "")
	client, err := firestore.NewClient(t.Context(), "p", option.WithGRPCConn(conn))
	if err != nil {
		t.Fatal(err)
	}
	return &Docs{client: client}, func() map[string]time.Duration {
		mu.Lock()
		defer mu.Unlock()
		out := maps.Clone(seen)
		clear(seen)
		return out
	}
}

// calls returns a call of each method of vault.Docs.
func calls(ctx context.Context, docs *Docs) map[string]func() error {
	const at = "2026-11-22T10:00:00Z x"
	fields, ref := vault.Fields{"x": "new"}, vault.Ref{Collection: "c", ID: "1"}
	refs := slices.Repeat([]vault.Ref{ref}, 2)
	return map[string]func() error{
		"get":     func() error { _, err := docs.Get(ctx, "c", "1"); return err },
		"list":    func() error { _, err := docs.List(ctx, "c", "a", 9); return err },
		"find":    func() error { _, err := docs.Find(ctx, "c", "x", "old", 9); return err },
		"range":   func() error { _, err := docs.Range(ctx, "c", vault.Range{Field: "x", Limit: 9}); return err },
		"get all": func() error { _, err := docs.GetAll(ctx, refs...); return err },
		"create":  func() error { _, err := docs.Create(ctx, "c", "1", fields); return err },
		"replace": func() error { _, err := docs.Replace(ctx, "c", "1", fields, at); return err },
		"update":  func() error { return docs.Update(ctx, "c", "1", fields, at) },
		"delete":  func() error { return docs.Delete(ctx, "c", "1", at) },
		"commit":  func() error { return docs.Commit(ctx, vault.Write{Ref: ref, Fields: fields, IfVersion: at}) },
	}
}

// A person waits for every call, so none may take longer than three seconds.
func TestDocs_Deadline(t *testing.T) {
	docs, limits := answering(t, status.Error(codes.PermissionDenied, "x"))
	for name, call := range calls(t.Context(), docs) {
		err := call()
		if text := fault.Public(i18n.In("en"), err, ""); fault.KindOf(err) != fault.Unavailable ||
			text != i18n.In("en")(words.ErrorSetUpBroken) { // waiting would not help
			t.Errorf("%s: %v, %q", name, err, text)
		}
		seen := limits()
		if len(seen) != 1 {
			t.Errorf("%s: calls %v", name, seen)
		}
		for method, limit := range seen {
			if limit <= time.Second || limit > 3*time.Second {
				t.Errorf("%s: %s has %v", name, method, limit)
			}
		}
	}
}

// A read is repeated while the store is unavailable, for three seconds; so are the queries, which the client doesn't
// repeat. Any other error is final at once.
func TestDocs_ReadsRepeated(t *testing.T) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for code, repeated := range map[codes.Code]bool{
		codes.Unavailable: true, codes.Internal: true, codes.Aborted: true, codes.PermissionDenied: false,
		codes.InvalidArgument: false,
	} {
		for _, name := range []string{"list", "find", "range", "get all"} {
			var tries atomic.Int64
			docs, _ := answeringWith(t, func() error { tries.Add(1); return status.Error(code, "x") })
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if err := calls(ctx, docs)[name](); err == nil {
					t.Errorf("%s: no error", name)
				}
				if got := tries.Load() > 1; got != repeated {
					t.Errorf("%s after %v: %d tries", name, code, tries.Load())
				}
			})
		}
	}
}

// Firestore answers NOT_FOUND for a missing database and FAILED_PRECONDITION for a missing index. To a read, these are
// neither a missing document nor another person's change.
func TestDocs_ConflictCodes(t *testing.T) {
	versioned := []string{"replace", "update", "delete", "commit"}
	for code, conflicts := range map[codes.Code][]string{
		codes.NotFound: versioned, codes.FailedPrecondition: versioned, codes.AlreadyExists: {"create"},
	} {
		docs, _ := answering(t, status.Error(code, "x"))
		for name, call := range calls(t.Context(), docs) {
			want := fault.Unavailable
			if slices.Contains(conflicts, name) {
				want = fault.Conflict
			}
			if err := call(); fault.KindOf(err) != want {
				t.Errorf("%v, %s: %v, want %v", code, name, err, want)
			}
		}
	}
}

func TestDocs_UnsupportedType(t *testing.T) {
	docs, limits := answering(t, nil)
	bad, ref := vault.Fields{"x": 1}, vault.Ref{Collection: "c", ID: "1"}
	for name, call := range map[string]func() error{
		"create":  func() error { _, err := docs.Create(t.Context(), "c", "1", bad); return err },
		"replace": func() error { _, err := docs.Replace(t.Context(), "c", "1", bad, "v"); return err },
		"update":  func() error { return docs.Update(t.Context(), "c", "1", bad, "v") },
		"commit":  func() error { return docs.Commit(t.Context(), vault.Write{Ref: ref, Fields: bad}) },
	} {
		if err := call(); err == nil || fault.KindOf(err) != fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
		if seen := limits(); len(seen) != 0 {
			t.Errorf("%s: calls %v", name, seen)
		}
	}
}

func TestFromEnv(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		want Config
		err  string
	}{
		"default database": {map[string]string{"GOOGLE_CLOUD_PROJECT": "p"}, Config{"p", "(default)"}, ""},
		"other database": {
			map[string]string{"GOOGLE_CLOUD_PROJECT": "p", "FIRESTORE_DATABASE": "d"}, Config{"p", "d"}, "",
		},
		"no project": {nil, Config{"", "(default)"}, "GOOGLE_CLOUD_PROJECT"},
		"local emulator": {
			map[string]string{"GOOGLE_CLOUD_PROJECT": "p", "FIRESTORE_EMULATOR_HOST": "x"},
			Config{"p", "(default)"},
			"",
		},
		"deployed": {
			map[string]string{"GOOGLE_CLOUD_PROJECT": "p", "K_SERVICE": "s"}, Config{"p", "(default)"}, "",
		},
	} {
		env := config.NewReader(func(name string) (string, bool) { value, ok := c.env[name]; return value, ok })
		if got := FromEnv(env); got != c.want {
			t.Errorf("%s: got %v", name, got)
		}
		if err := env.Err(); (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNew_NoCredentials(t *testing.T) {
	t.Setenv("FIRESTORE_EMULATOR_HOST", "")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "none.json"))
	if _, err := New(t.Context(), Config{"p", "(default)"}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
}
