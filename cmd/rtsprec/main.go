// Command rtsprec records RTSP cameras and loses nothing.
package main

import (
	"os"

	"rtsprec/commands"
)

// version is set by release builds.
var version = "devel"

func main() {
	os.Exit(commands.Main(commands.System(version)))
}
