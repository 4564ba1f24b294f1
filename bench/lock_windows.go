package bench

// lock is not needed for what this system is supported for: reading reports.
func lock(string) (unlock func(), err error) { return func() {}, nil }
