package compare

// align gives a side that states no package the keys of the other, where the name
// alone tells which cell is meant: a run of one package has no pkg: line, and the
// text of go test has.
func align(a, b *cells) {
	switch {
	case !a.statesPackages():
		a.adopt(b)
	case !b.statesPackages():
		b.adopt(a)
	}
}

func (s *cells) statesPackages() bool {
	for _, k := range s.order {
		if k.pkg != "" {
			return true
		}
	}
	return false
}

// adopt takes over the packages of the other side's cells.
func (s *cells) adopt(other *cells) {
	of := map[string][]string{}
	for _, k := range other.order {
		of[k.name] = append(of[k.name], k.pkg)
	}
	for i, k := range s.order {
		if pkgs := of[k.name]; len(pkgs) == 1 && pkgs[0] != "" {
			to := cellKey{pkgs[0], k.name}
			s.byKey[to] = s.byKey[k]
			s.byKey[to].pkg = to.pkg
			delete(s.byKey, k)
			s.order[i] = to
		}
	}
}
