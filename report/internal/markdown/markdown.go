// Package markdown writes text of others into Markdown documents.
package markdown

import "strings"

// Escape keeps outside text from being read as Markdown or HTML.
func Escape(s string) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case c == '&':
			b.WriteString("&amp;")
		case c == '<':
			b.WriteString("&lt;")
		case c == '>':
			b.WriteString("&gt;")
		case c == '@': // mentions nobody
			b.WriteString("&#64;")
		case strings.ContainsRune("\\`*_[]|~#!", c):
			b.WriteByte('\\')
			b.WriteRune(c)
		case c < ' ':
			b.WriteByte(' ')
		default:
			b.WriteRune(c)
		}
	}
	const most = 300
	if r := []rune(b.String()); len(r) > most {
		return strings.TrimRight(string(r[:most]), "\\") + "…"
	}
	return b.String()
}
