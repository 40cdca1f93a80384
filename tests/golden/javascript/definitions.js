'use strict';
const { readFile, join: glue } = require('./fs');
const path = require("path");
var later = later || require('later').part;

/** A queue. */
class Queue extends path.Base {
  static limit = 1;
  #items = [];
  constructor() { super(); }
  get size() { return this.#items.length; }
  push(item) { this.#items.push(item); this.#grow(); }
  #grow() {}
}

// Old style.
function Old(a, b) {}
Old.prototype.run = function run() {};
Old.helper = (x) => x;
function* generate() {}

const object = {
  shorthand() {},
  pair: function () {},
  arrow: () => readFile(glue),
};
const Named = class Hidden { m() {} };
let x = 1, y = 2;

exports.one = function () {};
exports.two = Old;
module.exports.three = () => {};
module.exports = { Queue, generate: generate, Old };
