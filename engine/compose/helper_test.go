package compose

import (
	"io/fs"
	"testing/fstest"
)

// file is a directory with one file of presets.
func file(text string) fs.FS { return fstest.MapFS{"a.yaml": {Data: []byte(text)}} }
