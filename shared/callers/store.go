package callers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	storage "google.golang.org/api/storage/v1"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/words"
)

// maxFile is the maximum size of the file in bytes.
const maxFile = 1 << 20

// Store stores the callers file.
type Store interface {
	// Read returns the text and its version. It fails with NotFound if there is no file.
	Read(ctx context.Context) (text []byte, version string, err error)
	// Write replaces a version of the file, or creates the file if version is "". It
	// fails with Conflict if version is not the current one.
	Write(ctx context.Context, text []byte, version string) error
}

var objectURL = regexp.MustCompile(`^gs://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])/([^\x00-\x1f]{1,200})$`)

// CheckLocation returns an error if location is neither gs://BUCKET/OBJECT nor an absolute file path.
func CheckLocation(location string) error {
	if !objectURL.MatchString(location) && !filepath.IsAbs(location) {
		return errors.New("must be gs://BUCKET/OBJECT or an absolute file path")
	}
	return nil
}

// OpenStore returns the Store at a location that CheckLocation accepts. Without options
// it uses Google's service and the application default credentials.
func OpenStore(ctx context.Context, location string, options ...option.ClientOption) (Store, error) {
	if err := CheckLocation(location); err != nil {
		return nil, &fault.Error{Op: "callers.OpenStore", Kind: fault.Invalid, Err: fmt.Errorf("CALLERS %w", err)}
	}
	m := objectURL.FindStringSubmatch(location)
	if m == nil {
		return &fileStore{path: location}, nil
	}
	scopes := []string{storage.DevstorageReadWriteScope}
	options, err := googlecall.OwnOptions(storageEndpoint, scopes, options...)
	if err != nil {
		return nil, fault.Wrap("callers.OpenStore", err)
	}
	api, err := storage.NewService(ctx, options...)
	if err != nil {
		return nil, &fault.Error{Op: "callers.OpenStore", Kind: fault.Unavailable, Err: err}
	}
	return &objectStore{api, m[1], m[2]}, nil
}

const storageEndpoint = "https://storage.googleapis.com/storage/v1/"

// objectStore is a Cloud Storage object. Its generation is the version.
type objectStore struct {
	api            *storage.Service
	bucket, object string
}

var storageRetry = googlecall.Policy{Attempts: 3, AttemptTimeout: 3 * time.Second}

// Read implements Store.
func (s *objectStore) Read(ctx context.Context) (text []byte, version string, err error) {
	err = storageRetry.Do(ctx, googlecall.RetryDelay, func(ctx context.Context) error {
		res, err := s.api.Objects.Get(s.bucket, s.object).Context(ctx).Download()
		if err != nil {
			return err
		}
		defer func() { _ = res.Body.Close() }()
		version = res.Header.Get("X-Goog-Generation")
		text, err = readAll(res.Body)
		return err
	})
	if err == nil && version == "" {
		err = errors.New("response without X-Goog-Generation")
	}
	return text, version, storageTexts.Fault("storage.objects.get", err)
}

// Write implements Store.
func (s *objectStore) Write(ctx context.Context, text []byte, version string) error {
	generation := int64(0) // the object must not exist
	if version != "" {
		var err error
		if generation, err = strconv.ParseInt(version, 10, 64); err != nil {
			return fault.Wrap("callers.Write", err)
		}
	}
	err := storageRetry.Do(ctx, googlecall.RetryDelay, func(ctx context.Context) error {
		_, err := s.api.Objects.Insert(s.bucket, &storage.Object{Name: s.object, ContentType: "application/yaml"}).
			IfGenerationMatch(generation).Media(bytes.NewReader(text), googleapi.ChunkSize(0)).Context(ctx).Do()
		return err
	})
	return storageTexts.Fault("storage.objects.insert", err)
}

func readAll(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = errors.New("callers file is larger than 1 MiB")
	}
	return text, err
}

// storageTexts returns errors with details for the operator.
var storageTexts = googlecall.ErrorTexts{
	NoResponse: words.ErrorCallersUnavailable, Conflict: words.ErrorCallersUnavailable,
	NotFound: words.ErrorCallersUnavailable, OwnCredentials: true,
}

// fileStore is a local file. Its content is the version.
type fileStore struct {
	mu   sync.Mutex
	path string
}

// Read implements Store.
func (s *fileStore) Read(context.Context) ([]byte, string, error) {
	var text []byte
	file, err := os.Open(s.path)
	if err == nil {
		defer func() { _ = file.Close() }()
		text, err = readAll(file)
	}
	if err != nil {
		kind := fault.Unavailable
		if errors.Is(err, os.ErrNotExist) {
			kind = fault.NotFound
		}
		return nil, "", &fault.Error{Op: "callers.Read", Kind: kind, Public: words.ErrorCallersUnavailable, Err: err}
	}
	return text, "=" + string(text), nil
}

// Write implements Store. It does not detect a concurrent write of another process: a local file has one operator.
func (s *fileStore) Write(ctx context.Context, text []byte, version string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, current, err := s.Read(ctx)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	if current != version {
		return &fault.Error{Op: "callers.Write", Kind: fault.Conflict, Err: errors.New("callers file has changed")}
	}
	temp, err := os.CreateTemp(filepath.Dir(s.path), "."+filepath.Base(s.path)+"-*")
	if err == nil {
		defer func() { _ = os.Remove(temp.Name()) }() // does nothing after the rename
		_, err = temp.Write(text)
		err = errors.Join(err, temp.Chmod(0o600), temp.Close())
	}
	if err == nil {
		err = os.Rename(temp.Name(), s.path)
	}
	if err != nil {
		err = errors.New(strings.TrimSpace(err.Error()))
		return &fault.Error{Op: "callers.Write", Kind: fault.Unavailable, Err: err}
	}
	return nil
}
