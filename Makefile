# What is needed: Go, make and bash. `make test` and `make bench` fetch on Debian what
# they judge by (ffmpeg, GStreamer, MediaInfo, VLC); nothing of it is needed to build or to record.

GO ?= go
export CGO_ENABLED ?= 0

FUZZTIME ?= 30s
BENCHTIME ?= 2s

.PHONY: build test demo bench microbench fuzz lint docs clean

build:
	$(GO) build -o bin/ ./cmd/rtsprec ./cmd/rtspcam

test:
	scripts/install-test-deps.sh
	$(GO) test -run '^$$' ./... >/dev/null # builds them all, on all processors
	CI=true $(GO) test -p 1 ./... # one package at a time: many of them keep real time

demo:
	scripts/install-test-deps.sh --build
	$(MAKE) build
	scripts/demo.sh

# The whole against ffmpeg on this machine; FLAGS as of cmd/bench.
bench: build
	scripts/install-test-deps.sh
	$(GO) run ./cmd/bench $(FLAGS)

# Each part by itself.
microbench:
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./...

# Every fuzz target for FUZZTIME each: `go test` takes one at a time.
fuzz:
	scripts/fuzz.sh $(FUZZTIME)

lint:
	scripts/lint.sh

# man/ and completions/ from the commands themselves.
docs:
	$(GO) run ./cmd/gendocs

clean:
	rm -rf bin
