package main

import (
	"strings"

	"github.com/pubsync/pubsync/bench/peer"
)

func rsyncVersion() string {
	return strings.Join(strings.Fields(peer.Version("rsync", "--version")), " ")
}
