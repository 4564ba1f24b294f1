//go:build !unix

package lockbench

import (
	"errors"
	"os"
)

func mapShared(*os.File, uintptr) ([]byte, error) {
	return nil, errors.New("lock services are measured on Unix systems")
}

func unmapShared([]byte) error { return nil }
