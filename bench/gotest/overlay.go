package gotest

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// accounting is the file that joins the testing package.
//
//go:embed overlay/contend.go
var accounting []byte

// accountingName is its name there.
const accountingName = "contend.go"

// overlay writes into dir what makes `go test -overlay` build the toolchain's
// testing package with our accounting in it, and returns the flag's value. more
// are replacements of the user's own. An error says why this toolchain's
// testing package cannot be extended.
func overlay(goroot, dir string, more map[string]string) (path string, err error) {
	if runtime.GOOS == "windows" {
		return "", errors.New("windows counts no CPU time the way this needs it")
	}
	testing := filepath.Join(goroot, "src", "testing")
	original := filepath.Join(testing, "benchmark.go")
	if own := more[original]; own != "" {
		original = own
	}
	src, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	patched, err := patch(src)
	if err != nil {
		return "", fmt.Errorf("%s: %w", original, err)
	}
	_, added, _ := bytes.Cut(accounting, []byte("//go:build ignore\n"))
	replace := maps.Clone(more)
	for name, text := range map[string][]byte{"benchmark.go": patched, accountingName: added} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return "", err
		}
		replace[filepath.Join(testing, name)] = file
	}
	path = filepath.Join(dir, "overlay.json")
	return path, writeOverlay(path, replace)
}

func writeOverlay(path string, replace map[string]string) error {
	text, err := json.Marshal(struct{ Replace map[string]string }{replace})
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

// readOverlay reads an overlay of the user's own. As the go command has it,
// relative paths, that of the overlay too, begin where it is started.
func readOverlay(path, from string) (map[string]string, error) {
	text, err := os.ReadFile(absolute(path, from))
	if err != nil {
		return nil, fmt.Errorf("-overlay: %w", err)
	}
	var o struct{ Replace map[string]string }
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, fmt.Errorf("-overlay: %s: %w", path, err)
	}
	replaced := map[string]string{}
	for file, other := range o.Replace {
		replaced[absolute(file, from)] = absolute(other, from)
	}
	return replaced, nil
}

// absolute is the path of a file that is named in a folder; an empty one, which
// takes a file away, stays so.
func absolute(path, from string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(from, path)
}

// patch adds the calls of the accounting to the text of testing/benchmark.go,
// on the lines that are there. It looks for what the file does, not where: an
// error says what it did not find.
func patch(src []byte) ([]byte, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "benchmark.go", src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	p := &patcher{src: src, at: func(pos token.Pos) int { return files.Position(pos).Offset }, texts: map[int]string{}, found: map[string]int{}}
	want := maps.Clone(places)
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			p.types(d)
		case *ast.FuncDecl:
			p.method(d)
			if d.Name.Name == "Loop" { // from Go 1.24 on
				want["loopSlowPath asks whether it has begun"] = 1
			}
		}
	}
	for place, want := range want {
		if p.found[place] != want {
			return nil, fmt.Errorf("%s: found in %d places instead of %d: this Go version's benchmark timer is not known", place, p.found[place], want)
		}
	}
	return p.apply(src), nil
}

// places are the shapes that are looked for, and how often each occurs.
var places = map[string]int{
	"type B struct":                1,
	"StartTimer reads the clock":   1,
	"StopTimer adds to duration":   1,
	"ResetTimer reads the clock":   1,
	"ResetTimer zeroes duration":   1,
	"launch sets result":           1,
	"launch has the time to fill":  1,
	"run1 waits for its goroutine": 1,
	"run1 asks for subs":           1,
	"doBench waits for launch":     1,
	"RunParallel":                  1,
	"runBenchmarks runs main":      1,
}

// patcher collects insertions.
type patcher struct {
	src   []byte
	at    func(token.Pos) int
	texts map[int]string // by offset
	found map[string]int
}

func (p *patcher) insert(place string, pos token.Pos, text string) {
	p.found[place]++
	p.texts[p.at(pos)] += text
}

func (p *patcher) apply(src []byte) []byte {
	var out []byte
	last := 0
	for _, at := range slices.Sorted(maps.Keys(p.texts)) {
		out = append(append(out, src[last:at]...), p.texts[at]...)
		last = at
	}
	return append(out, src[last:]...)
}

func (p *patcher) types(d *ast.GenDecl) {
	for _, s := range d.Specs {
		t, ok := s.(*ast.TypeSpec)
		if !ok || t.Name.Name != "B" {
			continue
		}
		if body, ok := t.Type.(*ast.StructType); ok {
			p.insert("type B struct", body.Fields.Opening+1, " contend contendTimer;")
		}
	}
}

// method looks into the methods of B, and into the function that runs all.
func (p *patcher) method(d *ast.FuncDecl) {
	if d.Recv == nil && d.Name.Name == "runBenchmarks" {
		p.end(d)
	}
	if d.Recv == nil || len(d.Recv.List) != 1 || len(d.Recv.List[0].Names) != 1 {
		return
	}
	star, ok := d.Recv.List[0].Type.(*ast.StarExpr)
	if !ok {
		return
	}
	if t, ok := star.X.(*ast.Ident); !ok || t.Name != "B" {
		return
	}
	b := d.Recv.List[0].Names[0].Name
	if d.Name.Name == "RunParallel" {
		p.insert("RunParallel", d.Body.Lbrace+1, " "+b+".contend.see();")
		return
	}
	ast.Inspect(d.Body, func(n ast.Node) bool {
		switch s := n.(type) {
		case *ast.AssignStmt:
			p.assignment(d.Name.Name, b, s)
		case *ast.ExprStmt:
			switch wait := isReceive(s.X, b, "signal"); {
			case wait && d.Name.Name == "run1":
				p.insert("run1 waits for its goroutine", s.End(), "; "+b+".contendEnded("+b+".previousN > 0, "+p.hasSub(d.Body)+")")
			case wait && d.Name.Name == "doBench": // run1 has seen that there are no subs
				p.insert("doBench waits for launch", s.End(), "; "+b+".contendEnded("+b+".result.N > 0, false)")
			}
		case *ast.IfStmt:
			if cond, ok := s.Cond.(*ast.BinaryExpr); ok && d.Name.Name == "loopSlowPath" && cond.Op == token.EQL && strings.HasPrefix(p.text(cond.X), b+".loop") {
				p.insert("loopSlowPath asks whether it has begun", s.Pos(), "if "+b+".contendAgain("+p.text(cond.X)+" != 0) { return true }; ")
			}
		}
		return true
	})
}

// hasSub is the expression by which run1 asks whether the benchmark has
// sub-benchmarks: an atomic.Bool since Go 1.19, a number before.
func (p *patcher) hasSub(run1 *ast.BlockStmt) (text string) {
	ast.Inspect(run1, func(n ast.Node) bool {
		if s, ok := n.(*ast.IfStmt); ok {
			if cond, ok := s.Cond.(*ast.BinaryExpr); ok && cond.Op == token.LOR && p.text(cond.Y) == "finished" {
				text = p.text(cond.X)
				p.found["run1 asks for subs"]++
			}
		}
		return true
	})
	return text
}

// text is the source of an expression.
func (p *patcher) text(x ast.Expr) string { return string(p.src[p.at(x.Pos()):p.at(x.End())]) }

// end looks for the call main.runN(1), which runs all benchmarks.
func (p *patcher) end(d *ast.FuncDecl) {
	ast.Inspect(d.Body, func(n ast.Node) bool {
		if s, ok := n.(*ast.ExprStmt); ok {
			if call, ok := s.X.(*ast.CallExpr); ok && isField(call.Fun, "main", "runN") {
				p.insert("runBenchmarks runs main", s.End(), "; main.contendComplete()")
			}
		}
		return true
	})
}

func (p *patcher) assignment(method, b string, s *ast.AssignStmt) {
	is := func(field string, tok token.Token) bool {
		return len(s.Lhs) == 1 && s.Tok == tok && isField(s.Lhs[0], b, field)
	}
	switch {
	case method == "StartTimer" && is("start", token.ASSIGN):
		p.insert("StartTimer reads the clock", s.Pos(), b+".contend.start("+b+"); ")
	case method == "StopTimer" && is("duration", token.ADD_ASSIGN):
		p.insert("StopTimer adds to duration", s.End(), "; "+b+".contend.stop()")
	case method == "ResetTimer" && is("start", token.ASSIGN):
		p.insert("ResetTimer reads the clock", s.Pos(), b+".contend.start("+b+"); ")
	case method == "ResetTimer" && is("duration", token.ASSIGN):
		p.insert("ResetTimer zeroes duration", s.End(), "; "+b+".contend.reset("+b+".timerOn)")
	case method == "launch" && s.Tok == token.DEFINE && len(s.Rhs) == 1 && p.text(s.Rhs[0]) == b+".benchTime.d":
		p.insert("launch has the time to fill", s.Pos(), b+".contendWarm(); ")
	case method == "launch" && is("result", token.ASSIGN):
		p.insert("launch sets result", s.End(), "; "+b+".contendResult()")
	}
}

// isField reports whether x is b.field.
func isField(x ast.Expr, b, field string) bool {
	sel, ok := x.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != field {
		return false
	}
	id, ok := sel.X.(*ast.Ident)
	return ok && id.Name == b
}

// isReceive reports whether x is <-b.field.
func isReceive(x ast.Expr, b, field string) bool {
	u, ok := x.(*ast.UnaryExpr)
	return ok && u.Op == token.ARROW && isField(u.X, b, field)
}
