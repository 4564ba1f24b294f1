package claims

import (
	"fmt"
	"maps"
	"strings"

	"github.com/contend-go/contend/bench/sample"
)

// Aliases says what backends of other programs are called here: from the name
// to the keys that it stands for.
type Aliases map[string][]sample.Field

// StudyAliases are the names in the study's own benchmark. Its laptop run,
// which is the one it published as text, was taken while every item expired
// after 1 ms: that is workload expire. Its write rows made no update and had no
// prefill: they are no workload of ours.
var StudyAliases = Aliases{
	"MutexRead":      {{Key: "backend", Value: "mutexlru"}, {Key: "workload", Value: "expire"}},
	"OtterRead":      {{Key: "backend", Value: "otter1"}, {Key: "workload", Value: "expire"}},
	"WorkerPoolRead": {{Key: "backend", Value: "workerpool"}, {Key: "workload", Value: "expire"}},
}

// With returns the aliases and those given as "NAME=key=value,key=value", which
// go before them.
func (a Aliases) With(texts ...string) (Aliases, error) {
	all := maps.Clone(a)
	for _, t := range texts {
		name, keys, _ := strings.Cut(t, "=")
		var fields []sample.Field
		for _, kv := range strings.Split(keys, ",") {
			k, v, ok := strings.Cut(kv, "=")
			if !ok || k == "" || v == "" || name == "" {
				return nil, fmt.Errorf("--alias: %q; write it as MutexRead=backend=mutexlru,workload=walk", t)
			}
			fields = append(fields, sample.Field{Key: k, Value: v})
		}
		all[name] = fields
	}
	return all, nil
}

// Apply renames the samples whose backend is an alias.
func (a Aliases) Apply(set *sample.Set) {
	set.MapNames(func(s *sample.Sample) *sample.Name {
		to := s.Name
		backend, _ := s.Name.Get("backend")
		for _, f := range a[backend] {
			to = to.With(f.Key, f.Value)
		}
		return to
	})
}
