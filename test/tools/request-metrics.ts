// Reads counts of requests out of the API server's metrics: how many writes the operator really made.

/** Which requests to count; what is not given is not looked at. `subresource: ''` means the object itself. */
export interface RequestFilter {
  /** Plural, such as "phonenumbers". */
  readonly resource?: string;
  /** As the metric spells them: GET, LIST, WATCH, POST, PUT, PATCH, DELETE, APPLY. */
  readonly verbs?: readonly string[];
  readonly subresource?: string;
  /** HTTP status, such as 200. */
  readonly code?: number;
}

/** Sums `apiserver_request_total` over the requests that fit. */
export function sumRequests(metrics: string, filter: RequestFilter): number {
  let sum = 0;
  for (const line of metrics.split('\n')) {
    const [, labelText, value] = /^apiserver_request_total\{(.*)\} (\S+)$/.exec(line) ?? [];
    if (labelText !== undefined && fits(readLabels(labelText), filter)) sum += Number(value);
  }
  return sum;
}

function readLabels(text: string): ReadonlyMap<string, string> {
  return new Map([...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]));
}

function fits(labels: ReadonlyMap<string, string>, { resource, verbs, subresource, code }: RequestFilter): boolean {
  return (
    (resource === undefined || labels.get('resource') === resource) &&
    (verbs === undefined || verbs.includes(labels.get('verb') ?? '')) &&
    (subresource === undefined || labels.get('subresource') === subresource) &&
    (code === undefined || labels.get('code') === String(code))
  );
}
