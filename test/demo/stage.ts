/**
 * What the demo does on the stage: run kubectl and show it, show what is at Twilio and LiveKit, and insist on the end state.
 */
import { styleText } from 'node:util';
import type { CommandResult } from '../tools/run-command.ts';
import type { OperatorWorld } from '../tools/operator-world.ts';

/** Raised when an end state is not as told. */
class NotAsToldError extends Error {
  override readonly name = 'NotAsToldError';
}

/** Prints and acts. */
export class Stage {
  readonly world: OperatorWorld;
  readonly kubectlPath: string;

  constructor(world: OperatorWorld, kubectlPath: string) {
    this.world = world;
    this.kubectlPath = kubectlPath;
  }

  heading(text: string): void {
    process.stdout.write(`\n${styleText('bold', `── ${text} `.padEnd(100, '─'))}\n`);
  }

  say(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  /** Runs kubectl, shows the command and its output, and fails unless it ends as expected. */
  async kubectl(
    command: string,
    expected: { readonly fails?: string; readonly input?: string } = {},
  ): Promise<CommandResult> {
    process.stdout.write(`\n${styleText('cyan', `$ kubectl ${command}`)}\n`);
    const { fails, input } = expected;
    const result = await this.world.world.controlPlane.kubectl(words(command), {
      allowFailure: true,
      ...(input === undefined ? {} : { input }),
    });
    process.stdout.write(`${result.stdout}${styleText('yellow', result.stderr)}`);
    if (fails === undefined && result.code !== 0) throw new NotAsToldError(`kubectl ${command} failed`);
    if (fails !== undefined && (result.code === 0 || !result.stderr.includes(fails))) {
      throw new NotAsToldError(`kubectl ${command} was to be refused with "${fails}"`);
    }
    return result;
  }

  /** Runs kubectl without showing it. */
  async quietly(...args: readonly string[]): Promise<string> {
    return (await this.world.world.controlPlane.kubectl(args)).stdout;
  }

  table(title: string, header: readonly string[], rows: readonly (readonly string[])[]): void {
    process.stdout.write(`\n${styleText('green', title)}\n`);
    if (rows.length === 0) {
      process.stdout.write('  (nothing)\n');
      return;
    }
    const all = [header, ...rows];
    const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
    for (const row of all) {
      process.stdout.write(
        `  ${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
      );
    }
  }

  /** Shows everything that the operator could have made at both providers. */
  async showOutside(accountSid: string): Promise<void> {
    const twilio = this.world.twilio.dump(accountSid);
    const livekit = await this.world.world.liveKit.server.dump();
    this.table(
      'At Twilio',
      ['KIND', 'SID', 'NAME', 'DETAIL'],
      [
        ...twilio.phoneNumbers.map(({ sid, phoneNumber, trunkSid }) => [
          'number',
          sid,
          phoneNumber,
          trunkSid === '' ? 'routed nowhere' : `on trunk ${trunkSid}`,
        ]),
        ...twilio.trunks.map(({ sid, friendlyName, originationUrls }) => [
          'trunk',
          sid,
          friendlyName,
          originationUrls.map(({ sipUrl }) => sipUrl).join(' '),
        ]),
        ...twilio.credentialLists.map(({ sid, friendlyName, usernames }) => [
          'credential list',
          sid,
          friendlyName,
          `${usernames.length} credential(s)`,
        ]),
        ...twilio.ipAccessControlLists.map(({ sid, friendlyName, addresses }) => [
          'IP access control list',
          sid,
          friendlyName,
          addresses.join(' '),
        ]),
      ],
    );
    this.table(
      'At LiveKit',
      ['KIND', 'ID', 'NAME'],
      [
        ...livekit.inboundTrunks.map((one) => ['inbound trunk', String(one['sipTrunkId']), String(one['name'])]),
        ...livekit.outboundTrunks.map((one) => ['outbound trunk', String(one['sipTrunkId']), String(one['name'])]),
        ...livekit.dispatchRules.map((one) => ['dispatch rule', String(one['sipDispatchRuleId']), String(one['name'])]),
      ],
    );
  }

  /** Insists that nothing is left but the numbers themselves. */
  async insistEmpty(accountSid: string): Promise<void> {
    if (!this.world.twilio.isEmpty(accountSid)) throw new NotAsToldError('something is left at Twilio');
    if (!(await this.world.world.liveKit.server.isEmpty())) throw new NotAsToldError('something is left at LiveKit');
  }

  insist(isTrue: boolean, otherwise: string): void {
    if (!isTrue) throw new NotAsToldError(otherwise);
  }
}

/** Splits as a shell would as far as the demo's commands need it: blanks, and single quotes that keep them. */
function words(command: string): readonly string[] {
  return [...command.matchAll(/(?:[^\s']|'[^']*')+/g)].map(([word]) => word.replaceAll("'", ''));
}
