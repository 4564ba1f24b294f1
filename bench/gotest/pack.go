package gotest

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// SuiteFile is the name of a packed suite.
const SuiteFile = "suite.json"

// Pack says what a suite needs on another host: a copy of it whose paths are
// relative, as text to be stored in SuiteFile, and the files that they name.
// Packed are the test binaries and, at their places below the module's root,
// the files of each package's folder with its testdata, and what include names
// (paths below the module's root).
func (s *Suite) Pack(include []string) (text []byte, files map[string]string, err error) {
	files = map[string]string{}
	packed := &Suite{Bench: s.Bench, Against: s.Against, Head: s.Head}
	for i, p := range s.Programs {
		q := *p
		q.Path = fmt.Sprintf("tests/%d-%s", i, filepath.Base(p.Path))
		files[q.Path] = p.Path
		root := path.Join("source", p.Variant)
		below, err := filepath.Rel(p.Root, p.Dir)
		if err != nil {
			return nil, nil, err
		}
		q.Dir, q.Root = path.Join(root, filepath.ToSlash(below)), root
		if err := addFolder(files, q.Dir, p.Dir); err != nil {
			return nil, nil, err
		}
		for _, name := range include {
			if !filepath.IsLocal(name) {
				return nil, nil, fmt.Errorf("--include %s: name a file or folder below %s", name, p.Root)
			}
			from := filepath.Join(p.Root, name)
			if _, err := os.Stat(from); err != nil {
				return nil, nil, fmt.Errorf("--include: %w", err)
			}
			files[path.Join(root, filepath.ToSlash(name))] = from
		}
		packed.Programs = append(packed.Programs, &q)
	}
	text, err = json.MarshalIndent(packed, "", " ")
	return text, files, err
}

// addFolder adds a package's folder: its files and its testdata. Other folders
// are packages of their own.
func addFolder(files map[string]string, name, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(dir, e.Name()))
		if err != nil || strings.HasPrefix(e.Name(), ".") {
			continue // a link to nowhere
		}
		if info.Mode().IsRegular() || e.Name() == "testdata" {
			files[path.Join(name, e.Name())] = filepath.Join(dir, e.Name())
		}
	}
	return nil
}

// Load reads a packed suite.
func Load(file string) (*Suite, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s := new(Suite)
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("%s: no packed suite: %w", file, err)
	}
	root, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	for _, p := range s.Programs {
		for _, at := range []*string{&p.Path, &p.Dir, &p.Root} {
			*at = filepath.Join(root, filepath.FromSlash(*at))
		}
	}
	if len(s.Programs) == 0 {
		return nil, fmt.Errorf("%s: no packed suite: it has no programs", file)
	}
	return s, nil
}
