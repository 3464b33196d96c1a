// Checks a ledger's checkpoints and proofs with Go's own transparency log packages, golang.org/x/mod/sumdb/note and
// golang.org/x/mod/sumdb/tlog. Reads one thing a line; every good one must hold, and with any single bit changed it must not.
package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func fail(format string, args ...interface{}) {
	fmt.Printf("FAILED "+format+"\n", args...)
	os.Exit(1)
}

func hash(text string) (h tlog.Hash) {
	bytes, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(bytes) != len(h) {
		fail("not a hash: %q", text)
	}
	copy(h[:], bytes)
	return h
}

func hashes(text string) []tlog.Hash {
	if text == "-" {
		return nil
	}
	var list []tlog.Hash
	for _, one := range strings.Split(text, ",") {
		list = append(list, hash(one))
	}
	return list
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		fail("not a number: %q", text)
	}
	return n
}

// Which bits are tried: with every one of them a proof of seventeen hashes takes 4,352 checks.
var every bool
var turn int

func tried() []int {
	if every {
		bits := make([]int, 256)
		for i := range bits {
			bits[i] = i
		}
		return bits
	}
	turn += 37
	return []int{turn % 256}
}

func flipped(h tlog.Hash, bit int) tlog.Hash {
	h[bit/8] ^= 1 << (bit % 8)
	return h
}

// rejects changes single bits of the hashes in turn; none may hold.
func rejects(what string, proof []tlog.Hash, others []*tlog.Hash, holds func() error) (count int) {
	places := append([]*tlog.Hash{}, others...)
	for i := range proof {
		places = append(places, &proof[i])
	}
	for place, h := range places {
		good := *h
		for _, bit := range tried() {
			*h = flipped(good, bit)
			if holds() == nil {
				fail("%s: bit %d of hash %d changed, and it holds", what, bit, place)
			}
			count++
		}
		*h = good
	}
	return count
}

func main() {
	var notes, inclusions, consistencies, rejected int
	var verifier note.Verifier
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 1<<20)
	for input.Scan() {
		words := strings.Fields(input.Text())
		switch words[0] {
		case "every":
			every = words[1] == "bit"
		case "key":
			var err error
			if verifier, err = note.NewVerifier(words[1]); err != nil {
				fail("key: %v", err)
			}
		case "note":
			msg, _ := base64.StdEncoding.DecodeString(words[1])
			open := func(msg []byte) (*note.Note, error) { return note.Open(msg, note.VerifierList(verifier)) }
			opened, err := open(msg)
			if err != nil || len(opened.Sigs) != 1 {
				fail("note: %v", err)
			}
			// Of the text, every single bit.
			for i := range opened.Text {
				for bit := 0; bit < 8; bit++ {
					msg[i] ^= 1 << bit
					if _, err := open(msg); err == nil {
						fail("note: bit %d of byte %d changed, and it opens", bit, i)
					}
					msg[i] ^= 1 << bit
					rejected++
				}
			}
			notes++
		case "inclusion":
			size, index := number(words[1]), number(words[2])
			root, leaf, proof := hash(words[3]), hash(words[4]), hashes(words[5])
			check := func() error { return tlog.CheckRecord(proof, size, root, index, leaf) }
			what := fmt.Sprintf("leaf %d of %d", index, size)
			if err := check(); err != nil {
				fail("%s: %v", what, err)
			}
			rejected += rejects(what, proof, []*tlog.Hash{&root, &leaf}, check)
			inclusions++
		case "consistency":
			old, size := number(words[1]), number(words[2])
			oldRoot, root, proof := hash(words[3]), hash(words[4]), hashes(words[5])
			check := func() error { return tlog.CheckTree(proof, size, root, old, oldRoot) }
			what := fmt.Sprintf("%d to %d", old, size)
			if err := check(); err != nil {
				fail("%s: %v", what, err)
			}
			rejected += rejects(what, proof, []*tlog.Hash{&root, &oldRoot}, check)
			consistencies++
		default:
			fail("what is %q?", words[0])
		}
	}
	fmt.Printf("notes %d inclusions %d consistencies %d rejected %d\n", notes, inclusions, consistencies, rejected)
}
