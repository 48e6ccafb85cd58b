package commands

import (
	"rtsprec/engine"
	"rtsprec/engine/fault"
)

// checkTestSource says what is wrong with the URL of a test picture.
func checkTestSource(address string) error {
	if err := engine.CheckTestSource(address); err != nil {
		return hinted{fault.Because(address, err), engine.TestSourceForm}
	}
	return nil
}

// testSourceHelp stands in the help of commands that play cameras.
const testSourceHelp = `Instead of a camera, testsrc://640x360@25/h264 is a test picture, where this
build has codecs: see "rtsprec help cameras".`
