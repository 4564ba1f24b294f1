package derive

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/contend-go/contend/bench/sample"
)

// Benchstat is the benchstat command that prints this facet's samples in the
// given unit, a row for each value of the axis and a column for each series.
func (f *Facet) Benchstat(unit, file string) string {
	filter := []string{".unit:" + word(unit)}
	for _, fd := range f.names {
		switch {
		case fd.Key == keyBase:
			filter = append(filter, ".name:"+word(fd.Value))
		case fd.Key[0] == '/': // a part without a key cannot be addressed
		default:
			filter = append(filter, "/"+fd.Key+":"+word(fd.Value))
		}
	}
	if f.probed {
		filter = append(filter, "-/probe:(trace OR tour)")
	}
	col := ".fullname"
	if len(f.Keys) == 1 && f.Keys[0][0] != '/' {
		col = "/" + strings.TrimPrefix(f.Keys[0], ".")
		if f.Keys[0] == keyBase {
			col = keyBase
		}
	}
	return fmt.Sprintf("benchstat -col %s -row %s -filter %s %s", col, shell("/"+f.X.Key), shell(strings.Join(filter, " ")), shell(file))
}

var bare = regexp.MustCompile(`^[A-Za-z0-9._%+/-]+$`)

// word is a value in benchstat's filter language.
func word(s string) string {
	if bare.MatchString(s) {
		return s
	}
	return strconv.Quote(s)
}

// shell quotes a word for a POSIX shell.
func shell(s string) string {
	if bare.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// nameFields are the facet fields that stand in names, sharing included.
func nameFields(fields []sample.Field, sharing string) []sample.Field {
	if sharing == "" {
		return fields
	}
	return append(fields[:len(fields):len(fields)], sample.Field{Key: keySharing, Value: sharing})
}
