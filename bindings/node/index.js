// SPDX-License-Identifier: MIT
/**
 * Memory on Linux that cannot change once it is sealed: libsealmem in the manner of Node. sealmem(3) and sealmem(7) say
 * what the library promises.
 *
 * What fails throws an Error with `code`, such as "EPERM", with `errno`, which is negative as in all errors of Node, and
 * with the sentence of the library for its message.
 *
 * Memory is shown by an ArrayBuffer without a copy, and stays for as long as JavaScript can reach that. seal(), free() and
 * resize() detach it: views from before have no bytes any more, and a store through one of them does nothing. A store
 * through a view from after the seal ends the process with SIGSEGV, because V8 cannot make an exception of it.
 * reportFaults() has it name the region first. A system call that would store there, such as fs.readSync(), throws EFAULT,
 * and Region.tryWrite() throws it too.
 *
 * An asynchronous call that has a view, such as fs.write(), has to be over before free() and resize().
 *
 * No function here waits for anything else than what it does, with these exceptions: Region.fromFile() and receive() wait
 * for their source, send() for room, subscribe() and listPublished() for the publisher. They wait as the socket does.
 */
'use strict';

const { constants: limits } = require('node:buffer');
const native = require('./sealmem.node');

const KEY = Symbol('sealmem');
const EVERYTHING = Number.MAX_SAFE_INTEGER;
const numbers = Object.freeze(native.constants());
const { CONTENT, SECRECY } = numbers;

function invalidState(what) {
  return Object.assign(new Error(what), { code: 'ERR_INVALID_STATE' });
}

function invalidType(what) {
  return Object.assign(new TypeError(what), { code: 'ERR_INVALID_ARG_TYPE' });
}

/** Only this file makes objects, because each of them has a handle. */
function expectKey(key) {
  if (key !== KEY) throw Object.assign(new TypeError('Illegal constructor'), { code: 'ERR_ILLEGAL_CONSTRUCTOR' });
}

/** A descriptor, or an object that has one, such as a FileHandle. */
function fdOf(file) {
  return typeof file === 'object' && file !== null ? file.fd : file;
}

function bytesOf(data) {
  return typeof data === 'string' ? Buffer.from(data) : data;
}

/** The one ArrayBuffer that shows memory at a time. */
class Window {
  #buffer;

  /** The first bytes, as long as `make` makes it. */
  show(size, make, offset = 0) {
    if (offset + size > limits.MAX_LENGTH)
      throw Object.assign(new RangeError('more than an ArrayBuffer can show'), { code: 'ERR_OUT_OF_RANGE' });
    this.#buffer ??= make();
    if (this.#buffer.byteLength < offset + size) throw invalidState('the ArrayBuffer was transferred');
    return new Uint8Array(this.#buffer, offset, size);
  }

  /** Whether nobody can see the memory any more. */
  close() {
    if (!native.detach(this.#buffer)) return false;
    this.#buffer = undefined;
    return true;
  }

  expectClose() {
    if (!this.close()) throw invalidState('the ArrayBuffer was transferred');
  }
}

// What only this file may see of an Owner.
let handle, forget;

/** What the classes have in common. */
class Owner {
  #handle;

  static {
    handle = (owner) => {
      if (!(owner instanceof Owner)) throw invalidType('an object of sealmem is needed');
      if (!owner.#handle) throw invalidState('it is freed already');
      return owner.#handle;
    };
    forget = (owner) => {
      owner.#handle = undefined;
    };
  }

  constructor(made) {
    this.#handle = made;
  }

  /** Whether free() was called. */
  get freed() {
    return this.#handle === undefined;
  }

  [Symbol.dispose ?? Symbol.for('Symbol.dispose')]() {
    this.free();
  }
}

/** Gives back memory now, or, if its ArrayBuffer was transferred, when that is gone. */
function release(owner, view) {
  if (owner.freed) return;
  if (view.close()) native.giveBack(handle(owner));
  forget(owner);
}

/** Gives back what has no memory to show. */
function end(owner, free) {
  if (owner.freed) return;
  free(handle(owner));
  forget(owner);
}

/** Memory that is open first and sealed later. Region.open(), Region.from() and so on make one. */
class Region extends Owner {
  #window = new Window();
  #capacity;
  #last;

  /** @hideconstructor */
  constructor(key, made, capacity) {
    expectKey(key);
    super(made);
    this.#capacity = capacity;
  }

  /** Makes an open region of a capacity in bytes. Until it is touched, capacity costs address space only. */
  static open(name, capacity, guarantees = CONTENT) {
    return new Region(KEY, native.regionOpen(`${name}`, capacity, guarantees), Number(capacity));
  }

  /** Makes a sealed region with a copy of bytes, or of a string as UTF-8. */
  static from(name, data, guarantees = CONTENT) {
    return new Region(KEY, native.regionFrom(`${name}`, bytesOf(data), guarantees));
  }

  /**
   * Makes a sealed region of all that a file, a pipe or a socket gives. `progress(done, total)` is told, and
   * `verify(bytes)` gets a copy of the sealed bytes, which it refuses with false. What they throw ends the call.
   */
  static fromFile(name, file, { limit = EVERYTHING, guarantees = CONTENT, progress, verify } = {}) {
    return new Region(KEY, native.regionFromFile(`${name}`, fdOf(file), limit, guarantees, progress, verify));
  }

  /** Takes a descriptor from somebody who is not trusted, but only if nobody can change what it holds. */
  static accept(fd, { limit = EVERYTHING, guarantees = CONTENT } = {}) {
    return new Region(KEY, native.regionAccept(fdOf(fd), limit, guarantees));
  }

  /** Receives a region that send() sent, from a sender who is not trusted. */
  static receive(socket, { limit = EVERYTHING, guarantees = CONTENT } = {}) {
    return new Region(KEY, native.regionReceive(fdOf(socket), limit, guarantees));
  }

  /** Takes back what store() stored, and closes the descriptor. */
  static restore(fd, name, guarantees = CONTENT | SECRECY) {
    return new Region(KEY, native.regionRestore(fd, `${name}`, guarantees));
  }

  #show(size, offset) {
    const all = this.sealed ? this.length : Math.min(this.#capacity, limits.MAX_LENGTH);
    return this.#window.show(size, () => native.regionView(handle(this), all), offset);
  }

  /** The memory itself. A store to it after the seal ends the process. */
  get bytes() {
    return this.#show(this.length);
  }

  /** Takes a zeroed piece of an open region, at a multiple of `align`, a power of two or 0. */
  alloc(size, align = 0) {
    this.#last = native.regionAlloc(handle(this), size, align);
    return this.#show(Number(size), this.#last);
  }

  /** Gives the last piece another size, where it is. */
  realloc(size) {
    if (this.#last === undefined) return this.alloc(size);
    native.regionRealloc(handle(this), this.#last, size);
    return this.#show(Number(size), this.#last);
  }

  /** Puts a copy of bytes right after the piece before. Returns where they begin. */
  put(data) {
    this.#last = native.regionPut(handle(this), bytesOf(data));
    return this.#last;
  }

  /** Takes back what lies after the first bytes of an open region. */
  trim(size) {
    native.regionTrim(handle(this), size);
    if (this.#last >= size) this.#last = undefined;
  }

  /** Seals the region in place. Views from before have no bytes any more, also if it fails. Returns the region. */
  seal() {
    const made = handle(this);
    if (this.sealed) return this;
    this.#window.expectClose();
    native.regionSeal(made);
    this.#capacity = undefined;
    return this;
  }

  /** Whether the region is sealed. */
  get sealed() {
    return this.#capacity === undefined;
  }

  /** The size in bytes. */
  get length() {
    return native.regionSize(handle(this));
  }

  /** The name. */
  get name() {
    return native.regionName(handle(this));
  }

  /** The guarantees in force now. */
  get guarantees() {
    return native.regionGuarantees(handle(this));
  }

  /** The address, which never changes, as a BigInt. */
  get address() {
    return native.regionAddress(handle(this));
  }

  /** The descriptor of a sealed region, read-only, for passing on. It stays the region's. */
  get fd() {
    return native.regionFd(handle(this));
  }

  /** Sends a sealed region over a Unix socket. */
  send(socket) {
    native.regionSend(handle(this), fdOf(socket));
  }

  /** Copies a sealed secret for a service manager. Returns a descriptor, which is the caller's. */
  store() {
    return native.regionStore(handle(this));
  }

  /** Has a filter refuse what mseal(2) leaves open: sealmem_keep_available(3). */
  keepAvailable() {
    native.regionKeepAvailable(handle(this));
  }

  /** Tries a store as an ordinary one, without the signal: it throws EFAULT where a page refuses. */
  tryWrite(data, offset = 0) {
    native.regionTryWrite(handle(this), bytesOf(data), offset);
  }

  /** Frees the region. Its views have no bytes any more. */
  free() {
    release(this, this.#window);
  }
}

/** Memory of a heap, which is wiped when it is freed, or when nothing refers to it any more. */
class Secret extends Owner {
  #window = new Window();

  /** @hideconstructor */
  constructor(key, made) {
    expectKey(key);
    super(made);
  }

  /** The memory itself, until resize() or free(). */
  get bytes() {
    return this.#window.show(this.length, () => native.secretView(handle(this)));
  }

  /** The size in bytes. */
  get length() {
    return native.secretSize(handle(this));
  }

  /** Gives the secret another size. It may move: views from before have no bytes any more. */
  resize(size) {
    const made = handle(this);
    this.#window.expectClose();
    native.secretResize(made, size);
  }

  /** Wipes the secret and gives it back. Its views have no bytes any more. */
  free() {
    release(this, this.#window);
  }
}

/** Memory for secrets that come and go, of at most `limit` bytes. */
class Heap extends Owner {
  constructor(name, limit, guarantees = 0) {
    super(native.heapNew(`${name}`, limit, guarantees));
  }

  /** Allocates a secret of so many bytes, zeroed. */
  alloc(size) {
    return new Secret(KEY, native.heapAlloc(handle(this), size));
  }

  /** Looks at every canary and at every freed byte. A heap that is corrupted ends the process. */
  check() {
    native.heapCheck(handle(this));
  }

  /** The guarantees in force. */
  get guarantees() {
    return native.heapGuarantees(handle(this));
  }

  /** Frees the heap. EBUSY: it has secrets. */
  free() {
    end(this, native.heapFree);
  }
}

/**
 * Gives regions by name to who connects to a socket that listens, such as that of listen(). Node cannot wait for its
 * descriptor: a program calls dispatch() from a timer, or has another program publish (sealmem-serve(1)).
 */
class Publisher extends Owner {
  #admit;

  constructor(socket) {
    super(native.publisherNew(fdOf(socket)));
  }

  /** Publishes a sealed region, under its name or another one. */
  publish(region, { label, name } = {}) {
    native.publisherPublish(handle(this), handle(region), label, name);
  }

  /** Says that a name is going to be published: who subscribes to it waits. */
  announce(name) {
    native.publisherAnnounce(handle(this), `${name}`);
  }

  /** Numbers later generations above this one. */
  continueFrom(generation) {
    native.publisherContinue(handle(this), generation);
  }

  /** The number that the next generation will have. */
  reserve() {
    return native.publisherReserve(handle(this));
  }

  /** The newest number of a name, or of all. 0n: there is none. */
  generation(name) {
    return native.publisherGeneration(handle(this), name);
  }

  /** Readable when dispatch() has something to do. It belongs to the publisher. */
  get fd() {
    return native.publisherFd(handle(this));
  }

  /** Does what is to be done now, without waiting. It throws what the function of setAdmission() has thrown. */
  dispatch() {
    native.publisherDispatch(handle(this), this.#admit);
  }

  /** Has `admit(peer, name)` decide who gets what: name is null for who asks for the list. null admits everybody. */
  setAdmission(admit) {
    handle(this);
    if (admit != null && typeof admit !== 'function') throw invalidType('a function or null is needed');
    this.#admit = admit;
  }

  /** The most that others can take. */
  setLimits({ clients, clientsOfUser, namesOfClient }) {
    native.publisherSetLimits(handle(this), clients, clientsOfUser, namesOfClient);
  }

  /** Closes all connections. */
  free() {
    end(this, native.publisherFree);
  }
}

/** The newest generation of one name. subscribe() makes one. */
class Subscription extends Owner {
  /** @hideconstructor */
  constructor(key, made) {
    expectKey(key);
    super(made);
  }

  /** Takes the newest generation if it has come, without waiting. Returns whether there is a newer one now. */
  update() {
    return native.subscriptionUpdate(handle(this));
  }

  /** Goes on with another connection. */
  reconnect(socket) {
    native.subscriptionReconnect(handle(this), fdOf(socket));
  }

  /** The newest generation: a sealed region, which stays as it is until it is freed. */
  acquire() {
    return new Region(KEY, native.subscriptionAcquire(handle(this)));
  }

  /** The number of the newest generation. */
  get generation() {
    return native.subscriptionGeneration(handle(this));
  }

  /** Readable when update() has something to do. It belongs to the subscription. */
  get fd() {
    return native.subscriptionFd(handle(this));
  }

  /** Closes the connection. EBUSY: generations are in use. */
  free() {
    end(this, native.subscriptionFree);
  }
}

/** Subscribes to a name, over a connection such as that of connect(), and waits for its first generation. */
function subscribe(socket, name, { limit = EVERYTHING, guarantees = CONTENT } = {}) {
  return new Subscription(KEY, native.subscribe(fdOf(socket), `${name}`, limit, guarantees));
}

/** What a publisher says of its names, over a connection that is used for nothing else. */
function listPublished(socket) {
  return native.listPublished(fdOf(socket));
}

/** Seals the program itself. */
function sealImage(flags = 0) {
  return native.sealImage(flags);
}

/** Seals an object that loadVerified() returned. */
function sealLoaded(object, flags = 0) {
  return native.sealLoaded(object, flags);
}

/**
 * Loads a shared object from exactly the bytes that `verify(bytes)` accepts, with the flags of dlopen(3) (os.constants.dlopen).
 * Returns its handle as a BigInt.
 */
function loadVerified(file, verify, flags) {
  return native.loadVerified(fdOf(file), verify, flags);
}

/** Overwrites bytes with zeroes. It cannot reach copies that V8 has made: keep secrets in a Heap. */
function wipe(data) {
  native.wipe(data);
}

/** Whether secrets are the same, in a time that depends on their sizes alone. */
function equal(a, b) {
  return native.equal(a, b);
}

module.exports = {
  ...numbers,
  constants: numbers,
  Region,
  Heap,
  Secret,
  Publisher,
  Subscription,
  subscribe,
  listPublished,
  sealImage,
  sealLoaded,
  loadVerified,
  wipe,
  equal,
  /** The version of the library. */
  version: native.version,
  /** The size of a page in bytes. */
  pageSize: native.pageSize,
  /** The guarantees that a region can have in this process. */
  supported: native.supported,
  /** The name of one guarantee, or null. */
  guaranteeName: native.guaranteeName,
  /** Permits a seccomp filter to seal addresses where the kernel cannot. It has a price: sealmem_emulation(3). */
  allowEmulation: native.allowEmulation,
  /** Has a stray store name the region that it hits, before the process ends. */
  reportFaults: native.reportFaults,
  /** A Unix socket that keeps messages apart (SOCK_SEQPACKET), which listens at a path. Returns a descriptor. */
  listen: native.listen,
  /** One that is connected to a path. Returns a descriptor. */
  connect: native.connect,
  /** Two that are connected. Returns their descriptors. */
  socketPair: native.socketPair,
};
