import { format } from "./format";

export function show(total: number): string {
  return `Total: ${format(total)}`;
}
