// SPDX-License-Identifier: MIT
/*
 * The package of Node: what it promises, and that nothing of it leaks. It prints TAP.
 *
 *     node --expose-gc behaviour.js SOURCE
 */
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { setImmediate: turn, setTimeout: pause } = require('node:timers/promises');
const { isMainThread, parentPort, Worker, workerData } = require('node:worker_threads');
const sealmem = require('sealmem');

const { CONTENT, ADDRESS, SECRECY, GUARDS, Region, Heap, Publisher } = sealmem;
const SOURCE = process.argv[2];
const PATIENCE = 60_000;
const text = (bytes) => Buffer.from(bytes).toString();
const lines = (file) => fs.readFileSync(file, 'latin1').split('\n').length;

class Skip extends Error {}

/** The error of the library that a function throws: its errno fits its code, and it has a sentence. */
function refused(code, act) {
  let error;
  try {
    act();
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(error, `nothing was thrown; expected ${code}`);
  assert.equal(error.code, code, error.stack);
  if (code in os.constants.errno) assert.equal(error.errno, -os.constants.errno[code]);
  assert.match(error.message, /\w/);
  return error;
}

/** Waits for a condition, while garbage is collected. */
async function until(what, holds) {
  const end = Date.now() + PATIENCE;
  while (!holds()) {
    assert.ok(Date.now() < end, what);
    global.gc();
    await turn();
    await pause(5);
  }
}

function temporary(use) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sealmem-'));
  const done = () => fs.rmSync(folder, { recursive: true });
  return Promise.resolve(use(folder)).finally(done);
}

/** A program that runs in a process of its own. */
function run(program) {
  return spawnSync(process.execPath, ['-e', `const s = require('sealmem'); ${program}`], { encoding: 'utf8' });
}

function isSupported(guarantee) {
  return (sealmem.supported() & guarantee) === guarantee;
}

const tests = {
  'the constants are those of the header'() {
    const header = fs.readFileSync(path.join(SOURCE, 'include/sealmem.h'), 'utf8');
    const found = [...header.matchAll(/^# ?define SEALMEM_(\w+[^_\W])\s+(0x[0-9a-f]+|\d+)u?$/gm)];
    assert.ok(found.length > 10);
    for (const [, name, value] of found) {
      assert.equal(sealmem.constants[name], Number(value), name);
      assert.equal(sealmem[name], Number(value), name);
    }
    assert.ok(Object.isFrozen(sealmem.constants));
    assert.equal(sealmem.guaranteeName(CONTENT), 'CONTENT');
    assert.equal(sealmem.guaranteeName(3), null);
    assert.match(header, new RegExp(`SEALMEM_VERSION "${sealmem.version()}"`));
    assert.ok(Number.isInteger(Math.log2(sealmem.pageSize())));
  },

  'each errno of the header has a name'() {
    const header = fs.readFileSync(path.join(SOURCE, 'include/sealmem.h'), 'utf8');
    const names = fs.readFileSync(path.join(SOURCE, 'bindings/node/values.c'), 'utf8');
    const documented = new Set([...header.matchAll(/-(E[A-Z0-9]{3,})\b/g)].map((match) => match[1]));
    assert.ok(documented.size > 30);
    for (const name of documented) assert.ok(names.includes(`NAME(${name})`), name);
  },

  'the declarations have each name, and only those'() {
    const said = fs.readFileSync(path.join(path.dirname(require.resolve('sealmem')), 'index.d.ts'), 'utf8');
    const declared = [...said.matchAll(/^export (?:const|function|class) (\w+)/gm)].map((match) => match[1]);
    assert.deepEqual(declared.sort(), Object.keys(sealmem).sort());
    for (const name of ['Region', 'Heap', 'Secret', 'Publisher', 'Subscription']) {
      const body = said.match(new RegExp(`class ${name} extends Owner \\{(.*?)\\n\\}`, 's'))[1];
      const members = new Set([...body.matchAll(/^ {2}(?:static |readonly )?(\w+)[:(]/gm)].map((match) => match[1]));
      const own = [sealmem[name].prototype, sealmem[name]].flatMap(Object.getOwnPropertyNames);
      const inherited = ['constructor', 'free', 'length', 'name', 'prototype'];
      for (const member of own) assert.ok(members.has(member) || inherited.includes(member), `${name}.${member}`);
      for (const member of members) assert.ok(own.includes(member), `${name}.${member} is not there`);
    }
  },

  'a region is writable first, and sealed later'() {
    const region = Region.open('policy', 1 << 20);
    const rule = region.alloc(9);
    rule.set(Buffer.from('allow 443'));
    region.tryWrite('A');
    assert.equal(text(region.bytes), 'Allow 443');
    region.tryWrite('a');
    assert.equal(region.sealed, false);
    assert.equal(region.guarantees, 0);
    const { address } = region;
    assert.equal(region.seal(), region);
    assert.equal(region.seal(), region);
    assert.equal(region.address, address);
    assert.ok(region.sealed);
    assert.equal(region.guarantees, CONTENT);
    assert.equal(region.name, 'policy');
    assert.equal(region.length, 9);
    assert.match(refused('EFAULT', () => region.tryWrite('A')).message, /refuses the store/);
    refused('EPERM', () => region.alloc(1));
    refused('EPERM', () => region.put('x'));
    refused('EPERM', () => region.trim(1));
    refused('EINVAL', () => region.tryWrite('A', 9));
    assert.equal(text(region.bytes), 'allow 443');
    region.free();
  },

  'a region shows its memory without a copy'() {
    const region = Region.open('r', 1 << 16);
    const first = region.bytes;
    region.alloc(4).fill(7);
    assert.equal(first[0], 7);
    region.tryWrite([1].map(String).join());
    assert.equal(first[0], 0x31);
    assert.equal(region.bytes.buffer, region.bytes.buffer);
    region.free();
  },

  'pieces grow, shrink and follow each other'() {
    const region = Region.open('r', 1 << 16);
    assert.equal(region.realloc(4).length, 4);
    region.realloc(8).fill(1);
    assert.equal(region.put(Buffer.from('ab')), 8);
    assert.equal(region.put('c'), 10);
    assert.equal(region.alloc(16, 64).byteOffset, 64);
    refused('EINVAL', () => region.alloc(1, 3));
    refused('ENOMEM', () => region.alloc(1 << 20));
    region.trim(11);
    region.seal();
    assert.deepEqual([...region.bytes], [1, 1, 1, 1, 1, 1, 1, 1, 97, 98, 99]);
    region.free();
  },

  'a store through a view after the seal ends the process, and the line names the region'() {
    const program = (last) => run(`s.reportFaults(); const r = s.Region.open('policy', 64); r.put('abc');
      r.bytes[1] = 120; r.seal(); const view = r.bytes; console.log(String(Buffer.from(view))); ${last}`);
    const ended = program('view[1] = 1; console.log("stored");');
    assert.equal(ended.signal, 'SIGSEGV', ended.stderr);
    assert.match(ended.stderr, /sealmem: stray store to sealed region "policy" at offset 1 /);
    assert.equal(ended.stdout, 'axc\n');
    const loaded = program('console.log(view[1]);');
    assert.equal(loaded.status, 0, loaded.stderr);
    assert.equal(loaded.stdout, 'axc\n120\n');
  },

  'a store through a view from before the seal does nothing'() {
    const region = Region.open('r', 64);
    const piece = region.alloc(3);
    const all = region.bytes;
    piece.fill(5);
    region.seal();
    piece[0] = all[0] = 9;
    assert.equal(piece.length + all.length, 0);
    assert.deepEqual([...region.bytes], [5, 5, 5]);
    region.free();
  },

  'a system call that would store to a sealed region throws'() {
    return temporary((folder) => {
      fs.writeFileSync(path.join(folder, 'file'), 'new');
      const fd = fs.openSync(path.join(folder, 'file'));
      const region = Region.open('r', 64);
      region.put('old');
      assert.equal(fs.readSync(fd, region.bytes, 0, 3, 0), 3);
      assert.equal(text(region.bytes), 'new');
      region.tryWrite('old');
      region.seal();
      refused('EFAULT', () => fs.readSync(fd, region.bytes, 0, 3, 0));
      assert.equal(text(region.bytes), 'old');
      fs.closeSync(fd);
    });
  },

  'a view has no bytes after free'() {
    for (const seal of [false, true]) {
      const region = Region.open('r', 64);
      region.put('abc');
      if (seal) region.seal();
      const view = region.bytes;
      region.free();
      region.free();
      view[0] = 1;
      assert.equal(view.length, 0);
      assert.equal(view[0], undefined);
      assert.ok(region.freed);
      refused('ERR_INVALID_STATE', () => region.bytes);
      refused('ERR_INVALID_STATE', () => region.seal());
      refused('ERR_INVALID_STATE', () => region.length);
    }
  },

  async 'a view keeps its memory, and the last one gives it back'() {
    const is = (name) => fs.readFileSync('/proc/self/maps', 'latin1').includes(`sealmem:${name}`);
    let view = (() => Region.from('kept-by-view', 'abc').bytes.subarray(1))();
    for (let i = 0; i < 5; i++) {
      global.gc();
      await turn();
    }
    assert.ok(is('kept-by-view'));
    assert.equal(text(view), 'bc');
    view = null;
    await until('the memory went', () => !is('kept-by-view'));
  },

  'an ArrayBuffer that was moved keeps its memory after free'() {
    const region = Region.open('r', 64);
    region.put('abc');
    const { buffer } = region.bytes;
    if (!buffer.transfer) throw new Skip('this Node has no ArrayBuffer.prototype.transfer()');
    const moved = new Uint8Array(buffer.transfer(), 0, 3);
    refused('ERR_INVALID_STATE', () => region.bytes);
    refused('ERR_INVALID_STATE', () => region.seal());
    region.free();
    assert.equal(text(moved), 'abc');
  },

  'a message to a thread takes a copy, or is refused'() {
    const region = Region.from('r', 'abc');
    const view = region.bytes;
    let other;
    try {
      other = structuredClone(view, { transfer: [view.buffer] });
    } catch (error) {
      assert.equal(error.name, 'DataCloneError');
    }
    region.free();
    if (other) assert.equal(text(other), 'abc');
  },

  'an empty region has no bytes'() {
    const region = Region.from('empty', '');
    assert.equal(region.bytes.length, 0);
    assert.equal(region.guarantees, CONTENT);
    region.free();
  },

  'what the library refuses is thrown with its errno'() {
    refused('EINVAL', () => Region.open('r', 64, 0));
    refused('EINVAL', () => Region.open('a\0b', 64));
    refused('EINVAL', () => Region.open('r', 0));
    refused('ENAMETOOLONG', () => Region.open('n'.repeat(sealmem.NAME_MAX + 1), 64));
    refused('ENAMETOOLONG', () => Region.open('n'.repeat(5000), 64));
    Region.open('n'.repeat(sealmem.NAME_MAX), 64).free();
    const file = fs.openSync('/proc/self/maps');
    refused('ENODEV', () => Region.accept(file));
    fs.closeSync(file);
    refused('EBADF', () => Region.accept(file));
  },

  'arguments of a wrong type or range throw before anything happens'() {
    const region = Region.open('r', 64);
    for (const size of [-1, 1.5, NaN, Infinity, 2 ** 60, -1n, 1n << 70n]) refused('ERR_OUT_OF_RANGE', () => region.alloc(size));
    for (const size of ['1', null, {}, undefined]) refused('ERR_INVALID_ARG_TYPE', () => region.alloc(size));
    refused('ERR_INVALID_ARG_TYPE', () => region.put(5));
    refused('ERR_INVALID_ARG_TYPE', () => region.send('x'));
    refused('ERR_ILLEGAL_CONSTRUCTOR', () => new Region());
    assert.throws(() => Object.getOwnPropertyDescriptor(Region.prototype, 'length').get.call({}), TypeError);
    const native = require('sealmem/sealmem.node');
    for (const [name, call] of Object.entries(native)) {
      if (!/^(region|heap|secret|publisher|subscription)/.test(name)) continue;
      for (const wrong of [[], [{}], [{}, {}, {}], [null], ['x', 'x'], [5, 5, 5, 5]]) {
        if (!/Open|New|Accept|Receive/.test(name)) assert.throws(() => call(...wrong), Error, name);
      }
    }
    assert.equal(region.alloc(8n).length, 8);
    region.free();
  },

  'a region of a file tells its progress, and has its bytes verified'() {
    return temporary((folder) => {
      fs.writeFileSync(path.join(folder, 'file'), 'x'.repeat(3 << 20));
      const fd = fs.openSync(path.join(folder, 'file'));
      const told = [];
      const region = Region.fromFile('f', fd, {
        progress: (done, total) => void told.push([done, total]),
        verify: (bytes) => bytes.length === 3 << 20 && bytes[5] === 120,
      });
      assert.deepEqual(told.at(-1), [3 << 20, 3 << 20]);
      assert.equal(region.length, 3 << 20);
      refused('EKEYREJECTED', () => Region.fromFile('f', fd, { verify: () => false }));
      refused('EFBIG', () => Region.fromFile('f', fd, { limit: 5 }));
      const mine = new Error('mine');
      const throwing = () => {
        throw mine;
      };
      assert.throws(() => Region.fromFile('f', fd, { verify: throwing }), mine);
      assert.throws(() => Region.fromFile('f', { fd }, { progress: throwing }), mine);
      Region.fromFile('f', { fd }).free();
      fs.closeSync(fd);
    });
  },

  'a sealed region is sent, received and accepted'() {
    const [here, there] = sealmem.socketPair();
    const open = Region.open('open', 64);
    refused('EPERM', () => open.send(here));
    const region = Region.from('sent', 'abc');
    region.send(here);
    const received = Region.receive(there, { limit: 3, guarantees: CONTENT | GUARDS });
    assert.deepEqual([received.name, text(received.bytes), received.guarantees], ['sent', 'abc', CONTENT | GUARDS]);
    const accepted = Region.accept(received.fd);
    assert.equal(text(accepted.bytes), 'abc');
    refused('EFBIG', () => Region.accept(received.fd, { limit: 2 }));
    refused('EFAULT', () => accepted.tryWrite('x'));
    assert.equal(text(region.bytes), 'abc');
    fs.closeSync(here);
    refused('ECONNRESET', () => Region.receive(there));
    fs.closeSync(there);
  },

  'a secret region is stored and restored'() {
    if (!isSupported(CONTENT | SECRECY | ADDRESS)) throw new Skip('no secret memory here');
    const region = Region.from('key', 'abc', CONTENT | SECRECY);
    const fd = region.store();
    const back = Region.restore(fd, 'again');
    assert.equal(text(back.bytes), 'abc');
    refused('EBADF', () => Region.restore(fd, 'again'));
    refused('EOPNOTSUPP', () => back.fd);
    refused('EFAULT', () => back.tryWrite('x'));
  },

  async 'a heap has secrets that are wiped'() {
    const heap = new Heap('keys', 1 << 20);
    const secret = heap.alloc(32);
    secret.bytes.fill(7);
    heap.check();
    refused('EBUSY', () => heap.free());
    const before = secret.bytes;
    secret.resize(5000);
    assert.equal(before.length, 0);
    assert.equal(secret.length, 5000);
    assert.deepEqual([secret.bytes[31], secret.bytes[32]], [7, 0]);
    const view = secret.bytes;
    secret.free();
    assert.equal(view.length, 0);
    refused('ERR_INVALID_STATE', () => secret.bytes);
    refused('ENOMEM', () => heap.alloc(1 << 30));
    refused('EINVAL', () => new Heap('keys', 1 << 20, CONTENT));
    (() => heap.alloc(16).bytes)();
    const isFree = () => {
      try {
        heap.free();
        return true;
      } catch {
        return false;
      }
    };
    await until('the secret went', isFree);
    refused('ERR_INVALID_STATE', () => heap.alloc(1));
  },

  'secrets are compared and wiped'() {
    const key = Buffer.from('secret');
    assert.ok(sealmem.equal(key, new Uint8Array(Buffer.from('secret'))));
    assert.ok(!sealmem.equal(key, Buffer.from('secreT')));
    assert.ok(!sealmem.equal(key, Buffer.from('secre')));
    const wide = new Uint32Array([1, 2, 3]);
    sealmem.wipe(wide.subarray(1));
    assert.deepEqual([...wide], [1, 0, 0]);
    sealmem.wipe(key);
    assert.ok(sealmem.equal(key, new DataView(new ArrayBuffer(6))));
  },

  'a publisher in another thread gives generations to a subscription'() {
    return temporary(async (folder) => {
      const place = path.join(folder, 's');
      const worker = new Worker(__filename, { workerData: { place } });
      const said = () => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
      try {
        await said();
        const socket = sealmem.connect(place);
        const subscription = sealmem.subscribe(socket, 'policy');
        fs.closeSync(socket);
        const first = subscription.acquire();
        const { generation } = subscription;
        assert.deepEqual([text(first.bytes), first.sealed], ['one', true]);
        refused('EPERM', () => first.alloc(1));
        refused('EBUSY', () => subscription.free());
        worker.postMessage('two');
        await until('the second generation came', () => subscription.update());
        assert.ok(subscription.generation > generation);
        assert.equal(text(first.bytes), 'one');
        const second = subscription.acquire();
        assert.equal(text(second.bytes), 'two');
        const view = first.bytes;
        first.free();
        assert.equal(view.length, 0);
        second.free();
        subscription.free();
        const other = sealmem.connect(place);
        const [published] = sealmem.listPublished(other);
        assert.deepEqual([published.name, published.label, published.size], ['policy', 'second', 3n]);
        fs.closeSync(other);
        const third = sealmem.connect(place);
        refused('EACCES', () => sealmem.subscribe(third, 'forbidden'));
        fs.closeSync(third);
        refused('ECONNREFUSED', () => {
          fs.renameSync(place, `${place}-old`);
          const deaf = sealmem.listen(place);
          fs.closeSync(deaf);
          sealmem.connect(place);
        });
      } finally {
        await worker.terminate();
      }
    });
  },

  'a publisher numbers its generations, and has limits'() {
    return temporary((folder) => {
      const socket = sealmem.listen(path.join(folder, 's'));
      const publisher = new Publisher(socket);
      assert.equal(publisher.generation(), 0n);
      publisher.announce('later');
      publisher.continueFrom(1n << 62n);
      assert.equal(publisher.reserve(), (1n << 62n) + 1n);
      publisher.publish(Region.from('a', 'x'), { name: 'b' });
      assert.equal(publisher.generation('b'), (1n << 62n) + 1n);
      assert.equal(publisher.generation('a'), 0n);
      publisher.setLimits({ clients: 1, clientsOfUser: 1, namesOfClient: 1 });
      refused('EINVAL', () => publisher.setLimits({ clients: 0, clientsOfUser: 1, namesOfClient: 1 }));
      refused('EPERM', () => publisher.publish(Region.open('o', 1)));
      refused('ERR_INVALID_ARG_TYPE', () => publisher.publish({}));
      publisher.setAdmission(() => {
        throw new Error('mine');
      });
      const client = sealmem.connect(path.join(folder, 's'));
      publisher.dispatch();
      assert.ok(publisher.fd >= 0);
      fs.closeSync(client);
      publisher.free();
      fs.closeSync(socket);
      refused('ERR_INVALID_STATE', () => publisher.dispatch());
    });
  },

  'a shared object is loaded as verified, and sealed'() {
    const said = run(`const fs = require('fs');
      const file = fs.readFileSync('/proc/self/maps', 'latin1').match(/\\/\\S*libm\\.so\\S*/)?.[0];
      if (!file) { console.log('none'); process.exit(); }
      const fd = fs.openSync(file);
      const now = require('os').constants.dlopen.RTLD_NOW;
      try { s.loadVerified(fd, () => false, now); } catch (error) { console.log(error.code); }
      const object = s.loadVerified(fd, (bytes) => bytes.length > 0, now);
      console.log(typeof object);
      try { console.log(s.sealLoaded(object).objects > 0); } catch (error) { console.log(error.code); }
      try { console.log(s.sealImage().text.size > 0); } catch (error) { console.log(error.code); }`);
    assert.equal(said.status, 0, said.stderr);
    if (said.stdout === 'none\n') throw new Skip('this Node maps no libm.so');
    const sealed = isSupported(ADDRESS) ? 'true' : 'EOPNOTSUPP';
    assert.equal(said.stdout, `EKEYREJECTED\nbigint\n${sealed}\n${sealed}\n`);
  },

  'addresses are kept available only with a filter'() {
    refused('EOPNOTSUPP', () => Region.from('r', 'abc').keepAvailable());
    const said = run(`try { s.allowEmulation(); s.Region.from('r', 'abc').keepAvailable(); } catch (error) { console.log(error.code); }`);
    assert.equal(said.status, 0, said.stderr);
    assert.match(said.stdout, /^(EOPNOTSUPP\n|EBUSY\n)?$/);
  },

  'the example runs'() {
    const ran = spawnSync(process.execPath, [path.join(SOURCE, 'bindings/node/example.js')], { encoding: 'utf8' });
    assert.equal(ran.stderr, '');
    assert.equal(ran.stdout, 'allow 443\nrefused: EFAULT\nallow 443\n');
  },

  async 'regions that come and go leave nothing behind'() {
    const count = Math.ceil((100_000 * Number(process.env.SEALMEM_TEST_SCALE ?? 100)) / 100);
    const state = () => [fs.readdirSync('/proc/self/fd').length, lines('/proc/self/maps')];
    const data = Buffer.alloc(64, 1);
    const batch = async (many) => {
      for (let i = 0; i < many; i++) {
        const region = Region.from('r', data);
        assert.equal(region.bytes[i % 64], 1);
        // Every tenth is left to the collector.
        if (i % 10) region.free();
      }
      global.gc();
      await turn();
    };
    for (let i = 0; i < 5; i++) await batch(1000);
    const named = () => fs.readFileSync('/proc/self/maps', 'latin1').includes('sealmem:r');
    await until('no region is mapped', () => !named());
    const [fds] = state();
    const { rss } = process.memoryUsage();
    for (let done = 0; done < count; done += 2000) await batch(Math.min(2000, count - done));
    await until('no region is mapped', () => !named() && state()[0] <= fds);
    assert.ok(process.memoryUsage().rss < rss + (64 << 20), `${process.memoryUsage().rss - rss} bytes more`);
    console.log(`# ${count} regions, ${process.memoryUsage().rss - rss} bytes more`);
  },
};

async function attempt(number, [title, test]) {
  try {
    await test();
    console.log(`ok ${number} - ${title}`);
  } catch (error) {
    if (error instanceof Skip) return console.log(`ok ${number} ${title} # skip ${error.message}`);
    process.exitCode = 1;
    console.log(`not ok ${number} - ${title}\n${`${error?.stack ?? error}`.replace(/^/gm, '# ')}`);
  }
}

async function main() {
  const all = Object.entries(tests);
  console.log(`1..${all.length}`);
  for (const [index, test] of all.entries()) await attempt(index + 1, test);
}

/** The thread that publishes. */
function publish() {
  const socket = sealmem.listen(workerData.place);
  const publisher = new Publisher(socket);
  publisher.setAdmission((peer, name) => peer.uid === process.getuid() && name !== 'forbidden');
  publisher.publish(Region.from('policy', 'one'));
  publisher.announce('forbidden');
  setInterval(() => publisher.dispatch(), 2);
  parentPort.on('message', (data) => publisher.publish(Region.from('policy', data), { label: 'second' }));
  parentPort.postMessage('ready');
}

if (isMainThread) main();
else publish();
