// Command rtsprec records RTSP cameras and loses nothing.
package main

import (
	"os"

	"rtsprec/commands"
	"rtsprec/engine/av"
)

// version is set by release builds.
var version = "devel"

func main() {
	edge := commands.System(version)
	edge.Coder = av.New(av.Options{})
	os.Exit(commands.Main(edge))
}
