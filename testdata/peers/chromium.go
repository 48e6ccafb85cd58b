package peers

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Chromium is a headless browser that a test drives by the DevTools protocol over a pipe:
// no port, and nothing to be found by others.
type Chromium struct {
	t    testing.TB
	cmd  *exec.Cmd
	in   *os.File
	page string // session of the one tab

	mu      sync.Mutex
	next    int
	waiting map[int]chan reply
	said    []string // the console and what went wrong in scripts
	gone    error
}

type reply struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

// browserPatience is how long the browser may take for one thing on a busy machine.
const browserPatience = 90 * time.Second

// StartChromium starts a browser with an empty profile and one tab, and ends it with the
// test. What its console says is told when the test fails.
func StartChromium(t testing.TB, width, height int) *Chromium {
	t.Helper()
	Need(t, "chromium")
	profile := t.TempDir()
	toIn, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, fromOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--mute-audio",
		"--ignore-certificate-errors", "--remote-debugging-pipe", "--user-data-dir="+profile,
		fmt.Sprintf("--window-size=%d,%d", width, height), "about:blank")
	cmd.ExtraFiles = []*os.File{toIn, fromOut} // the browser reads 3 and writes 4
	cmd.Env = append(os.Environ(), "HOME="+profile, "XDG_CONFIG_HOME="+filepath.Join(profile, "config"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	toIn.Close()
	fromOut.Close()
	c := &Chromium{t: t, cmd: cmd, in: in, waiting: map[int]chan reply{}}
	read := make(chan struct{})
	go func() {
		defer close(read)
		c.read(out)
	}()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("the browser's console:\n" + strings.Join(c.Console(), "\n"))
		}
		c.end(read)
		in.Close()
		out.Close()
	})
	c.attach(width, height)
	return c
}

// end asks the browser to go, and kills it when it does not.
func (c *Chromium) end(read <-chan struct{}) {
	c.send("", "Browser.close", nil)
	select {
	case <-read:
	case <-time.After(5 * time.Second):
	}
	c.cmd.Process.Kill()
	c.cmd.Wait()
}

func (c *Chromium) attach(width, height int) {
	c.t.Helper()
	var target struct{ TargetID string }
	c.call("", "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var session struct{ SessionID string }
	c.call("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session)
	c.page = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		c.call(c.page, domain+".enable", nil, nil)
	}
	c.Size(width, height, false)
}

// Size sets the size of the window in CSS pixels; a phone has a finger and no pointer.
func (c *Chromium) Size(width, height int, phone bool) {
	c.t.Helper()
	c.call(c.page, "Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}, nil)
}

// Dark makes the browser prefer dark colours, or light ones.
func (c *Chromium) Dark(dark bool) {
	c.t.Helper()
	value := "light"
	if dark {
		value = "dark"
	}
	c.call(c.page, "Emulation.setEmulatedMedia", map[string]any{
		"features": []any{map[string]string{"name": "prefers-color-scheme", "value": value}}}, nil)
}

// Authorize sends user and password with every request.
func (c *Chromium) Authorize(user, password string) {
	c.t.Helper()
	c.call(c.page, "Network.setExtraHTTPHeaders", map[string]any{"headers": map[string]string{
		"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}}, nil)
}

// Open goes to a URL and waits until its page has been read.
func (c *Chromium) Open(url string) {
	c.t.Helper()
	c.call(c.page, "Page.navigate", map[string]any{"url": url}, nil)
	c.Until("the page", `location.href != "about:blank" && document.readyState != "loading"`)
}

// Eval evaluates an expression of JavaScript, waits for what it promises, and stores the
// value in v unless that is nil.
func (c *Chromium) Eval(expression string, v any) {
	c.t.Helper()
	if err := c.TryEval(expression, v); err != nil {
		c.t.Fatalf("%s: %v", expression, err)
	}
}

// TryEval is Eval with an error.
func (c *Chromium) TryEval(expression string, v any) error {
	var out struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	err := c.try(c.page, "Runtime.evaluate", map[string]any{
		"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true}, &out)
	switch {
	case err != nil:
		return err
	case out.ExceptionDetails != nil:
		return fmt.Errorf("%s %s", out.ExceptionDetails.Text, out.ExceptionDetails.Exception.Description)
	case v == nil || len(out.Result.Value) == 0:
		return nil
	}
	return json.Unmarshal(out.Result.Value, v)
}

// Until waits for an expression to become true.
func (c *Chromium) Until(what, expression string) {
	c.t.Helper()
	var last error
	for end := time.Now().Add(browserPatience); time.Now().Before(end); {
		var ok bool
		if last = c.TryEval("!!("+expression+")", &ok); last == nil && ok {
			return
		}
		<-time.After(50 * time.Millisecond)
	}
	var media any
	c.TryEval(`[...document.querySelectorAll("video")].map(v => ({time: v.currentTime, duration: v.duration, ready: v.readyState, paused: v.paused, seeking: v.seeking,
		network: v.networkState, error: v.error?.message, buffered: [...Array(v.buffered.length).keys()].map(i => [v.buffered.start(i), v.buffered.end(i)])}))`, &media)
	c.t.Fatalf("waited in vain for %s (%s): %v; the page's media: %v", what, expression, last, media)
}

// Click presses the mouse in an element, so many pixels right of its left edge; 0: its middle.
func (c *Chromium) Click(selector string, right float64) {
	c.t.Helper()
	x, y := c.point(selector, right)
	for _, what := range []string{"mouseMoved", "mousePressed", "mouseReleased"} {
		c.mouse(what, x, y)
	}
}

// Hover moves the mouse there.
func (c *Chromium) Hover(selector string, right float64) {
	c.t.Helper()
	x, y := c.point(selector, right)
	c.mouse("mouseMoved", x, y)
}

func (c *Chromium) mouse(what string, x, y float64) {
	c.t.Helper()
	params := map[string]any{"type": what, "x": x, "y": y}
	if what != "mouseMoved" {
		params["button"], params["clickCount"] = "left", 1
	}
	c.call(c.page, "Input.dispatchMouseEvent", params, nil)
}

// Wheel turns the mouse's wheel over an element.
func (c *Chromium) Wheel(selector string, right, by float64) {
	c.t.Helper()
	x, y := c.point(selector, right)
	c.call(c.page, "Input.dispatchMouseEvent", map[string]any{"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": by}, nil)
}

func (c *Chromium) point(selector string, right float64) (x, y float64) {
	c.t.Helper()
	var box struct{ X, Y, Width, Height float64 }
	c.Until(selector, fmt.Sprintf("document.querySelector(%q)?.getClientRects().length", selector))
	c.Eval(fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.scrollIntoView({block: "center", behavior: "instant"});
		const b = e.getBoundingClientRect(); return {X: b.x, Y: b.y, Width: b.width, Height: b.height}; })()`, selector), &box)
	if right == 0 {
		right = box.Width / 2
	}
	return box.X + right, box.Y + box.Height/2
}

// Key presses a key, as "Tab", "Enter", "ArrowRight" or "g".
func (c *Chromium) Key(key string) {
	c.t.Helper()
	codes := map[string]int{"Tab": 9, "Enter": 13, "ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35}
	params := map[string]any{"type": "keyDown", "key": key, "windowsVirtualKeyCode": codes[key]}
	if key == "Enter" {
		params["text"] = "\r"
	} else if len(key) == 1 {
		params["text"] = key
	}
	c.call(c.page, "Input.dispatchKeyEvent", params, nil)
	c.call(c.page, "Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "windowsVirtualKeyCode": codes[key]}, nil)
}

// Screenshot writes what the window shows as PNG.
func (c *Chromium) Screenshot(file string) {
	c.t.Helper()
	var shot struct{ Data []byte }
	c.call(c.page, "Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	if err := os.WriteFile(file, shot.Data, 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// Console returns what the page's console said so far, and what went wrong in it.
func (c *Chromium) Console() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.said...)
}

func (c *Chromium) call(session, method string, params map[string]any, result any) {
	c.t.Helper()
	if err := c.try(session, method, params, result); err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
}

func (c *Chromium) try(session, method string, params map[string]any, result any) error {
	answer := c.send(session, method, params)
	select {
	case r, ok := <-answer:
		switch {
		case !ok:
			return fmt.Errorf("the browser is gone: %v", c.gone)
		case r.Error != nil:
			return fmt.Errorf("%s", r.Error.Message)
		case result == nil:
			return nil
		}
		return json.Unmarshal(r.Result, result)
	case <-time.After(browserPatience):
		return fmt.Errorf("no answer for %v", browserPatience)
	}
}

// send writes one message; messages end with a zero byte.
func (c *Chromium) send(session, method string, params map[string]any) <-chan reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := make(chan reply, 1)
	if c.gone != nil {
		close(answer)
		return answer
	}
	c.next++
	c.waiting[c.next] = answer
	if params == nil {
		params = map[string]any{}
	}
	message := map[string]any{"id": c.next, "method": method, "params": params}
	if session != "" {
		message["sessionId"] = session
	}
	data, err := json.Marshal(message)
	if err == nil {
		_, err = c.in.Write(append(data, 0))
	}
	if err != nil {
		delete(c.waiting, c.next)
		close(answer)
	}
	return answer
}

func (c *Chromium) read(out *os.File) {
	in := bufio.NewReaderSize(out, 1<<20)
	for {
		data, err := in.ReadBytes(0)
		if err != nil {
			c.mu.Lock()
			c.gone = err
			for id, answer := range c.waiting {
				delete(c.waiting, id)
				close(answer)
			}
			c.mu.Unlock()
			return
		}
		var message struct {
			ID     int
			Method string
			Params json.RawMessage
			reply
		}
		if json.Unmarshal(data[:len(data)-1], &message) != nil {
			continue
		}
		c.mu.Lock()
		if answer := c.waiting[message.ID]; answer != nil {
			delete(c.waiting, message.ID)
			answer <- message.reply
		}
		switch message.Method {
		case "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded":
			if len(c.said) < 200 {
				c.said = append(c.said, message.Method+" "+string(message.Params))
			}
		}
		c.mu.Unlock()
	}
}
