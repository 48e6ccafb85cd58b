package fault_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"rtsprec/engine/fault"
)

func TestPasswordsNeverShow(t *testing.T) {
	for _, raw := range []string{
		"rtsp://admin:s3cret@10.0.0.5/live",
		"rtsp://admin:s3@cret@10.0.0.5/live?channel=1&subtype=0",
		"rtsp://admin:s3%40cret@[::1]:8554/live",
		"rtsp://admin:s3/cret@cam/live",
		"rtsp://:s3cret@cam/live",
	} {
		for what, got := range map[string]string{
			"URL":    fault.URL(raw),
			"Redact": fault.Redact("cannot reach " + raw + ": refused"),
			"Error":  fault.Wrap(fault.Refused, "connect to "+raw, errors.New("dial "+raw)).Error(),
		} {
			if strings.Contains(got, "cret") {
				t.Errorf("%s(%q) shows the password: %q", what, raw, got)
			}
			if !strings.Contains(got, "live") {
				t.Errorf("%s(%q) loses the path: %q", what, raw, got)
			}
		}
	}
}

func TestURLWithoutPasswordIsUntouched(t *testing.T) {
	for _, raw := range []string{"rtsp://cam/live?channel=1&subtype=0", "rtsp://admin@cam:554/x%20y", "cam"} {
		if got := fault.URL(raw); got != raw {
			t.Errorf("URL(%q) = %q", raw, got)
		}
	}
}

func TestKindOfFindsTheOutermostKind(t *testing.T) {
	inner := fault.New(fault.Denied, "log in")
	for _, c := range []struct {
		err  error
		want fault.Kind
	}{
		{inner, fault.Denied},
		{fmt.Errorf("outer: %w", inner), fault.Denied},
		{fault.Wrap(fault.Busy, "open", inner), fault.Busy},
		{fault.Because("open", inner), fault.Denied},
		{errors.New("x"), fault.Bug},
		{context.Canceled, fault.Canceled},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), fault.Timeout},
	} {
		if got := fault.KindOf(c.err); got != c.want {
			t.Errorf("KindOf(%v) = %v, want %v", c.err, got, c.want)
		}
	}
	if fault.Wrap(fault.Bug, "x", nil) != nil || fault.Because("x", nil) != nil {
		t.Error("wrapping nil is not nil")
	}
}
