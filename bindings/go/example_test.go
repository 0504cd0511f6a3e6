// SPDX-License-Identifier: MIT

package sealmem_test

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"sealmem"
)

// A policy that nobody changes after it was made, and a store that is refused.
func Example() {
	policy, err := sealmem.Open("policy", 1<<20, sealmem.Content)
	if err != nil {
		panic(err)
	}
	defer policy.Close()
	if err := policy.Put([]byte("allow 443")); err != nil {
		panic(err)
	}
	if err := policy.Seal(); err != nil {
		panic(err)
	}
	err = policy.TryWrite(0, []byte("deny"))
	fmt.Println(string(policy.Bytes()), errors.Is(err, syscall.EFAULT))
	// Output: allow 443 true
}

func ExampleNew() {
	policy, err := sealmem.New("policy", []byte("allow 443"), sealmem.Content)
	if err != nil {
		panic(err)
	}
	defer policy.Close()
	fmt.Println(policy.Name(), policy.Len(), policy.Guarantees())
	// Output: policy 9 CONTENT
}

func ExampleFromFileWith() {
	file, err := os.Open("go.mod")
	if err != nil {
		panic(err)
	}
	defer file.Close()
	wrong := errors.New("the digest is wrong")
	_, err = sealmem.FromFileWith("go.mod", file, 1<<20, sealmem.Content, nil, func(bytes []byte) error {
		return wrong
	})
	fmt.Println(err)
	// Output: the digest is wrong
}

func ExampleHeap() {
	keys, err := sealmem.NewHeap("keys", 1<<20, sealmem.NoDump)
	if err != nil {
		panic(err)
	}
	defer keys.Close()
	key, err := keys.Alloc(32)
	if err != nil {
		panic(err)
	}
	defer key.Free()
	fmt.Println(copy(key.Bytes(), "secret"), key.Len())
	// Output: 6 32
}
