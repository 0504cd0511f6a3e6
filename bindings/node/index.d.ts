// SPDX-License-Identifier: MIT
// What index.js has, which says what each of them does.

/// <reference types="node" />

export const CONTENT: number;
export const ADDRESS: number;
export const SECRECY: number;
export const NOSWAP: number;
export const NODUMP: number;
export const NOFORK: number;
export const GUARDS: number;
export const GUARANTEES: number;
export const NAME_MAX: number;
export const LABEL_MAX: number;
export const EXTENTS_MAX: number;
export const PAGE_MAX: number;
export const IMAGE_DEEP: number;
export const IMAGE_VDSO: number;
export const IMAGE_TRY: number;
export const VERSION_MAJOR: number;
export const VERSION_MINOR: number;
export const VERSION_MICRO: number;
export const VERSION_NUMBER: number;

/** All numbers of the library by their names, frozen. */
export const constants: Readonly<Record<string, number>>;

/** What every function throws when the library refuses. */
export interface SealmemError extends Error {
  /** Such as "EPERM". */
  code: string;
  /** Negative, as in all errors of Node. */
  errno: number;
}

/** Bytes to be read. */
export type Data = NodeJS.ArrayBufferView | ArrayBuffer;
/** A descriptor, or an object that has one, such as a FileHandle. */
export type Descriptor = number | { readonly fd: number };
/** A number of bytes. */
export type Size = number | bigint;

export interface Demand {
  /** The largest size that is accepted, in bytes. */
  limit?: Size;
  /** In the beginning CONTENT. */
  guarantees?: number;
}

declare abstract class Owner {
  readonly freed: boolean;
  free(): void;
  [Symbol.dispose](): void;
}

/** Memory that is open first and sealed later. */
export class Region extends Owner {
  private constructor();
  static open(name: string, capacity: Size, guarantees?: number): Region;
  static from(name: string, data: Data | string, guarantees?: number): Region;
  static fromFile(
    name: string,
    file: Descriptor,
    options?: Demand & {
      progress?: (done: number, total: number) => void;
      verify?: (bytes: Buffer) => boolean | void;
    },
  ): Region;
  static accept(fd: Descriptor, demand?: Demand): Region;
  static receive(socket: Descriptor, demand?: Demand): Region;
  static restore(fd: number, name: string, guarantees?: number): Region;
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly name: string;
  readonly guarantees: number;
  readonly sealed: boolean;
  readonly address: bigint;
  readonly fd: number;
  alloc(size: Size, align?: Size): Uint8Array;
  realloc(size: Size): Uint8Array;
  put(data: Data | string): number;
  trim(size: Size): void;
  seal(): this;
  send(socket: Descriptor): void;
  store(): number;
  keepAvailable(): void;
  tryWrite(data: Data | string, offset?: Size): void;
}

/** Memory of a heap, which is wiped when it goes. */
export class Secret extends Owner {
  private constructor();
  readonly bytes: Uint8Array;
  readonly length: number;
  resize(size: Size): void;
}

/** Memory for secrets that come and go. */
export class Heap extends Owner {
  constructor(name: string, limit: Size, guarantees?: number);
  readonly guarantees: number;
  alloc(size: Size): Secret;
  check(): void;
}

/** The process that made a connection, as the kernel knew it then. */
export interface Peer {
  pid: number;
  uid: number;
  gid: number;
  socket: number;
}

/** Gives regions by name to who connects. */
export class Publisher extends Owner {
  constructor(socket: Descriptor);
  readonly fd: number;
  publish(region: Region, options?: { label?: string; name?: string }): void;
  announce(name: string): void;
  continueFrom(generation: bigint | number): void;
  reserve(): bigint;
  generation(name?: string): bigint;
  dispatch(): void;
  setAdmission(admit: ((peer: Peer, name: string | null) => boolean) | null): void;
  setLimits(limits: { clients: number; clientsOfUser: number; namesOfClient: number }): void;
}

/** The newest generation of one name. */
export class Subscription extends Owner {
  private constructor();
  readonly fd: number;
  readonly generation: bigint;
  update(): boolean;
  reconnect(socket: Descriptor): void;
  acquire(): Region;
}

export interface Published {
  name: string;
  label: string;
  generation: bigint;
  size: bigint;
  subscribers: number;
  holders: number;
}

/** Pages of one kind: the guarantees that hold for all of them, and their size in bytes. */
export interface ImagePages {
  guarantees: number;
  size: number;
}

export interface ImageReport {
  objects: number;
  left: number;
  lazy: number;
  excluding: number;
  marked: number;
  text: ImagePages;
  readOnly: ImagePages;
  relro: ImagePages;
  vdso: ImagePages;
  data: ImagePages;
}

export function subscribe(socket: Descriptor, name: string, demand?: Demand): Subscription;
export function listPublished(socket: Descriptor): Published[];
export function sealImage(flags?: number): ImageReport;
export function sealLoaded(object: bigint, flags?: number): ImageReport;
export function loadVerified(file: Descriptor, verify: (bytes: Buffer) => boolean | void, flags: number): bigint;
export function wipe(data: Data): void;
export function equal(a: Data, b: Data): boolean;
export function version(): string;
export function pageSize(): number;
export function supported(): number;
export function guaranteeName(guarantee: number): string | null;
export function allowEmulation(): void;
export function reportFaults(): void;
export function listen(path: string): number;
export function connect(path: string): number;
export function socketPair(): [number, number];
