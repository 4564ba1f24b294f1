package compare

import (
	"slices"

	"github.com/contend-go/contend/bench/sample"
)

// In a fleet the machine is what is drawn at random, not the block: blocks of one
// machine share its level and its likes, and a change that one machine shows for sure
// need not hold for its kind. So each machine is one pair, or one value: the median
// over its blocks.

// kindsOf are the kinds of machines that a side's samples are of, and how many
// machines; none outside a fleet.
func kindsOf(side Side) (kinds []string, machines int) {
	nodes := map[string]bool{}
	var last *sample.Run
	for _, smp := range side.Set.Samples {
		if smp.Run == last {
			continue
		}
		last = smp.Run
		k := smp.Run.Kind()
		if k == "" {
			continue
		}
		nodes[smp.Run.Machine()] = true
		if !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	return kinds, len(nodes)
}

// named is a cell's name with its kind of machine: kinds are compared each with
// itself.
func named(n *sample.Name, kind string) *sample.Name {
	if kind == "" {
		return n
	}
	return n.With(sample.KindKey, kind)
}

// fleetOf reports whether the samples are of several machines of a fleet.
func fleetOf(samples []*sample.Sample) bool {
	return slices.ContainsFunc(samples, func(s *sample.Sample) bool {
		return s.Run.Machine() != "" && s.Run.Machine() != samples[0].Run.Machine()
	})
}

// machinePairs makes one pair of each machine's pairs: its median old value, and that
// moved by the median change of its blocks.
func machinePairs(old, new []float64, blocks []blockKey) ([]float64, []float64, []blockKey) {
	var machines []string
	at := map[string][]int{}
	for i, b := range blocks {
		if at[b.machine] == nil {
			machines = append(machines, b.machine)
		}
		at[b.machine] = append(at[b.machine], i)
	}
	positive := slices.Min(old) > 0 && slices.Min(new) > 0
	var olds, news []float64
	var keys []blockKey
	for _, m := range machines {
		var values, changes []float64
		for _, i := range at[m] {
			values = append(values, old[i])
			if positive {
				changes = append(changes, new[i]/old[i])
			} else {
				changes = append(changes, new[i]-old[i])
			}
		}
		o, c := median(values), median(changes)
		n := o + c
		if positive {
			n = o * c
		}
		olds, news, keys = append(olds, o), append(news, n), append(keys, blockKey{machine: m})
	}
	return olds, news, keys
}

// machineValues are the medians of each machine's values.
func machineValues(c *cell, unit string) (medians []float64) {
	var machines []string
	by := map[string][]float64{}
	for _, s := range c.samples {
		if v, ok := s.Value(unit); ok {
			m := s.Run.Machine()
			if by[m] == nil {
				machines = append(machines, m)
			}
			by[m] = append(by[m], v)
		}
	}
	for _, m := range machines {
		medians = append(medians, median(by[m]))
	}
	return medians
}
