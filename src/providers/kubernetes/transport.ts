/**
 * Transport: HTTP requests and streams to the API server. All else in this folder knows only this interface.
 */

export interface KubernetesRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Such as "/api/v1/namespaces/default/configmaps/one"; must be escaped already. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** "application/json" if not given. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** Milliseconds until the whole answer must be there; the transport's own default if not given. */
  readonly deadlineMs?: number;
}

export interface KubernetesReply {
  readonly status: number;
  /** Parsed JSON; a string if it is none; undefined if it is empty. */
  readonly body: unknown;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface KubernetesStreamRequest {
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** The only end of a silent stream: there is no deadline. */
  readonly signal: AbortSignal;
}

export interface KubernetesTransport {
  /** Sends once; any HTTP status is a reply. @throws Error when no whole answer came */
  request(request: KubernetesRequest): Promise<KubernetesReply>;
  /**
   * The lines of a long reply to a GET, until the server ends it.
   * @throws KubernetesError when the server refuses; Error when the connection ends early or the signal aborts
   */
  stream(request: KubernetesStreamRequest): AsyncIterable<string>;
  /** Closes all connections. */
  close(): void;
}
