package host

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxCPU bounds CPU numbers: the kernel's largest NR_CPUS (x86 with
// CONFIG_MAXSMP). It keeps a garbled list from asking for gigabytes.
const maxCPU = 8192

// parseList reads the kernel's list of CPUs, as in "0-3,8-11" or, with
// strides, "0-31:2/4" (groups of 4 of which the first 2 are meant): rising,
// without duplicates. Empty text is an empty list.
func parseList(s string) ([]int, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, nil
	}
	var cpus []int
	for part := range strings.SplitSeq(s, ",") {
		span, stride, strided := strings.Cut(part, ":")
		from, to, ranged := strings.Cut(span, "-")
		if !ranged {
			to = from
		}
		used, group := "1", "1"
		if strided {
			used, group, _ = strings.Cut(stride, "/")
		}
		var n [4]int
		for i, text := range []string{from, to, used, group} {
			v, err := strconv.ParseUint(text, 10, 16)
			if err != nil || v >= maxCPU {
				return nil, fmt.Errorf("CPU list %q: %q is not a list of CPU numbers below %d, like 0-3,8-11", clean(s), clean(part), maxCPU)
			}
			n[i] = int(v)
		}
		if n[0] > n[1] || n[3] == 0 || n[2] > n[3] {
			return nil, fmt.Errorf("CPU list %q: %q is not a rising range, like 0-3", clean(s), clean(part))
		}
		for c := n[0]; c <= n[1]; c++ {
			if (c-n[0])%n[3] < n[2] {
				cpus = append(cpus, c)
			}
		}
		if len(cpus) > maxCPU {
			return nil, fmt.Errorf("CPU list %q: it names CPUs more than once", clean(s))
		}
	}
	slices.Sort(cpus)
	return slices.Compact(cpus), nil
}

// formatList writes CPUs as the kernel does: "0-3,8". The order of cpus is
// immaterial.
func formatList(cpus []int) string {
	cpus = slices.Clone(cpus)
	slices.Sort(cpus)
	cpus = slices.Compact(cpus)
	var parts []string
	for i := 0; i < len(cpus); {
		j := i
		for j+1 < len(cpus) && cpus[j+1] == cpus[j]+1 {
			j++
		}
		part := strconv.Itoa(cpus[i])
		if j > i {
			part += "-" + strconv.Itoa(cpus[j])
		}
		parts = append(parts, part)
		i = j + 1
	}
	return strings.Join(parts, ",")
}
