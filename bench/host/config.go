package host

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/contend-go/contend/bench/sample"
)

// Config is the configuration lines of the samples file, in stable order: the
// facts that make numbers incomparable when they differ, and no others. Keys
// are lower-case without spaces and no value is empty.
func (f *Facts) Config() []sample.Field {
	return []sample.Field{
		{Key: "goos", Value: f.OS},
		{Key: "goarch", Value: f.Arch},
		{Key: "cpu", Value: f.Model},
		{Key: sample.UsableCPUs, Value: decimal(f.Usable())},
		{Key: "cpu-quota", Value: f.quota()},
		{Key: "cpus", Value: strconv.Itoa(f.Online)},
		{Key: "affinity", Value: f.affinity()},
		{Key: "sockets", Value: count(f.Sockets)},
		{Key: "cores", Value: count(f.Cores)},
		{Key: "threads-per-core", Value: count(f.ThreadsPerCore)},
		{Key: "l3-domains", Value: count(f.L3Domains)},
		{Key: "numa-nodes", Value: count(f.NUMANodes)},
		{Key: "governor", Value: f.Governor},
		{Key: "turbo", Value: f.Turbo},
		{Key: "virtualization", Value: f.Virtualization},
		{Key: "container", Value: f.Container},
		{Key: "kernel", Value: f.Kernel},
		{Key: "transparent-huge-pages", Value: f.THP},
		{Key: "clock-source", Value: f.ClockSource},
		{Key: "go", Value: f.Go},
		{Key: "gogc", Value: f.GOGC},
		{Key: "gomemlimit", Value: f.GOMEMLIMIT},
		{Key: "godebug", Value: f.GODEBUG},
	}
}

// Fingerprint is 16 hexadecimal digits that are equal for equal [Facts.Config]:
// samples of two fingerprints are never pooled.
func (f *Facts) Fingerprint() string {
	h := sha256.New()
	for _, c := range f.Config() {
		fmt.Fprintf(h, "%s: %s\n", c.Key, c.Value)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// quota is the tightest limit in CPUs, or "none"; "unknown" where limits are hidden.
func (f *Facts) quota() string {
	tightest := -1.0
	for _, q := range f.Quotas {
		if tightest < 0 || q.CPUs < tightest {
			tightest = q.CPUs
		}
	}
	switch {
	case f.QuotaHidden:
		return Unknown
	case tightest < 0:
		return "none"
	}
	return decimal(tightest)
}

// affinity is the mask as a list, or "all" if it leaves no online CPU out.
func (f *Facts) affinity() string {
	if len(f.CPUs) == f.Online {
		return "all"
	}
	ids := make([]int, len(f.CPUs))
	for i, c := range f.CPUs {
		ids[i] = c.ID
	}
	return clean(formatList(ids))
}

// decimal writes at most three decimals: 8, 7.5, 0.125.
func decimal(v float64) string {
	s := strconv.FormatFloat(v, 'f', 3, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

func count(n int) string {
	if n == 0 {
		return Unknown
	}
	return strconv.Itoa(n)
}
