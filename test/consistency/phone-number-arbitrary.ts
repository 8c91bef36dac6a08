/**
 * Arbitrary PhoneNumber specs around the border between good and bad, for fast-check.
 */
import fc from 'fast-check';
import { specCases, wide } from './phone-number-documents.ts';

/** Values that are right somewhere and wrong elsewhere. No null: see custom-resource-definition.ts. */
const fragments: readonly unknown[] = [
  ...specCases.flatMap(({ spec }) => [...everyValue(spec)]),
  true,
  false,
  0,
  -1,
  1.5,
  [],
  {},
  [[]],
  [''],
  ['203.0.113.7'],
  { '': '' },
  { name: 'default' },
  { unknown: true },
  wide,
  '\u0000',
];

function* everyValue(value: unknown): Generator {
  yield value;
  if (typeof value === 'object' && value !== null) {
    for (const child of Object.values(value)) yield* everyValue(child);
  }
}

type Container = Record<string, unknown>;

/** One change at a random place: a value replaced, taken away or put in. */
function mutate(spec: unknown, choice: { place: number; action: string; key: string; value: unknown }): unknown {
  const copy: unknown = structuredClone(spec);
  const containers = [...everyValue(copy)].filter(
    (value): value is Container => typeof value === 'object' && value !== null,
  );
  const container = containers[choice.place % Math.max(containers.length, 1)];
  if (container === undefined) return choice.value;
  const keys = Object.keys(container);
  const key = keys[choice.place % Math.max(keys.length, 1)] ?? choice.key;
  const value: unknown = structuredClone(choice.value);
  if (choice.action === 'replace') container[key] = value;
  else if (Array.isArray(container)) {
    if (choice.action === 'remove') container.splice(choice.place % Math.max(container.length, 1), 1);
    else container.push(value);
  } else if (choice.action === 'remove') delete container[key];
  else container[choice.key] = value;
  return copy;
}

const fieldNames = [
  ...new Set(specCases.flatMap(({ spec }) => [...everyValue(spec)]).flatMap((value) => keysOf(value))),
  'unknown',
];

function keysOf(value: unknown): readonly string[] {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
}

const duration = fc
  .tuple(
    fc.option(fc.nat(99), { nil: undefined }),
    fc.option(fc.nat(9999), { nil: undefined }),
    fc.option(fc.nat(99_999), { nil: undefined }),
  )
  .map(([hours, minutes, seconds]) =>
    [
      [hours, 'h'],
      [minutes, 'm'],
      [seconds, 's'],
    ]
      .map(([count, unit]) => (count === undefined ? '' : `${count}${unit}`))
      .join(''),
  );
const address = fc
  .tuple(fc.ipV4(), fc.option(fc.nat(34), { nil: undefined }))
  .map(([ip, bits]) => (bits === undefined ? ip : `${ip}/${bits}`));
const text = fc.string({ unit: 'grapheme', maxLength: 140, size: 'max' });
const sip = fc.stringMatching(/^sip:([a-z+]{1,3}@)?[a-z.-]{1,8}(:[0-9]{1,6})?(;[a-z=]{0,5}){0,2}$/);
const absentOr = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const url = fc.stringMatching(/^(https?:\/\/[a-z .]{0,3})?$/);
const method = fc.constantFrom('GET', 'POST', 'PUT');
const webhook = fc.record(
  { url, method, fallbackUrl: url, fallbackMethod: method, statusCallbackUrl: url, statusCallbackMethod: method },
  { requiredKeys: ['url'] },
);
const sms = fc.record({ url, method, fallbackUrl: url, fallbackMethod: method }, { requiredKeys: ['url'] });

const plausibleSpec = fc.record(
  {
    phoneNumber: fc.stringMatching(/^\+[0-9]{5,17}$/),
    accountRef: fc.record({ name: fc.stringMatching(/^[a-z0-9.-]{1,5}$/) }),
    deletionPolicy: fc.oneof(fc.constantFrom('Delete', 'Orphan'), text),
    sms,
    voice: fc.record(
      {
        webhook,
        sipTrunk: fc.record(
          {
            existingTrunkSid: fc.stringMatching(/^(TK[0-9a-f]{31,32})?$/),
            originationUris: fc.array(sip, { maxLength: 12 }),
            secure: fc.boolean(),
            disasterRecoveryUrl: fc.stringMatching(/^(https?:\/\/[a-z ]{0,3})?$/),
            transferMode: fc.constantFrom('disable-all', 'enable-all', 'sip-only', 'none'),
            inbound: fc.record(
              {
                allowedAddresses: fc.array(address, { maxLength: 3 }),
                krispEnabled: fc.boolean(),
                headersToAttributes: fc.dictionary(fc.stringMatching(/^[A-Za-z0-9 :'*-]{0,6}$/), text, { maxKeys: 3 }),
                maxCallDuration: duration,
                ringingTimeout: duration,
              },
              { requiredKeys: [] },
            ),
            outbound: fc.record(
              { enabled: fc.boolean(), allowedCidrs: fc.array(address, { maxLength: 27 }) },
              { requiredKeys: [] },
            ),
            dispatch: fc.record(
              {
                roomPrefix: text,
                agents: fc.array(fc.record({ agentName: text, metadata: text }, { requiredKeys: ['agentName'] }), {
                  maxLength: 9,
                }),
                hidePhoneNumber: fc.boolean(),
                attributes: fc.dictionary(
                  text.filter((key) => key !== '__proto__'),
                  text,
                  { maxKeys: 3 },
                ),
              },
              { requiredKeys: [] },
            ),
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ['phoneNumber', 'voice'] },
);

const mutation = fc.record({
  place: fc.nat(1000),
  action: fc.constantFrom('replace', 'remove', 'add'),
  key: fc.constantFrom(...fieldNames),
  value: fc.constantFrom(...fragments),
});

/** Specs around the border between good and bad: good or plausible ones with up to three changes. */
export const arbitrarySpec: fc.Arbitrary<unknown> = fc
  .tuple(
    fc.oneof(fc.constantFrom(...specCases.filter(({ accepted }) => accepted).map(({ spec }) => spec)), plausibleSpec),
    absentOr(fc.array(mutation, { maxLength: 3 })),
  )
  .map(([spec, mutations]) => asSent((mutations ?? []).reduce<unknown>(mutate, spec)));

/** Only what JSON can carry: plain objects without `undefined`. */
function asSent(spec: unknown): unknown {
  return JSON.parse(JSON.stringify(spec));
}
