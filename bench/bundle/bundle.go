// Package bundle packs a sweep into one archive that runs on a host without Go
// and without a clone, and packs the run folder that it leaves there.
//
// An archive NAME.tar.gz holds one folder:
//
//	NAME/run.sh        starts it: sh NAME/run.sh [flags]
//	NAME/contend       this executable
//	NAME/bundle.json   the command line
//	NAME/…             what the command reads: test binaries, their files, traces
package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/contend-go/contend/bench/whole"
)

// Here stands in arguments for the bundle's folder.
const Here = "${BUNDLE}"

// Bundle is what an archive holds.
type Bundle struct {
	Args []string // of contend; paths into the bundle begin with Here
	// Files are files and folders of this host, by their path in the bundle,
	// with forward slashes. Of folders all that is below is packed.
	Files map[string]string
	Texts map[string][]byte // further files, by their path
	// Program is the contend to pack: a build for the other host's platform, or
	// this executable if it is empty.
	Program string
}

const (
	description = "bundle.json"
	program     = "contend"
	starter     = "run.sh"
)

const startScript = `#!/bin/sh
# Measures here, and leaves the run folder and, beside it, all of it in one file.
here=$(dirname "$0")
exec "$here/contend" run "$here" "$@"
`

// Write makes the archive file. It refuses an executable that needs libraries
// of the host.
func Write(file string, b Bundle) error {
	exe, err := b.executable()
	if err != nil {
		return err
	}
	if library := Interpreter(exe); library != "" {
		return fmt.Errorf("this contend needs %s on the host: build it with CGO_ENABLED=0 to pack it", library)
	}
	text, err := json.MarshalIndent(b.Args, "", " ")
	if err != nil {
		return err
	}
	root := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(file), ".gz"), ".tar")
	return write(file, func(a *archive) error {
		if err := a.text(path.Join(root, starter), []byte(startScript), 0o755); err != nil {
			return err
		}
		if err := a.text(path.Join(root, description), text, 0o644); err != nil {
			return err
		}
		if err := a.add(exe, path.Join(root, program)); err != nil {
			return err
		}
		for _, name := range sorted(b.Texts) {
			if err := a.text(path.Join(root, name), b.Texts[name], 0o644); err != nil {
				return err
			}
		}
		for _, name := range sorted(b.Files) {
			if err := a.add(b.Files[name], path.Join(root, name)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *Bundle) executable() (string, error) {
	if b.Program != "" {
		return b.Program, nil
	}
	return os.Executable()
}

// Platform is what a Go program was built for, such as "linux/arm64".
func Platform(exe string) (string, error) {
	info, err := buildinfo.ReadFile(exe)
	if err != nil {
		return "", fmt.Errorf("%s: no Go program: %w", exe, err)
	}
	var goos, goarch string
	for _, s := range info.Settings {
		switch s.Key {
		case "GOOS":
			goos = s.Value
		case "GOARCH":
			goarch = s.Value
		}
	}
	return goos + "/" + goarch, nil
}

// sorted is the names, so that equal bundles are equal files.
func sorted[V any](m map[string]V) []string {
	var names []string
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Args is the command line of the unpacked bundle in dir.
func Args(dir string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, description))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no unpacked bundle: it has no %s", dir, description)
	}
	if err != nil {
		return nil, err
	}
	var args []string
	if err := json.Unmarshal(text, &args); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, description), err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, Here, dir)
	}
	return args, nil
}

// PackRun puts a run folder into one archive file, without the folders named in
// leave.
func PackRun(file, dir string, leave ...string) error {
	return write(file, func(a *archive) error {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		root := filepath.Base(dir)
		for _, e := range entries {
			if slices.Contains(leave, e.Name()) || strings.HasPrefix(e.Name(), ".") {
				continue
			}
			if err := a.add(filepath.Join(dir, e.Name()), path.Join(root, e.Name())); err != nil {
				return err
			}
		}
		return nil
	})
}

// Unpack unpacks an archive into a folder, as tar does, and returns the bundle's
// folder in it.
func Unpack(archive, dir string) (string, error) {
	f, err := os.Open(archive)
	if err != nil {
		return "", err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return "", fmt.Errorf("%s: %w", archive, err)
	}
	root := ""
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return filepath.Join(dir, root), nil
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", archive, err)
		}
		if !filepath.IsLocal(filepath.FromSlash(h.Name)) {
			return "", fmt.Errorf("%s: holds %q, which lies outside", archive, h.Name)
		}
		root, _, _ = strings.Cut(h.Name, "/")
		to := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(to, 0o755)
		} else {
			err = errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), whole.Write(to, func(w io.Writer) error {
				_, err := io.Copy(w, r)
				return err
			}), os.Chmod(to, fs.FileMode(h.Mode)&0o777))
		}
		if err != nil {
			return "", err
		}
	}
}

// Interpreter is the dynamic loader that an executable asks for; empty if it is
// static, or no ELF file.
func Interpreter(exe string) string {
	f, err := elf.Open(exe)
	if err != nil {
		return ""
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			text, _ := io.ReadAll(p.Open())
			return string(bytes.TrimRight(text, "\x00"))
		}
	}
	return ""
}

// archive is a compressed tar file in the making.
type archive struct{ *tar.Writer }

// write makes the archive whole or not at all.
func write(file string, fill func(*archive) error) error {
	return whole.Write(file, func(w io.Writer) error {
		z := gzip.NewWriter(w)
		t := tar.NewWriter(z)
		return errors.Join(fill(&archive{t}), t.Close(), z.Close())
	})
}

func (a *archive) text(name string, text []byte, mode int64) error {
	if err := a.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(text))}); err != nil {
		return err
	}
	_, err := a.Write(text)
	return err
}

// add packs a file, or all that is below a folder. What links point to is
// packed in their place.
func (a *archive) add(from, name string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		if err := a.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755}); err != nil {
			return err
		}
		entries, err := os.ReadDir(from)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := a.add(filepath.Join(from, e.Name()), path.Join(name, e.Name())); err != nil {
				return err
			}
		}
		return nil
	}
	if !info.Mode().IsRegular() {
		return nil // a socket or device holds nothing to pack
	}
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := a.WriteHeader(&tar.Header{Name: name, Mode: int64(info.Mode().Perm() | 0o600), Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return err
	}
	_, err = io.Copy(a, f)
	return err
}
