package record

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/sample"
)

// errBudget is what a write beyond the budget returns.
var errBudget = errors.New("limit of bytes on disk reached")

// budget bounds the bytes that all files of one probe may take. Traces are
// asked to end when nearly is closed; what is left then holds what the runtime
// still has in its buffers.
type budget struct {
	nearly chan struct{}

	mu      sync.Mutex
	left    int64 // guarded by mu
	reserve int64 // guarded by mu; 0 once nearly is closed
}

func newBudget(bytes int64) *budget {
	return &budget{nearly: make(chan struct{}), left: bytes, reserve: max(bytes/4, 1)}
}

// take reports whether n more bytes may be written.
func (b *budget) take(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reserve > 0 && b.left-int64(n) < b.reserve {
		b.reserve = 0
		close(b.nearly)
	}
	if int64(n) > b.left {
		return false
	}
	b.left -= int64(n)
	return true
}

// output is one file in the making: it grows under its partial name.
type output struct {
	f      *os.File
	buf    *bufio.Writer // before f; nil where every write goes to the file
	dir    string        // run folder
	name   string        // final path below dir, with forward slashes
	kind   string        // of the attachment
	budget *budget
	err    error // first failure; nothing is written after it
}

func create(dir, name, kind string, b *budget) (*output, error) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	f, err := os.Create(path + bench.Partial)
	if err != nil {
		return nil, err
	}
	return &output{f: f, dir: dir, name: name, kind: kind, budget: b}, nil
}

// Write implements io.Writer. It writes all of p or, with an error, a part.
func (o *output) Write(p []byte) (int, error) {
	if o.err == nil && !o.budget.take(len(p)) {
		o.err = errBudget
	}
	if o.err != nil {
		return 0, o.err
	}
	var n int
	if o.buf != nil {
		n, o.err = o.buf.Write(p)
	} else {
		n, o.err = o.f.Write(p)
	}
	return n, o.err
}

// buffer keeps so many bytes in memory until flush: what a crash before it loses.
func (o *output) buffer(bytes int) { o.buf = bufio.NewWriterSize(o.f, bytes) }

func (o *output) flush() {
	if o.buf != nil && o.err == nil {
		o.err = o.buf.Flush()
	}
}

// discard removes a file that was not needed.
func (o *output) discard() error { return errors.Join(o.f.Close(), os.Remove(o.f.Name())) }

// finish gives the file its name and returns it as an attachment.
func (o *output) finish() (sample.Attachment, error) {
	err := o.f.Close()
	path := filepath.Join(o.dir, filepath.FromSlash(o.name))
	if err == nil {
		err = os.Rename(path+bench.Partial, path)
	}
	if err != nil {
		return sample.Attachment{}, err
	}
	sum, err := bench.HashFile(path)
	return sample.Attachment{Kind: o.kind, Path: o.name, SHA256: sum}, err
}
