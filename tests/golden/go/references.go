package main

import (
	"context"
	. "dotted"
	_ "embed"
	yaml "gopkg.in/yaml.v2"
	"example.org/flag/v2"
	"gopkg.in/ini.v1"
	`raw/path`
)

func main() {
	var ctx context.Context = context.Background()
	flag.Parse()
	ini.Load(yaml.X.Y)
	v := &Config{Name: "x", Sub: Sub{Deep: 1}}
	v.Run(ctx)
	generic[int](v.Field)
	pkg.Generic[string, Config](nil)
	go func() { path.Join() }()
	m := map[string]Config{}
	switch x := any(v).(type) {
	case *Config:
		x.Y++
	}
}
