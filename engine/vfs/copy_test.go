package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"rtsprec/engine/vfs"
)

func TestCopyWritesARangeWhereverItGoes(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 200_000) // more than one buffer
	conform(t, func(t *testing.T, f vfs.FS, dir string) {
		src, err := f.Create(filepath.Join(dir, "src"), 0o600)
		must(t, err)
		defer src.Close()
		_, err = src.Write(data)
		must(t, err)
		const off, n = 1234, 3_000_000
		want := data[off : off+n]

		var memory bytes.Buffer
		if k, err := vfs.Copy(&memory, src, off, n); k != n || err != nil || !bytes.Equal(memory.Bytes(), want) {
			t.Errorf("into memory: %d, %v", k, err)
		}
		dst, err := f.Create(filepath.Join(dir, "dst"), 0o600)
		must(t, err)
		defer dst.Close()
		_, err = dst.Write([]byte("head"))
		must(t, err)
		if k, err := vfs.Copy(dst, src, off, n); k != n || err != nil {
			t.Errorf("into a file: %d, %v", k, err)
		}
		_, err = dst.Write([]byte("tail")) // goes behind what was copied
		must(t, err)
		got := make([]byte, 4+n+4)
		_, err = dst.ReadAt(got, 0)
		if err != nil && !errors.Is(err, io.EOF) || string(got[:4]) != "head" || string(got[4+n:]) != "tail" || !bytes.Equal(got[4:4+n], want) {
			t.Errorf("the file is another, %v", err)
		}
		if k, err := vfs.Copy(&memory, src, int64(len(data))-10, 20); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("past the end: %d, %v", k, err)
		}
	})
}

func TestCopyIntoAPipeAndAnOpenFile(t *testing.T) {
	dir := t.TempDir()
	src, err := vfs.OS().Create(filepath.Join(dir, "src"), 0o600)
	must(t, err)
	defer src.Close()
	data := bytes.Repeat([]byte{1, 2, 3}, 300_000)
	_, err = src.Write(data)
	must(t, err)
	r, w, err := os.Pipe()
	must(t, err)
	read := make(chan []byte)
	go func() {
		got, _ := io.ReadAll(r)
		read <- got
	}()
	if k, err := vfs.Copy(w, src, 3, 600_000); k != 600_000 || err != nil {
		t.Errorf("into a pipe: %d, %v", k, err)
	}
	must(t, w.Close())
	if got := <-read; !bytes.Equal(got, data[3:600_003]) {
		t.Errorf("%d other bytes came out of the pipe", len(got))
	}
	must(t, r.Close())
	file, err := os.Create(filepath.Join(dir, "out"))
	must(t, err)
	defer file.Close()
	for range 2 { // one behind the other, where the file stands
		if k, err := vfs.Copy(file, src, 0, 1000); k != 1000 || err != nil {
			t.Errorf("into a file: %d, %v", k, err)
		}
	}
	got, err := os.ReadFile(file.Name())
	must(t, err)
	if !bytes.Equal(got, append(bytes.Clone(data[:1000]), data[:1000]...)) {
		t.Error("the file is another")
	}
}
