// SPDX-License-Identifier: MIT
// A policy that is built in place, sealed, and read from then on. The kernel refuses whoever would change it.
'use strict';

const sealmem = require('sealmem');

const policy = sealmem.Region.open('policy', 1 << 20);
policy.alloc(9).set(Buffer.from('allow 443'));
policy.seal();
console.log(Buffer.from(policy.bytes).toString());

try {
  policy.tryWrite('allow all');
} catch (error) {
  console.log(`refused: ${error.code}`);
}
console.log(Buffer.from(policy.bytes).toString());
policy.free();
