import { Base } from "./base";

/** How much fits. */
export const LIMIT: number = 3;
let counter = 0;
var old: string, older;
export const { first, second } = counter;

/**
 * Greets.
 * @param name whom
 */
export async function greet(name: string, loud?: boolean): Promise<string> {
  const inner = () => name;
  function local() {}
  return inner();
}

function overloaded(a: string): void;
function overloaded(a: number): void;
function overloaded(a: any) {}

export const arrow = async <T,>(x: T): Promise<T> => x;
export default class Shelf<T> extends Base<T> implements Holder {
  static readonly size = 3;
  #secret = 1;
  private hidden?: string;
  handler = () => this.hidden;

  constructor(private readonly store: Store) { super(); }

  // Says how wide.
  get width(): number { return 1; }
  set width(value) {}
  async *items(): AsyncIterable<T> {}
  private shelve() {}
  static of() {}
  [Symbol.iterator]() {}
  "quoted name"() {}
}

/** Decorated. */
@Component({
  selector: "x",
})
export class Widget {
  /** An input. */
  @Input() value: string;

  /** Clicked. */
  @HostListener("click")
  onClick() {}
}

export abstract class Shape {
  abstract area(): number;
  protected abstract name: string;
}

export interface Holder extends Other, More<string> {
  readonly width: number;
  hold(item: Item): void;
  (call: string): void;
  new (x: number): Holder;
  "dashed-name": string;
}

export type Pair<A, B> = { left: A; right: B } | null;
export type Options = {
  verbose: boolean;
  run(): void;
};
type Union =
  | "a"
  | "b";

export enum Color { Red, Green = "green", "Blue!" = 3 }
declare const enum Flags { None }
export namespace Outer.Inner {
  export function visible() {}
  function invisible() {}
  export const value = 1;
}
declare module "ambient" {
  export function fromAmbient(): void;
}
declare global {
  interface Window { mine: string }
}
declare function declared(x: number): string;
declare var GLOBAL: string;

const listed = 1;
function alsoListed() {}
export { listed, alsoListed as renamed };
