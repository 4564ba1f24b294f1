package ring_test

import (
	"testing"

	"github.com/contend-go/contend/caches/cachetest"
	"github.com/contend-go/contend/caches/ring"
)

func TestConformance(t *testing.T) { cachetest.Run(t, ring.Spec()) }
