// SPDX-License-Identifier: MIT

// Answers requests for keys from an index written in C, or else by asking a mirror. It has two
// defects, one in C and one in Go.
package main

// #include "index.h"
import "C"

import (
	"fmt"
	"log"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
)

const usual = 1000000

// askMirror asks a mirror for a key that the index doesn't have.
func askMirror(key, size int, answers chan string) {
	request := make([]byte, size)
	for i := range request {
		request[i] = byte(key)
	}
	answer := <-answers // the defect: waits for ever if the mirror does not answer
	copy(request, answer)
}

func serve(first, n int) (found int) {
	for key := first; key < first+n; key++ {
		if C.index_find(C.uint(key)) >= 0 {
			found++
		} else if key%2000 == 1 {
			go askMirror(key, 64<<10, make(chan string))
		}
	}
	return found
}

// writeProfile writes one of the profiles that the Go runtime keeps.
func writeProfile(kind, path string) {
	file, err := os.Create(path)
	if err != nil {
		log.Fatal(err)
	}
	runtime.GC()
	if err := pprof.Lookup(kind).WriteTo(file, 0); err != nil {
		log.Fatal(err)
	}
	file.Close()
}

func resident() (pages int) {
	file, err := os.Open("/proc/self/statm")
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	fmt.Fscan(file, new(int), &pages)
	return pages
}

// Usage: lookups [REQUESTS]
func main() {
	var ofGo runtime.MemStats

	requests := usual
	if len(os.Args) > 1 {
		requests, _ = strconv.Atoi(os.Args[1])
	}
	serve(0, requests/4)
	writeProfile("heap", "go.1.pb.gz")
	found := serve(requests/4, requests)
	writeProfile("heap", "go.2.pb.gz")
	runtime.ReadMemStats(&ofGo)
	fmt.Printf("found %d of %d keys\n", found, requests)
	fmt.Printf("%d MiB resident; Go has %d MiB from the system\n", resident()*os.Getpagesize()>>20,
		(ofGo.Sys-ofGo.HeapReleased)>>20)
}
