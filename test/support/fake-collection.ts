/**
 * One collection of an API server in memory, behind the transport's interface: lists in pages, watches from a version,
 * history that can be forgotten, and faults on demand.
 */
import { classifyReply } from '../../src/providers/kubernetes/classify.ts';
import type {
  KubernetesReply,
  KubernetesRequest,
  KubernetesStreamRequest,
  KubernetesTransport,
} from '../../src/providers/kubernetes/transport.ts';
import type { KubernetesObject } from '../../src/reconcilers/shared/ports.ts';
import { kubernetesObject } from './kubernetes-objects.ts';

interface HistoryEvent {
  readonly version: number;
  readonly line: string;
}

/** How the next request or the open streams go wrong. */
export type CollectionFault =
  | 'refuse request'
  | 'reset request'
  | 'cut streams'
  | 'end streams'
  | 'garbage'
  | 'half a list'
  | 'silence';

class Stream {
  readonly #lines: string[] = [];
  #wake: (() => void) | undefined;
  #end: 'open' | 'ended' | 'cut' = 'open';

  push(line: string): void {
    if (this.#end !== 'open') return;
    this.#lines.push(line);
    this.#wake?.();
  }

  end(how: 'ended' | 'cut'): void {
    this.#end = how;
    this.#wake?.();
  }

  async *lines(signal: AbortSignal): AsyncGenerator<string, void, undefined> {
    signal.addEventListener('abort', () => this.end('cut'));
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) yield line;
      else if (this.#end === 'ended') return;
      else if (this.#end === 'cut' || signal.aborted) throw new Error('aborted');
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

export class FakeCollection implements KubernetesTransport {
  readonly objects = new Map<string, KubernetesObject>();
  readonly requests: string[] = [];
  readonly #history: HistoryEvent[] = [];
  readonly #streams = new Set<Stream>();
  readonly #pageSize: number;
  #version = 10;
  #forgottenUpTo = 0;
  #made = 0;
  #fault: 'refuse request' | 'reset request' | undefined;
  #silent = false;
  #halfList = false;

  readonly #streamsLists: boolean;

  /** `streamsLists`: it knows `sendInitialEvents`, as servers do that have WatchList switched on. */
  constructor({ pageSize = 2, streamsLists = true } = {}) {
    this.#pageSize = pageSize;
    this.#streamsLists = streamsLists;
  }

  /** Creates or changes an object. */
  put(name: string, spec: unknown): void {
    const before = this.objects.get(name);
    this.#version += 1;
    if (before === undefined) this.#made += 1;
    const uid = before?.metadata.uid ?? `uid-${this.#made}`;
    const object = kubernetesObject(name, this.#version, { uid }, spec);
    this.objects.set(name, object);
    this.#emit(before === undefined ? 'ADDED' : 'MODIFIED', object);
  }

  remove(name: string): void {
    const before = this.objects.get(name);
    if (before === undefined) return;
    this.#version += 1;
    this.objects.delete(name);
    const metadata = { ...before.metadata, resourceVersion: String(this.#version) };
    this.#emit('DELETED', { ...before, metadata });
  }

  /** Watches from an older version are refused from now on. */
  forgetHistory(): void {
    this.#forgottenUpTo = this.#version;
  }

  /** As after a restored backup: the objects stay, versions start again below those that clients know. */
  goBack(): void {
    this.#history.length = 0;
    this.#forgottenUpTo = 0;
    this.#version = 5;
    for (const [name, object] of this.objects) {
      this.#version += 1;
      const metadata = { ...object.metadata, resourceVersion: String(this.#version) };
      this.objects.set(name, { ...object, metadata });
    }
    this.#endStreams('cut');
  }

  fail(fault: CollectionFault): void {
    if (fault === 'refuse request' || fault === 'reset request') this.#fault = fault;
    else if (fault === 'cut streams') this.#endStreams('cut');
    else if (fault === 'end streams') this.#endStreams('ended');
    else if (fault === 'garbage') for (const stream of this.#streams) stream.push('{"type":"ADD');
    else if (fault === 'half a list') this.#halfList = true;
    else this.#silent = true;
  }

  /** Ends silence and pending faults. */
  heal(): void {
    this.#silent = false;
    this.#halfList = false;
    this.#fault = undefined;
  }

  async request({ query = {} }: KubernetesRequest): Promise<KubernetesReply> {
    this.requests.push('list');
    const fault = this.#takeFault();
    if (fault !== undefined) return fault;
    const [at, from] = (query['continue'] ?? `${this.#version}/0`).split('/').map(Number);
    if (at !== this.#version) return status(410, 'Expired', 'the list has moved on');
    const start = from ?? 0;
    const all = [...this.objects.values()];
    const next = start + this.#pageSize < all.length ? `${at}/${start + this.#pageSize}` : '';
    const metadata = { resourceVersion: String(this.#version), continue: next };
    return { status: 200, headers: {}, body: { metadata, items: all.slice(start, start + this.#pageSize) } };
  }

  async *stream({ query = {}, signal }: KubernetesStreamRequest): AsyncGenerator<string, void, undefined> {
    const isList = query['sendInitialEvents'] === 'true';
    this.requests.push(isList ? 'stream' : 'watch');
    const from = isList ? this.#version : Number(query['resourceVersion']);
    const fault = this.#takeFault() ?? this.#refusal(isList, from);
    const answer = fault === undefined ? undefined : classifyReply('watch', 'read', fault);
    if (answer?.kind === 'failed') throw answer.error;
    const stream = new Stream();
    this.#streams.add(stream);
    // A real server says nothing about a version that it has not reached.
    for (const { line, version } of this.#history) if (version > from) stream.push(line);
    if (isList && !this.#silent) this.#tellAll(stream);
    try {
      yield* stream.lines(signal);
    } finally {
      this.#streams.delete(stream);
    }
  }

  close(): void {
    this.#endStreams('cut');
  }

  /** The open streams. */
  get openStreams(): number {
    return this.#streams.size;
  }

  #tellAll(stream: Stream): void {
    const lines = [...this.objects.values()].map((object) => JSON.stringify({ type: 'ADDED', object }));
    const half = this.#halfList;
    this.#halfList = false;
    for (const line of half ? lines.slice(1) : lines) stream.push(line);
    if (half) {
      stream.end('cut');
      return;
    }
    const metadata = { resourceVersion: String(this.#version), annotations: { 'k8s.io/initial-events-end': 'true' } };
    stream.push(JSON.stringify({ type: 'BOOKMARK', object: { metadata } }));
  }

  #emit(type: string, object: KubernetesObject): void {
    const line = JSON.stringify({ type, object });
    this.#history.push({ version: this.#version, line });
    if (!this.#silent) for (const stream of this.#streams) stream.push(line);
  }

  #endStreams(how: 'ended' | 'cut'): void {
    for (const stream of this.#streams) stream.end(how);
  }

  #refusal(isList: boolean, from: number): KubernetesReply | undefined {
    if (isList) return this.#streamsLists ? undefined : status(422, 'Invalid', 'sendInitialEvents is forbidden');
    return from < this.#forgottenUpTo ? status(410, 'Expired', 'too old') : undefined;
  }

  #takeFault(): KubernetesReply | undefined {
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault === 'reset request') throw new Error('socket hang up');
    return fault === undefined ? undefined : status(500, 'InternalError', 'etcd is away');
  }
}

function status(code: number, reason: string, message: string): KubernetesReply {
  return { status: code, headers: {}, body: { kind: 'Status', code, reason, message } };
}
