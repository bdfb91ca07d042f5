// Package firestore implements vault.Docs on Cloud Firestore in Native mode. It is
// the only package that imports the Firestore client.
//
// A version consists of a document's update time and field names. Writes use it as a
// precondition, so they need no transaction and none of its automatic retries.
package firestore

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/firestore"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/vault"
)

// callTimeout limits every call, because a person is waiting for it.
const callTimeout = 3 * time.Second

// pingTimeout leaves half of callTimeout to connect again.
const pingTimeout = callTimeout / 2

// dialOptions find a connection that was lost silently (grpc-go#3206), and limit the time between two attempts to
// connect. By default these take a quarter of an hour and two minutes. Firestore's client ignores them for an emulator.
var dialOptions = []grpc.DialOption{
	grpc.WithContextDialer(dial),
	grpc.WithChainUnaryInterceptor(countLost),
	grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: pingTimeout}),
	grpc.WithConnectParams(grpc.ConnectParams{
		Backoff: backoff.Config{
			BaseDelay: time.Second, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second,
		},
		MinConnectTimeout: 5 * time.Second,
	}),
}

// Docs implements vault.Docs. It is safe for concurrent use.
type Docs struct {
	client *firestore.Client
}

// Config names the database that holds the records.
type Config struct{ Project, Database string }

// FromEnv reads GOOGLE_CLOUD_PROJECT and FIRESTORE_DATABASE.
func FromEnv(env *config.Reader) Config {
	return Config{env.ID("GOOGLE_CLOUD_PROJECT", ""), env.ID("FIRESTORE_DATABASE", "(default)")}
}

// New returns a Docs for the database. It connects lazily: if the database does not exist, the first call fails.
func New(ctx context.Context, s Config) (*Docs, error) {
	options := []option.ClientOption{ // whatever the environment says
		option.WithUniverseDomain("googleapis.com"), option.WithEndpoint("passthrough:///firestore.googleapis.com:443"),
	}
	for _, o := range dialOptions {
		options = append(options, option.WithGRPCDialOption(o))
	}
	client, err := firestore.NewClientWithDatabase(ctx, s.Project, s.Database, options...)
	if err != nil {
		return nil, &fault.Error{Op: "firestore.New", Kind: fault.Unavailable, Err: err}
	}
	return &Docs{client: client}, nil
}

// Get implements vault.Docs.
func (d *Docs) Get(ctx context.Context, c vault.Collection, id string) (vault.Doc, error) {
	var snapshot *firestore.DocumentSnapshot
	err := call(ctx, "firestore.Get", reads, func(ctx context.Context) (err error) {
		snapshot, err = d.client.Collection(string(c)).Doc(id).Get(ctx)
		if snapshot != nil && !snapshot.Exists() {
			return nil // without a snapshot, the database is missing
		}
		return err
	})
	switch {
	case err != nil:
		return vault.Doc{}, err
	case !snapshot.Exists():
		return vault.Doc{}, &fault.Error{Op: "firestore.Get", Kind: fault.NotFound}
	}
	return decodeDoc(snapshot), nil
}

// abortedPolicy repeats a call that Firestore aborted, which changed nothing.
var abortedPolicy = googlecall.Policy{Attempts: 5, AttemptTimeout: callTimeout}

// call makes a call within callTimeout, by abortedPolicy.
func call(ctx context.Context, op string, does operation, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	isAborted := func(err error) (time.Duration, bool) { return 0, status.Code(err) == codes.Aborted }
	return translate(op, does, abortedPolicy.Do(ctx, isAborted, do))
}

// read is call for a read, which may be repeated after more errors. Firestore's client repeats reads of one document,
// but no queries (google-cloud-go#14620).
func read(ctx context.Context, op string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return translate(op, reads, abortedPolicy.Do(ctx, func(err error) (time.Duration, bool) {
		code := status.Code(err)
		return 0, code == codes.Aborted || code == codes.Unavailable || code == codes.Internal
	}, do))
}

func decodeDoc(s *firestore.DocumentSnapshot) vault.Doc {
	fields := vault.Fields(s.Data())
	for name, value := range fields {
		if list, ok := value.([]any); ok {
			texts := make([]string, len(list))
			for i, item := range list {
				texts[i], _ = item.(string) // checkTypes allows only []string
			}
			fields[name] = texts
		}
	}
	return vault.Doc{ID: s.Ref.ID, Fields: fields, Version: makeVersion(s.UpdateTime, fields)}
}

// makeVersion combines a document's update time with its field names, which replaceUpdates needs.
func makeVersion(t time.Time, fields vault.Fields) vault.Version {
	names := slices.Sorted(maps.Keys(fields))
	return vault.Version(strings.Join(append([]string{t.UTC().Format(time.RFC3339Nano)}, names...), " "))
}

func parseVersion(v vault.Version) (time.Time, []string) {
	all := strings.Split(string(v), " ")
	t, _ := time.Parse(time.RFC3339Nano, all[0]) // written by makeVersion
	return t, all[1:]
}
