# What is needed: Go, make and bash. On Debian the rest is fetched: by all what the codecs
# are built from (scripts/ffmpeg.sh: once some minutes), by `make test` and `make bench`
# what they judge by (ffmpeg, GStreamer, MediaInfo, VLC, Chromium).
# CGO_ENABLED=0 builds and tests everything but the codecs, with Go alone.

GO ?= go
codecs := scripts/ffmpeg.sh

FUZZTIME ?= 30s
BENCHTIME ?= 2s

.PHONY: build test demo bench microbench fuzz lint docs release clean

build:
	scripts/install-test-deps.sh --build
	$(codecs) $(GO) build -o bin/ ./cmd/rtsprec ./cmd/rtspcam

test:
	scripts/install-test-deps.sh
	CI=true $(codecs) scripts/live555.sh scripts/test.sh

demo: build
	scripts/demo.sh

# The whole against ffmpeg on this machine; FLAGS as of cmd/bench.
bench: build
	scripts/install-test-deps.sh
	$(codecs) $(GO) run ./cmd/bench $(FLAGS)

# Each part by itself.
microbench:
	$(codecs) $(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./...

# Every fuzz target for FUZZTIME each: `go test` takes one at a time.
fuzz:
	$(codecs) scripts/fuzz.sh $(FUZZTIME)

lint:
	$(codecs) scripts/lint.sh

# man/ and completions/ from the commands themselves, NOTICES from the modules linked in.
docs:
	CGO_ENABLED=0 $(GO) run ./cmd/gendocs

# Archives and packages (.goreleaser.yaml), with goreleaser of this version, fetched by Go.
# It asks where the repository was cloned from, and without an answer, of one that was not,
# takes no commit for its source.
GORELEASER ?= $(GO) run github.com/goreleaser/goreleaser/v2@v2.11.2
release: origin = $(if $(shell git remote),,GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=remote.origin.url GIT_CONFIG_VALUE_0=.)
release:
	RTSPREC_FFMPEG=own $(codecs) env CGO_ENABLED=0 $(origin) $(GORELEASER) release $(FLAGS)

clean:
	rm -rf bin
