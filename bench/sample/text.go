package sample

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// MapNames gives each sample the name that to makes of it. The function is asked
// once for all samples that share what it may look at, Shared and Variant, and
// may return the name that the sample has.
func (s *Set) MapNames(to func(*Sample) *Name) {
	type kind struct {
		shared  *Shared
		variant string
	}
	made := map[kind]*Shared{}
	names := map[string]*Name{}
	for _, smp := range s.Samples {
		k := kind{smp.Shared, smp.Variant}
		shared, ok := made[k]
		if !ok {
			shared = smp.Shared
			if n := to(smp); n != shared.Name {
				copied := *shared
				copied.Name = unique(names, n)
				shared = &copied
			}
			made[k] = shared
		}
		smp.Shared = shared
	}
}

// unique is the first of the names that are equal to n.
func unique(names map[string]*Name, n *Name) *Name {
	text := n.String()
	if _, ok := names[text]; !ok {
		names[text] = n
	}
	return names[text]
}

// Lift makes keys of the names out of what stands beside them, so that samples
// which differ in it are told apart: the configuration key of that name, or
// the pseudo-keys "file" (the file or run folder), "node" and "variant". A key that no
// sample has is an error.
func (s *Set) Lift(keys ...string) error {
	for _, key := range keys {
		any := false
		value := s.lifter(key)
		s.MapNames(func(smp *Sample) *Name {
			v := value(smp)
			if v == "" {
				return smp.Name
			}
			any = true
			return smp.Name.With(key, v)
		})
		if any && !slices.Contains(s.Lifted, key) {
			s.Lifted = append(s.Lifted, key)
		}
		if !any {
			return fmt.Errorf("no sample has a configuration key %q; there are file, node, machine-kind, variant, %s", key, strings.Join(s.configKeys(), ", "))
		}
	}
	return nil
}

// lifter gives each sample's value of the key, fit for a name.
func (s *Set) lifter(key string) func(*Sample) string {
	switch key {
	case "file":
		labels := s.fileLabels()
		return func(smp *Sample) string { return labels[smp.File] }
	case "variant":
		return func(smp *Sample) string { return word(smp.Variant) }
	case NodeKey:
		return func(smp *Sample) string { return word(smp.Run.Node()) }
	case KindKey:
		return func(smp *Sample) string { return word(smp.Run.Kind()) }
	}
	return func(smp *Sample) string { return word(smp.Config[key]) }
}

// word makes a value fit for a benchmark name: without spaces and slashes.
func word(v string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '/' || r == '=' {
			return '_'
		}
		return r
	}, v)
}

// fileLabels are the shortest names that tell the files apart: base names, or
// whole paths where these are not enough. A run folder stands for its file.
func (s *Set) fileLabels() map[string]string {
	labels, count := map[string]string{}, map[string]int{}
	for _, smp := range s.Samples {
		if _, ok := labels[smp.File]; !ok {
			path := smp.File
			if filepath.Base(path) == FileName {
				path = filepath.Dir(path)
			}
			label := word(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)))
			labels[smp.File] = label
			count[label]++
		}
	}
	for file, label := range labels {
		if count[label] > 1 {
			labels[file] = word(file)
		}
	}
	return labels
}

func (s *Set) configKeys() []string {
	keys := map[string]bool{}
	var last map[string]string
	for _, smp := range s.Samples {
		if !sameMap(smp.Config, last) {
			last = smp.Config
			for k := range last {
				keys[k] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// WriteText prints the set as one text of this format that other readers
// understand as this one does: every name in its canonical form, a literal
// gomaxprocs last and no -N suffix, values to their last digit. The records of
// a run that no sample needs (promises, boundaries) are left out.
func (s *Set) WriteText(w io.Writer) error {
	t := &textWriter{Writer: bufio.NewWriter(w)}
	for _, unit := range slices.Sorted(maps.Keys(s.Better)) {
		fmt.Fprintf(t, "Unit %s better=%s\n", unit, s.Better[unit])
	}
	for _, smp := range s.Samples {
		t.sample(smp)
	}
	return t.Flush()
}

type textWriter struct {
	*bufio.Writer // keeps the first error
	config        map[string]string
	run           *Run
}

func (t *textWriter) sample(s *Sample) {
	t.configure(s.Config)
	if s.Run != t.run {
		r := Record{Verb: "run"} // one without fields ends the run before it
		if s.Run != nil {
			r.Fields = s.Run.Fields
		}
		fmt.Fprintln(t, r)
		t.run = s.Run
	}
	line := s.Name.last(GOMAXPROCS).String() + " " + strconv.Itoa(s.Iters)
	for i, v := range s.Values {
		line += " " + exact(v) + " " + s.Units[i]
	}
	if s.Cell == "" && s.Invalid == "" && len(s.Warnings) == 0 {
		fmt.Fprintln(t, line)
		return
	}
	if s.Cell == "" && s.Block < 0 && s.Invalid == "" { // not ours: no identity to write
		for _, w := range s.Warnings {
			fmt.Fprintln(t, Record{Verb: "warn", Fields: []Field{{"text", w}}})
		}
		fmt.Fprintln(t, line)
		return
	}
	Entry{*s.Identity, line}.format(t, false)
}

// configure prints what differs from the configuration in force. A key without
// a value takes it away.
func (t *textWriter) configure(config map[string]string) {
	if sameMap(config, t.config) {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(t.config)) {
		if _, ok := config[k]; !ok {
			fmt.Fprintf(t, "%s:\n", k)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(config)) {
		if old, ok := t.config[k]; !ok || old != config[k] {
			fmt.Fprintf(t, "%s: %s\n", k, config[k])
		}
	}
	t.config = config
}

// sameMap tells quickly whether two samples share their configuration.
func sameMap(a, b map[string]string) bool {
	return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer() && len(a) == len(b)
}

// exact prints all digits of a number, in the form that people write it in.
func exact(x float64) string {
	s := strconv.FormatFloat(x, 'f', -1, 64)
	if len(s) > 24 {
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return s
}
