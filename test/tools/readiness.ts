// Waiting for a started server: polls it until it answers as a ready one, ends, or a deadline passes.
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeOutput, type RunningProcess } from './processes.ts';
import { type Progress, withProgress } from './progress.ts';

const POLL_EVERY_MILLISECONDS = 50;
const PROBE_TIMEOUT_MILLISECONDS = 5_000;

/** How long to wait; the deadline is generous by default because several worlds may start on two cores at once. */
export interface ReadinessOptions {
  readonly progress: Progress;
  readonly deadlineMilliseconds?: number;
}

/**
 * Polls `probe` until it returns true. An error of the probe counts as false.
 * @throws Error with the command and its last output if the process ends first or the deadline (120 s by default) passes
 */
export async function waitUntilReady(
  process: RunningProcess,
  probe: () => Promise<boolean>,
  { progress, deadlineMilliseconds = 120_000 }: ReadinessOptions,
): Promise<void> {
  const deadline = performance.now() + deadlineMilliseconds;
  await withProgress(
    () => `waiting for ${process.name}`,
    progress,
    async () => {
      while (!(await probe().catch(() => false))) {
        if (!process.isRunning) {
          throw await failure(process, `it ended with code ${await process.exited()} before it was ready`);
        }
        if (performance.now() > deadline) {
          throw await failure(process, `it was not ready after ${deadlineMilliseconds / 1_000} s`);
        }
        await sleep(POLL_EVERY_MILLISECONDS);
      }
    },
  );
}

async function failure(process: RunningProcess, reason: string): Promise<Error> {
  return new Error(`Cannot start ${process.name}: ${reason}\n${await describeOutput(process)}`);
}

/** Trust and identity of a request to an https server. */
export interface HttpGetOptions {
  readonly certificateAuthority?: string;
  readonly token?: string;
}

/**
 * One GET on a connection of its own, with a certificate authority of our choice (which `fetch` cannot take).
 * @throws Error if no whole answer arrives within 5 s
 */
export async function httpGet(
  url: string,
  { certificateAuthority, token }: HttpGetOptions = {},
): Promise<{ readonly status: number; readonly body: string }> {
  const send = url.startsWith('https:') ? httpsRequest : httpRequest;
  return await new Promise((resolve, reject) => {
    const request = send(
      url,
      {
        agent: false,
        signal: AbortSignal.timeout(PROBE_TIMEOUT_MILLISECONDS),
        ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }),
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      },
      (response) => {
        text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
      },
    );
    request.on('error', reject);
    request.end();
  });
}
