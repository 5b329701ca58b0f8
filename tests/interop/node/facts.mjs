// How these clients talk with the test that started them; see ../foreign.py.
import { createInterface } from 'node:readline';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Facts from the test: addresses, names, secrets. */
export const facts = JSON.parse(process.argv[2]);

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

/** Sends a person to an address and returns where they arrived. */
export async function open(url) {
  say({ open: String(url) });
  return new URL(JSON.parse((await lines.next()).value).arrived);
}

/** Says how it all went, and ends. */
export function end(result) {
  say({ result });
  process.exit(0);
}
