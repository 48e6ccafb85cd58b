// Command rtspcam is a scripted RTSP camera for tests and demonstrations; -h lists
// what it sends and what it can be told to do wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"rtsprec/engine/rtspcam"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "rtspcam:", err)
		os.Exit(2)
	}
}

func run(args []string) error {
	listen, options, err := rtspcam.ParseFlags(args, os.Stdout)
	if err != nil {
		return err
	}
	camera, err := rtspcam.New(options)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var urls []string
	for path := range options.Paths {
		urls = append(urls, fmt.Sprintf("rtsp://%s/%s", l.Addr(), path))
	}
	slices.Sort(urls)
	fmt.Println("ready", strings.Join(urls, " "))
	return camera.Serve(ctx, l)
}
