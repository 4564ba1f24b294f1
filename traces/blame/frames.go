package blame

import (
	"slices"
	"strings"

	"github.com/contend-go/contend/traces/account"
)

// module says whose code a frame is.
type module uint8

const (
	std  module = iota
	dep         // of another module
	main        // of the program's own module, or one beside it
)

// Locator tells the modules of frames. They are told by files, not by names of functions, as an inlined closure is named after
// the function that it was inlined into.
type Locator struct {
	root string // GOROOT/src/, empty with -trimpath
}

// newLocator finds GOROOT by a function of the runtime, which are in every trace.
func NewLocator(w *account.Window) Locator {
	for i := range w.Sites {
		for _, f := range w.Sites[i].Stack {
			if !strings.HasPrefix(f.Func, "runtime.") {
				continue
			}
			if at := strings.LastIndex(f.File, "/src/runtime/"); at >= 0 {
				return Locator{f.File[:at+len("/src/")]}
			}
		}
	}
	return Locator{}
}

// module tells whose a frame is. With -trimpath a file of the standard library is its package and name, and one of a
// dependency has its version.
func (l Locator) module(f account.Frame) module {
	file := f.File
	switch {
	case file == "" || f.Func == "":
		return std
	case l.root != "" && strings.HasPrefix(file, l.root):
		return std
	case strings.Contains(file, "golang.org/x/sync"):
		return std // what calls it is of interest, as with package sync
	case strings.Contains(file, "@") || strings.Contains(file, "/vendor/"):
		return dep
	case strings.HasPrefix(file, "/") || strings.Contains(file, ":"):
		return main
	}
	at := strings.LastIndexByte(file, '/')
	if at < 0 {
		return main // _testmain.go, cgo
	}
	if dir := file[:at]; stdPackages[dir] || strings.HasPrefix(dir, "internal/") || strings.Contains(dir, "/internal/") && stdPackages[dir[:strings.IndexByte(dir, '/')]] ||
		strings.HasPrefix(dir, "runtime/") || strings.HasPrefix(dir, "crypto/") {
		return std
	}
	return main
}

// stdPackages are the packages of the standard library that block, or call what others gave them. That of a frame must be named exactly: a module of
// a user may be called log, or net.
var stdPackages = func() map[string]bool {
	m := make(map[string]bool)
	for _, p := range strings.Fields(`archive/tar archive/zip bufio bytes cmp compress/bzip2 compress/flate compress/gzip compress/lzw compress/zlib
		container/heap container/list container/ring context crypto database/sql database/sql/driver debug/buildinfo debug/dwarf debug/elf debug/gosym
		debug/macho debug/pe embed encoding encoding/ascii85 encoding/asn1 encoding/base32 encoding/base64 encoding/binary encoding/csv encoding/gob
		encoding/hex encoding/json encoding/pem encoding/xml errors expvar flag fmt go/ast go/build go/constant go/format go/parser go/scanner go/token
		go/types hash hash/adler32 hash/crc32 hash/crc64 hash/fnv hash/maphash html html/template image image/color image/draw image/gif image/jpeg
		image/png index/suffixarray io io/fs io/ioutil iter log log/slog log/syslog maps math math/big math/bits math/cmplx math/rand math/rand/v2 mime
		mime/multipart mime/quotedprintable net net/http net/http/cgi net/http/cookiejar net/http/fcgi net/http/httptest net/http/httptrace
		net/http/httputil net/http/pprof net/mail net/netip net/rpc net/rpc/jsonrpc net/smtp net/textproto net/url os os/exec os/signal os/user path
		path/filepath plugin reflect regexp regexp/syntax runtime slices sort strconv strings sync sync/atomic syscall testing testing/fstest
		testing/iotest testing/quick testing/slogtest testing/synctest text/scanner text/tabwriter text/template text/template/parse time unicode
		unicode/utf16 unicode/utf8 unique weak`) {
		m[p] = true
	}
	return m
}()

// wrappers are the names of methods whose line is not the answer, but that of who called them.
var wrappers = []string{
	"Lock", "RLock", "Unlock", "RUnlock", "TryLock", "TryRLock", "lock", "rlock", "rLock", "unlock", "runlock", "Acquire", "acquire",
	"Release", "release", "Wait",
}

func isWrapper(fn string) bool { return slices.Contains(wrappers, method(fn)) }

// method is the last part of a function's name, without type arguments.
func method(fn string) string {
	fn = plain(fn)
	return fn[strings.LastIndexByte(fn, '.')+1:]
}

// plain is a function's name without its package's path and type arguments. The last slash is looked for before the first bracket, as type
// arguments have paths of their own.
func plain(fn string) string {
	end := len(fn)
	if i := strings.IndexByte(fn, '['); i >= 0 {
		end = i
	}
	return fn[strings.LastIndexByte(fn[:end], '/')+1:]
}

// isPlumbing tells functions that every wait goes through from those that chose to wait.
func isPlumbing(fn string) bool {
	for _, p := range []string{"runtime.", "sync.", "sync/atomic.", "internal/", "time.Sleep", "syscall.", "reflect."} {
		if strings.HasPrefix(fn, p) {
			return true
		}
	}
	return false
}

// Place is where something waits, as far as it is told apart.
type Place struct {
	// Lock is the innermost frame that is not the runtime's or of package sync: it may be of the standard library, or
	// a wrapper.
	Lock account.Frame
	// Line is the innermost frame outside of the standard library and of wrappers. It is Lock where there is none.
	Line account.Frame
	// Op is the function of the standard library, or the wrapper, that Line called; empty if it waits itself.
	Op string
	// Caller is the innermost frame of the program's own module, if that is further out than Line; without any, the function of another
	// module that called Line's.
	Caller account.Frame
}

// Place finds the lines in a stack.
func (l Locator) Place(s account.Stack) (p Place) {
	s = trim(s)
	if len(s) == 0 {
		return p
	}
	p.Lock = s[len(s)-1] // of the runtime's goroutines the outermost
	for _, f := range s {
		if !isPlumbing(f.Func) {
			p.Lock = f
			break
		}
	}
	p.Line = p.Lock
	at := slices.IndexFunc(s, func(f account.Frame) bool { return l.module(f) != std && !isWrapper(f.Func) })
	if at < 0 {
		if at = slices.IndexFunc(s, func(f account.Frame) bool { return l.module(f) != std }); at < 0 {
			return p
		}
	}
	p.Line = s[at]
	if at > 0 && !isPlumbing(s[at-1].Func) {
		p.Op = plain(s[at-1].Func)
	}
	if l.module(p.Line) == main {
		return p
	}
	for _, f := range s[at+1:] {
		switch m := l.module(f); {
		case m == main:
			p.Caller = f
			return p
		case m == dep && p.Caller.Func == "" && f.Func != p.Line.Func:
			p.Caller = f // unless the program's own module comes
		}
	}
	return p
}

// trim cuts the frames of a signal that preempted a goroutine off its stack.
func trim(s account.Stack) account.Stack {
	for len(s) > 1 && strings.HasPrefix(s[0].Func, "runtime.asyncPreempt") {
		s = s[1:]
	}
	return s
}
