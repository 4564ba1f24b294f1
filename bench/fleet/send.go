package fleet

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Send writes what attempts left below a shard's folder as a compressed tar file, by
// their paths in it: ATTEMPT/samples.txt and so on, done.json last.
func Send(w io.Writer, shard string) error {
	entries, err := os.ReadDir(shard)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		dir := filepath.Join(shard, e.Name())
		for _, p := range append(deliverable(dir), DoneName) {
			if err := add(t, filepath.Join(dir, p), path.Join(e.Name(), filepath.ToSlash(p))); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return errors.Join(t.Close(), z.Close())
}

// add appends a file as it is now: it may grow meanwhile.
func add(t *tar.Writer, file, name string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
		return err
	}
	_, err = t.Write(text)
	return err
}

// unpack unpacks what Send wrote into a shard's folder of deliveries. An attempt
// takes the place of what was delivered of it before, once all of it is there.
func unpack(r io.Reader, shard string) error {
	if err := os.MkdirAll(shard, 0o755); err != nil {
		return err
	}
	part, err := os.MkdirTemp(shard, ".part-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(part)
	z, err := gzip.NewReader(r)
	if err != nil {
		return fmt.Errorf("the delivery is cut short: %w", err)
	}
	t := tar.NewReader(z)
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("the delivery is cut short: %w", err)
		}
		name := filepath.FromSlash(h.Name)
		if !filepath.IsLocal(name) || h.Typeflag != tar.TypeReg {
			return fmt.Errorf("the delivery holds %q, which is no file below its folder", h.Name)
		}
		if err := receive(t, filepath.Join(part, name)); err != nil {
			return fmt.Errorf("the delivery is cut short: %w", err)
		}
	}
	if _, err := io.Copy(io.Discard, z); err != nil { // its checksum
		return fmt.Errorf("the delivery is damaged: %w", err)
	}
	attempts, err := os.ReadDir(part)
	if err != nil {
		return err
	}
	for _, a := range attempts {
		to := filepath.Join(shard, a.Name())
		if err := os.RemoveAll(to); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(part, a.Name()), to); err != nil {
			return err
		}
	}
	return nil
}

func receive(r io.Reader, file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// A delivery that travels as text, in the log of a container, stands between two
// lines, the second with its checksum: logs are cut without a word.
const (
	envelopeBegin = "-----BEGIN CONTEND DELIVERY "
	envelopeEnd   = "-----END CONTEND DELIVERY "
	// envelopeMost keeps a delivery in the 10 MB that a kubelet keeps of a log before it
	// begins another file, of which only the last is shown.
	envelopeMost = 6 << 20
)

// Print writes an attempt's delivery as text. Attachments stay behind where all of it
// would not fit into the log: done.json says which.
func Print(w io.Writer, dir string) error {
	text, err := packed(dir, nil)
	if err == nil && len(text) > envelopeMost {
		text, err = packed(dir, func(name string) bool { return strings.Contains(name, string(filepath.Separator)) })
	}
	if err != nil {
		return err
	}
	if len(text) > envelopeMost {
		return fmt.Errorf("the delivery is %d bytes and does not fit into a log of %d: plan fewer cells or repetitions for one machine", len(text), envelopeMost)
	}
	sum := sha256.Sum256(text)
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "\n%s%s-----\n", envelopeBegin, filepath.Base(dir))
	for line := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(text)), 76) {
		fmt.Fprintf(out, "%s\n", line)
	}
	fmt.Fprintf(out, "%s%s-----\n", envelopeEnd, hex.EncodeToString(sum[:]))
	return out.Flush()
}

// packed is Send of one attempt, without the files that leave names.
func packed(dir string, leave func(name string) bool) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	for _, p := range append(deliverable(dir), DoneName) {
		if leave != nil && leave(p) {
			continue
		}
		if err := add(t, filepath.Join(dir, p), path.Join(filepath.Base(dir), filepath.ToSlash(p))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	err := errors.Join(t.Close(), z.Close())
	return b.Bytes(), err
}

// extract finds the delivery in a log. ok is false where there is none; err says that
// one is cut short.
func extract(log []byte) (delivery []byte, ok bool, err error) {
	begin := bytes.LastIndex(log, []byte("\n"+envelopeBegin))
	if begin < 0 {
		return nil, false, nil
	}
	text := log[begin+1:]
	end := bytes.Index(text, []byte("\n"+envelopeEnd))
	if end < 0 {
		return nil, true, errors.New("the log ends within the delivery")
	}
	_, body, _ := bytes.Cut(text[:end], []byte("\n"))
	last, _, _ := bytes.Cut(text[end+1:], []byte("\n"))
	want := strings.TrimSuffix(strings.TrimPrefix(string(bytes.TrimSpace(last)), envelopeEnd), "-----")
	delivery, err = base64.StdEncoding.DecodeString(string(bytes.ReplaceAll(bytes.ReplaceAll(body, []byte("\n"), nil), []byte("\r"), nil)))
	if err != nil {
		return nil, true, fmt.Errorf("the delivery in the log is damaged: %w", err)
	}
	if sum := sha256.Sum256(delivery); hex.EncodeToString(sum[:]) != want {
		return nil, true, errors.New("the delivery in the log is not what was sent: part of the log is lost")
	}
	return delivery, true, nil
}
