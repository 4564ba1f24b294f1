package cachetest

import "testing"

func TestCorrectCachePasses(t *testing.T) { Run(t, baseSpec()) }
