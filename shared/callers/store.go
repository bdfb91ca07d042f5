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

// maxFile is the most that the file may be, in bytes.
const maxFile = 1 << 20

// Store is where the file of callers is.
type Store interface {
	// Read gives the text and its version; NotFound when there is no file.
	Read(ctx context.Context) (text []byte, version string, err error)
	// Write puts a text in the place of a version ("": there is no file yet);
	// Conflict when that is not the latest any more.
	Write(ctx context.Context, text []byte, version string) error
}

var object = regexp.MustCompile(`^gs://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])/([^\x00-\x1f]{1,200})$`)

// CheckLocation says what is wrong with the value of CALLERS, or nil. It is
// gs://BUCKET/OBJECT, or the absolute path of a file.
func CheckLocation(location string) error {
	if !object.MatchString(location) && !filepath.IsAbs(location) {
		return errors.New("must be gs://BUCKET/OBJECT, or the absolute path of a file")
	}
	return nil
}

// OpenStore is the store at a location that CheckLocation accepts. The options
// are those of Google's clients; without any it is Google's own service, with the
// credentials of where this runs.
func OpenStore(ctx context.Context, location string, options ...option.ClientOption) (Store, error) {
	if err := CheckLocation(location); err != nil {
		return nil, &fault.Error{Op: "callers.OpenStore", Kind: fault.Invalid, Err: fmt.Errorf("CALLERS %w", err)}
	}
	m := object.FindStringSubmatch(location)
	if m == nil {
		return &path{name: location}, nil
	}
	// Address and universe are pinned: no variable of the environment sends our
	// credentials, or the question who may call, to another host.
	pinned := []option.ClientOption{option.WithEndpoint(storageAt), option.WithUniverseDomain("googleapis.com"), option.WithScopes(storage.DevstorageReadWriteScope)}
	api, err := storage.NewService(ctx, append(pinned, options...)...)
	if err != nil {
		return nil, &fault.Error{Op: "callers.OpenStore", Kind: fault.Unavailable, Err: err}
	}
	return &bucket{api, m[1], m[2]}, nil
}

const storageAt = "https://storage.googleapis.com/storage/v1/"

// bucket is an object of Cloud Storage. Its generation is the version: reads are
// strongly consistent.
type bucket struct {
	api          *storage.Service
	name, object string
}

var storageTries = googlecall.Policy{Tries: 3, Each: 3 * time.Second}

// Read implements Store.
func (b *bucket) Read(ctx context.Context) (text []byte, version string, err error) {
	err = storageTries.Do(ctx, googlecall.Later, func(ctx context.Context) error {
		res, err := b.api.Objects.Get(b.name, b.object).Context(ctx).Download()
		if err != nil {
			return err
		}
		defer func() { _ = res.Body.Close() }()
		version = res.Header.Get("X-Goog-Generation")
		text, err = readAll(res.Body)
		return err
	})
	if err == nil && version == "" {
		err = errors.New("an answer without a generation")
	}
	return text, version, storageAPI.Fault("storage.objects.get", err)
}

// Write implements Store.
func (b *bucket) Write(ctx context.Context, text []byte, version string) error {
	generation := int64(0) // there is no object
	if version != "" {
		var err error
		if generation, err = strconv.ParseInt(version, 10, 64); err != nil {
			return fault.Wrap("callers.Write", err)
		}
	}
	err := storageTries.Do(ctx, googlecall.Later, func(ctx context.Context) error {
		_, err := b.api.Objects.Insert(b.name, &storage.Object{Name: b.object, ContentType: "application/yaml"}).
			IfGenerationMatch(generation).Media(bytes.NewReader(text), googleapi.ChunkSize(0)).Context(ctx).Do()
		return err
	})
	return storageAPI.Fault("storage.objects.insert", err)
}

func readAll(from io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = errors.New("the file of callers is larger than 1 MiB")
	}
	return text, err
}

// storageAPI fails for the operator to see.
var storageAPI = googlecall.API{Silent: words.ErrorCallersUnavailable, Exists: words.ErrorCallersUnavailable, Missing: words.ErrorCallersUnavailable, Operator: true}

// path is a file of this machine. Its version is its content.
type path struct {
	mu   sync.Mutex
	name string
}

// Read implements Store.
func (p *path) Read(context.Context) ([]byte, string, error) {
	file, err := os.Open(p.name)
	if err != nil {
		kind := fault.Unavailable
		if errors.Is(err, os.ErrNotExist) {
			kind = fault.NotFound
		}
		return nil, "", &fault.Error{Op: "callers.Read", Kind: kind, Public: words.ErrorCallersUnavailable, Err: err}
	}
	defer func() { _ = file.Close() }()
	text, err := readAll(file)
	if err != nil {
		return nil, "", &fault.Error{Op: "callers.Read", Kind: fault.Unavailable, Public: words.ErrorCallersUnavailable, Err: err}
	}
	return text, "=" + string(text), nil
}

// Write implements Store. Another program that writes at the same moment is not
// noticed: the file of one machine has one operator.
func (p *path) Write(ctx context.Context, text []byte, version string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, now, err := p.Read(ctx)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	if now != version {
		return &fault.Error{Op: "callers.Write", Kind: fault.Conflict, Err: errors.New("the file has changed")}
	}
	next, err := os.CreateTemp(filepath.Dir(p.name), "."+filepath.Base(p.name)+"-*")
	if err == nil {
		_, err = next.Write(text)
		err = errors.Join(err, next.Chmod(0o600), next.Close())
	}
	if err == nil {
		err = os.Rename(next.Name(), p.name)
	}
	if err != nil {
		return &fault.Error{Op: "callers.Write", Kind: fault.Unavailable, Err: errors.New(strings.TrimSpace(err.Error()))}
	}
	return nil
}
