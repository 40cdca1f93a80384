// Package shelf keeps things.
package shelf

import "fmt"

// Limit is how much fits.
const Limit = 3

const (
	// A is first.
	A, b = iota, 2
	_    = 3 // dropped
	c
)

var (
	Global map[string]int
	local  = func() int { return 1 }()
)

var single, Double = 1, 2

// Shelf holds things.
//
// More of it.
//
//go:generate stringer
type Shelf[T any] struct {
	Width, depth int // trailing
	// Name is a field's doc.
	Name string `json:"name"`
	Embedded
}

type (
	Alias = Shelf[int]
	Kind  int
	// Reader reads.
	Reader interface {
		Read(p []byte) (n int, err error)
		fmt.Stringer
	}
)

/* Put puts. */
func (s *Shelf[T]) Put(
	item T,
	count int,
) error {
	type inner struct{ x int }
	const hidden = 1
	return nil
}

func (other) Nameless() {}

func lower() { fmt.Println(hidden) }
