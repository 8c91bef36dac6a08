/**
 * Requests to a real API server exactly as written: kubectl reads before it writes, and judges some documents itself.
 */
import { request } from 'node:https';
import type { Identity } from '../tools/control-plane-files.ts';
import type { ControlPlane } from '../tools/control-plane.ts';

export interface ApiRequest {
  readonly method: 'POST' | 'PATCH';
  /** With the query. */
  readonly path: string;
  /** Sent as JSON; a PATCH is a JSON merge patch. */
  readonly body: unknown;
}

/** Sends one request; whatever the API server answers is a result. @throws Error if no answer comes */
export async function sendToApiServer(
  { url, certificateAuthority: ca }: ControlPlane,
  { token }: Identity,
  { method, path, body }: ApiRequest,
): Promise<{ readonly code: number | undefined; readonly text: string }> {
  const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const headers = { authorization: `Bearer ${token}`, 'content-type': type };
  return await new Promise((resolve, reject) => {
    const sent = request(`${url}${path}`, { method, ca, headers }, (response) => {
      response
        .toArray()
        .then((chunks) => resolve({ code: response.statusCode, text: Buffer.concat(chunks).toString() }))
        .catch(reject);
    });
    sent.on('error', reject).end(JSON.stringify(body));
  });
}
