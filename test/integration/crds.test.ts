/**
 * The CRDs on a real API server: what they accept, refuse and fill in is what the zod schemas say; what may change and
 * what may not; and what people see of it.
 */
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PhoneNumberStatus } from '../../src/reconcilers/phone-number/model.ts';
import { storedStatus } from '../../src/reconcilers/phone-number/schema.ts';
import { phoneNumberSpecSchema } from '../../src/reconcilers/phone-number/spec-schema.ts';
import { telephonyAccountSpecSchema } from '../../src/reconcilers/telephony-account/schema.ts';
import { sendToApiServer } from '../consistency/api-server-request.ts';
import { arbitrarySpec } from '../consistency/phone-number-arbitrary.ts';
import { specCases } from '../consistency/phone-number-documents.ts';
import { fullStatus } from '../consistency/phone-number-status.ts';
import { accountSpecCases, minimalAccountSpec } from '../consistency/telephony-account-documents.ts';
import { ADMINISTRATOR } from '../tools/control-plane-files.ts';
import type { CommandResult } from '../tools/run-command.ts';
import { startWorld, type World } from '../tools/world.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld({ liveKitServers: 0, controllerManager: false });
  await world.applyManifests([fileURLToPath(new URL('../../crds', import.meta.url))]);
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

async function kubectl(args: readonly string[], input?: unknown): Promise<CommandResult> {
  return await world.controlPlane.kubectl(args, {
    allowFailure: true,
    ...(input === undefined ? {} : { input: JSON.stringify(input) }),
  });
}

type Kind = 'PhoneNumber' | 'TelephonyAccount' | 'OrphanRecord';

function object(kind: Kind, name: string, spec: unknown) {
  return { apiVersion: 'telephony.trunkline.dev/v1alpha1', kind, metadata: { name }, spec };
}

async function mergePatch(kind: Kind, name: string, patch: object, ...args: readonly string[]): Promise<CommandResult> {
  return await kubectl(['patch', kind, name, '--type=merge', `--patch=${JSON.stringify(patch)}`, ...args]);
}

const collections = {
  PhoneNumber: 'namespaces/default/phonenumbers',
  TelephonyAccount: 'telephonyaccounts',
  OrphanRecord: 'orphanrecords',
};

/** What would be stored of a new spec, or why the API server refuses it; nothing is stored. */
type Answer =
  | { readonly kind: 'accepted'; readonly stored: unknown }
  | { readonly kind: 'refused'; readonly message: unknown };

async function send(kind: Kind, spec: unknown, fieldValidation: 'Strict' | 'Ignore' = 'Strict'): Promise<Answer> {
  const { code, text } = await sendToApiServer(world.controlPlane, ADMINISTRATOR, {
    method: 'POST',
    path: `/apis/telephony.trunkline.dev/v1alpha1/${collections[kind]}?dryRun=All&fieldValidation=${fieldValidation}`,
    body: object(kind, 'document', spec),
  });
  const answer = JSON.parse(text) as { spec: unknown; message: unknown };
  if (code === 201) return { kind: 'accepted', stored: answer.spec };
  // Anything else would be a refusal for another reason than the document.
  expect([400, 422], text).toContain(code);
  return { kind: 'refused', message: answer.message };
}

describe('the PhoneNumber CRD', () => {
  test.for(specCases)('judges $name as it should be, and stores what zod makes of it', async (specCase) => {
    const { spec, accepted, why } = specCase;
    const answer = await send('PhoneNumber', spec);
    if (accepted) expect(answer, why).toEqual({ kind: 'accepted', stored: phoneNumberSpecSchema.parse(spec) });
    else expect(answer, why).toMatchObject({ kind: 'refused' });
  });

  test('agrees with zod on specs around the border between good and bad', async () => {
    const seen = { accepted: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(arbitrarySpec, async (spec) => {
        const answer = await send('PhoneNumber', spec);
        const zod = phoneNumberSpecSchema.safeParse(spec);
        seen[answer.kind] += 1;
        expect(answer.kind, JSON.stringify({ answer, zod })).toBe(zod.success ? 'accepted' : 'refused');
        if (answer.kind === 'accepted') expect(answer.stored).toEqual(zod.data);
      }),
      { numRuns: 300 },
    );
    expect(Math.min(seen.accepted, seen.refused), 'documents of one kind only prove nothing').toBeGreaterThan(20);
  });

  test('drops nulls before it defaults, so that the operator never reads one', async () => {
    const spec = { phoneNumber: '+447446466847', accountRef: null, deletionPolicy: null, voice: { sipTrunk: {} } };
    const defaults = { accountRef: { name: 'default' }, deletionPolicy: 'Delete' };
    expect(await send('PhoneNumber', spec)).toMatchObject({ kind: 'accepted', stored: defaults });
  });

  test('drops unknown fields without strict field validation, so that the operator never reads one', async () => {
    const spec = { phoneNumber: '+447446466847', colour: 'red', voice: { sipTrunk: { codec: 'opus' } } };
    const answer = await send('PhoneNumber', spec, 'Ignore');
    const known = { phoneNumber: '+447446466847', voice: { sipTrunk: {} } };
    expect(answer).toEqual({ kind: 'accepted', stored: phoneNumberSpecSchema.parse(known) });
  });
});

describe('a stored PhoneNumber', () => {
  beforeAll(async () => {
    const spec = {
      phoneNumber: '+447446466847',
      voice: { sipTrunk: { dispatch: { agents: [{ agentName: 'anna' }] } } },
    };
    const { code, stderr } = await kubectl(['create', '-f', '-'], object('PhoneNumber', 'reception', spec));
    expect(code, stderr).toBe(0);
  });

  test.for([
    {
      name: 'the number',
      patch: { phoneNumber: '+447446466848' },
      refusal: 'spec.phoneNumber',
      why: 'what was made for one number belongs to it',
    },
    {
      name: 'the account',
      patch: { accountRef: { name: 'other' } },
      refusal: 'spec.accountRef',
      why: 'what was made in one account is not looked for in another',
    },
    { name: 'the deletion policy', patch: { deletionPolicy: 'Retain' }, refusal: undefined, why: 'it may be edited' },
    {
      name: 'the agents',
      patch: { voice: { sipTrunk: { dispatch: { agents: [] } } } },
      refusal: undefined,
      why: 'it may be edited',
    },
  ])('lets $name change only if it may', async ({ patch, refusal, why }) => {
    const { code, stderr } = await mergePatch('PhoneNumber', 'reception', { spec: patch }, '--dry-run=server');
    if (refusal === undefined) expect(code, stderr).toBe(0);
    else {
      expect(stderr, why).toContain(refusal);
      expect(stderr, 'the message says what to do').toContain(
        'immutable: delete this PhoneNumber and create another one',
      );
    }
  });

  test('shows a phase and a Ready condition at once, and can be found by them', async () => {
    const { stdout } = await kubectl([
      'get',
      'pn',
      '--field-selector=status.phase=Pending,spec.phoneNumber=+447446466847',
    ]);
    expect(stdout.split('\n')[0]?.split(/ +/)).toEqual(['NAME', 'NUMBER', 'PHASE', 'READY', 'REASON', 'AGE']);
    expect(stdout).toMatch(/reception +\+447446466847 +Pending +Unknown +Provisioning/);
    const others = await kubectl(['get', 'pn', '--field-selector=status.phase=Corrupted', '-o', 'name']);
    expect(others.stdout).toBe('');
  });

  test('keeps all of a status that the operator writes', async () => {
    const status: unknown = JSON.parse(JSON.stringify(storedStatus(fullStatus)));
    await mergePatch('PhoneNumber', 'reception', { status }, '--subresource=status');
    const { stdout } = await kubectl(['get', 'pn', 'reception', '-o=jsonpath={.status}']);
    expect(JSON.parse(stdout), 'a pruned field would be written again and again').toEqual(status);
    const wide = await kubectl(['get', 'telephony', '-o', 'wide']);
    expect(wide.stdout, 'trunk, account, agent and message').toMatch(/TK\w{32} +default +anna +\S+/);
  });

  test('takes a status with words that only a later operator knows', async () => {
    const status: Partial<PhoneNumberStatus> = { phase: 'Hibernating', routing: 'Attached' };
    const words = {
      ...status,
      routing: 'Elsewhere',
      leftovers: [{ kind: 'Fax', state: 'Lost', message: 'x'.repeat(9999) }],
    };
    const { code, stderr } = await mergePatch('PhoneNumber', 'reception', { status: words }, '--subresource=status');
    expect(code, `after a rollback the status must still be written: ${stderr}`).toBe(0);
  });

  test.for(['pn', 'pn.spec.voice.sipTrunk', 'pn.status.leftovers', 'tacct.spec', 'orphan.spec'])(
    'kubectl explain %s has something to say about every field',
    async (path) => {
      const { stdout } = await kubectl(['explain', path]);
      expect(stdout).toContain('DESCRIPTION:');
      expect(stdout).not.toContain('<no description>');
    },
  );
});

describe('the TelephonyAccount CRD', () => {
  test.for(accountSpecCases)('judges $name as it should be, and stores what zod reads', async (specCase) => {
    const { spec, accepted, why } = specCase;
    const answer = await send('TelephonyAccount', spec);
    expect(answer.kind, why).toBe(accepted ? 'accepted' : 'refused');
    const read = answer.kind === 'accepted' ? telephonyAccountSpecSchema.safeParse(answer.stored).success : false;
    expect(read, why).toBe(accepted);
  });

  const ownerRule = 'spec.ownerId is part of the mark';
  const twilio = (value: object) => ({ twilio: value });
  test.for([
    { name: 'accountSid', patch: twilio({ accountSid: `AC${'1'.repeat(32)}` }), refusal: 'spec.twilio.accountSid' },
    { name: 'LiveKit address', patch: { livekit: { url: 'https://b.example' } }, refusal: 'spec.livekit.url' },
    { name: 'absence of ownerId', patch: { ownerId: 'mine' }, refusal: ownerRule },
    { name: 'Secret', patch: twilio({ credentialsSecretRef: { name: 'b' } }), refusal: undefined },
    { name: 'SIP host', patch: { livekit: { sipHost: 'b.example' } }, refusal: undefined },
    { name: 'pause', patch: { paused: true }, refusal: undefined },
  ])('lets the $name change only if it may', async ({ name, patch, refusal }) => {
    const account = name.toLowerCase().replaceAll(' ', '-');
    await kubectl(['create', '-f', '-'], object('TelephonyAccount', account, minimalAccountSpec));
    const { code, stderr } = await mergePatch('TelephonyAccount', account, { spec: patch });
    if (refusal === undefined) expect(code, stderr).toBe(0);
    else expect(stderr).toContain(refusal);
  });

  test('lets ownerId be set later only to the one in force, and then never be changed', async () => {
    await kubectl(['create', '-f', '-'], object('TelephonyAccount', 'owned', minimalAccountSpec));
    await mergePatch('TelephonyAccount', 'owned', { status: { ownerId: '0123abcd' } }, '--subresource=status');
    const setTo = async (ownerId: string | null) =>
      await mergePatch('TelephonyAccount', 'owned', { spec: { ownerId } });
    expect((await setTo('other')).stderr).toContain(ownerRule);
    expect((await setTo('0123abcd')).code).toBe(0);
    expect((await setTo('other')).stderr).toContain(ownerRule);
    expect((await setTo(null)).stderr).toContain(ownerRule);
    const later = await mergePatch('TelephonyAccount', 'owned', { status: { ownerId: 'x' } }, '--subresource=status');
    expect(later.code, `the rule never hinders a status write: ${later.stderr}`).toBe(0);
  });

  test('takes any ownerId on creation: a restored cluster sets the old one', async () => {
    const answer = await send('TelephonyAccount', { ...minimalAccountSpec, ownerId: 'old-cluster' });
    expect(answer).toMatchObject({ kind: 'accepted', stored: { ownerId: 'old-cluster' } });
  });
});

describe('an OrphanRecord', () => {
  const uid = '62438ef0-ac42-42a1-8fa2-c56b77fd0c4d';
  const spec = {
    uid,
    namespace: 'voice',
    name: 'reception',
    phoneNumber: '+447446466847',
    pinned: fullStatus.pinned,
    cause: 'ForceDelete',
    confirmedBy: 'chief',
    confirmedAt: '2026-01-01T00:00:00Z',
    items: fullStatus.leftovers,
  };

  test('keeps all that it was given, says so in columns, and cannot be changed', async () => {
    await kubectl(['create', '-f', '-'], object('OrphanRecord', uid, spec));
    const { stdout } = await kubectl(['get', 'orphan', uid, '-o=jsonpath={.spec}']);
    expect(JSON.parse(stdout), 'a pruned field would be lost for ever').toEqual(JSON.parse(JSON.stringify(spec)));
    const table = await kubectl(['get', 'orphan', uid]);
    expect(table.stdout).toMatch(/\+447446466847 +voice +reception +ForceDelete +Open/);
    const changed = await mergePatch('OrphanRecord', uid, { spec: { items: [] } });
    expect(changed.stderr).toContain('is a record and cannot be changed');
    const status = { state: 'Closed', items: [{ order: 1, state: 'Gone', lastChecked: '2026-01-02T00:00:00Z' }] };
    expect((await mergePatch('OrphanRecord', uid, { status }, '--subresource=status')).code).toBe(0);
  });
});
