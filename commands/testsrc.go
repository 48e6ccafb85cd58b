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
