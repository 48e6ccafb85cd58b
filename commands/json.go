package commands

import (
	"encoding/json"
	"fmt"
	"time"

	"rtsprec/engine/fault"
)

// line writes one JSON line: v's members behind "type" and "time". v is a struct.
func (p *process) line(kind string, v any) error {
	b, err := jsonLine(kind, p.Clock.Wall(), v)
	if err != nil {
		return err
	}
	_, err = p.Out.Write(b)
	return err
}

func jsonLine(kind string, now time.Time, v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fault.Wrap(fault.Bug, "write JSON", err)
	}
	head := fmt.Sprintf(`{"type":%q,"time":%q`, kind, now.UTC().Format(time.RFC3339Nano))
	if len(body) > 2 {
		head += ","
	}
	return append(append([]byte(head), body[1:]...), '\n'), nil
}
