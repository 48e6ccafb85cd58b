package vfs

import (
	"io"
	"os"
)

// copyBuffer is how much Copy reads at once where the kernel does not copy.
const copyBuffer = 1 << 20

// Copy writes n bytes of f from off on to w. Where both are files of the host the kernel
// copies, without the bytes passing through this process; some file systems then share them.
// Fewer bytes in f are io.ErrUnexpectedEOF.
func Copy(w io.Writer, f File, off, n int64) (written int64, err error) {
	if src, ok := f.(*hostFile); ok {
		switch dst := w.(type) {
		case *hostFile:
			dst.mu.Lock()
			written, err = copyRange(dst.f, &dst.end, src.f, off, n)
			dst.mu.Unlock()
		case *os.File:
			written, err = copyRange(dst, nil, src.f, off, n)
		}
		if err != nil || written == n {
			return written, err
		}
	}
	buf := make([]byte, min(n-written, copyBuffer))
	for written < n {
		p := buf[:min(int64(len(buf)), n-written)]
		if k, err := f.ReadAt(p, off+written); k < len(p) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return written, err
		}
		k, err := w.Write(p)
		written += int64(k)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}
