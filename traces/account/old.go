package account

import (
	"errors"
	"io"
)

func readOld(r io.ReaderAt, size int64, minor int, opt Options) (*Account, error) {
	return nil, errors.New("todo")
}
