#!/usr/bin/env node
import fs, { promises as p } from 'node:fs';
export * as util from './util.js';
export default async function () { await import('./lazy.js'); }
export const view = () => <Panel kind="x"><span/></Panel>;
export class Klass {}
for (const f of p.list(fs.constants)) f();
