import "./side-effect.js";
import def from "./def";
import * as ns from "ns";
import both, { one, two as zwei } from "../both";
import type { OnlyType } from "./types";
import { type Inline } from "./inline";
import legacy = require("legacy");
import defaultAndNs, * as all from "mixed";
export { a, b as c } from "./re";
export * from "./everything";
export * as named from "./named";
export type { T } from "./t";

const lazy = import("./lazy");
const cjs = require("cjs");

def(ns.member, zwei?.maybe);
new ns.Thing<OnlyType>(one.two.three());
legacy.call<Inline>();
obj.method().chained[0].deep;
function typed(x: ns.Type, y: Array<OnlyType | Local>): x is Local {
  return (x as unknown as Inline) satisfies Local;
}
@def.decorate
class Sub extends ns.Base implements Face {}
