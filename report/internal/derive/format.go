package derive

import (
	"math"
	"strconv"
	"strings"
)

// Notation is how values of a unit are printed.
type Notation string

// The notations.
const (
	Percent  Notation = "%"  // of a fraction
	Duration Notation = "ns" // from nanoseconds
	Times    Notation = "×"
	Scaled   Notation = "k" // with a decimal prefix
)

// NotationOf is how a unit is printed, the factor that takes its values to
// what the notation prints from, and what is printed behind a scaled value.
func NotationOf(unit string) (n Notation, factor float64, suffix string) {
	switch {
	case fractions[unit] || strings.HasPrefix(unit, WaitUnit):
		return Percent, 1, ""
	case unit == "ns/op" || strings.HasSuffix(unit, "-ns/op") || strings.HasSuffix(unit, "-ns"):
		return Duration, 1, ""
	case unit == "sec/op" || strings.HasSuffix(unit, "-sec") || strings.HasSuffix(unit, "-s"):
		return Duration, 1e9, ""
	case unit == "×":
		return Times, 1, ""
	case unit == "os-wait":
		return Scaled, 1, "threads"
	case unit == "fairness" || unit == "jain":
		return Scaled, 1, ""
	}
	return Scaled, 1, unit
}

// fractions are the units between 0 and 1 that are read as percentages.
var fractions = map[string]bool{
	"cpu-unused": true, "p-idle": true, "hits/get": true,
	"reads/op": true, "gc-cpu": true, "steal": true, "efficiency": true,
}

// Format prints a value with three significant digits and its unit as a reader
// says it: "24.3 M ops/s", "41.2 ns", "98.1%".
func Format(unit string, v float64) string {
	n, factor, suffix := NotationOf(unit)
	v *= factor
	switch n {
	case Percent:
		return digits(v*100) + "%"
	case Duration:
		return duration(v)
	case Times:
		return digits(v) + "×"
	}
	return strings.TrimSpace(scaled(v) + " " + suffix)
}

// scaled prints three significant digits with a decimal prefix, which
// thousands get from ten of them on.
func scaled(v float64) string {
	if math.Abs(v) >= 1e12 {
		return digits(v/1e12) + " T"
	}
	return inThousands(v, "", " k", " M", " G")
}

func duration(ns float64) string { return inThousands(ns, " ns", " µs", " ms", " s") }

// inThousands prints v with the last of four suffixes, each 1,000 of the one before,
// of which it has at least one; of the second it must have ten.
func inThousands(v float64, suffixes ...string) string {
	switch a := math.Abs(v); {
	case a >= 1e9:
		return digits(v/1e9) + suffixes[3]
	case a >= 1e6:
		return digits(v/1e6) + suffixes[2]
	case a >= 1e4:
		return digits(v/1e3) + suffixes[1]
	}
	return digits(v) + suffixes[0]
}

// digits prints three significant digits, and integers below ten million in
// full. Nobody writes 1/1330 as 7.52e-4: an exponent stands only where zeros would have to be
// counted. The page's script prints alike, from the same arithmetic.
func digits(v float64) string {
	a := math.Abs(v)
	switch {
	case v == 0:
		return "0"
	case a < 1e-9 || a >= 1e7:
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', 2, 64), "e")
		return mantissa + "e" + exponent[:1] + strings.TrimLeft(exponent[1:], "0")
	case a >= 100:
		return fixed(v, 0)
	case a >= 10:
		return fixed(v, 1)
	case a >= 1:
		return fixed(v, 2)
	}
	decimals := 3
	for a*math.Pow10(decimals) < 99.5 {
		decimals++
	}
	return fixed(v, decimals)
}

// fixed rounds to decimals, halves away from zero.
func fixed(v float64, decimals int) string {
	s := math.Pow10(decimals)
	r := math.Floor(math.Abs(v)*s+0.5) / s
	return strconv.FormatFloat(math.Copysign(r, v), 'f', decimals, 64)
}
