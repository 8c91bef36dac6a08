/**
 * What people and the operator try to do to PhoneNumbers, and what the policy "guard" says to it.
 */
import { finalizer, forceDeleteByAnnotation as stamp } from '../../src/reconcilers/phone-number/names.ts';

/** The words of the promise. */
export const tooEarly = 'Force delete is only allowed for corrupted phone numbers';
const wrongValue = 'the only value of the annotation force-delete is "confirmed"';
const needsForceDelete = 'force delete needs the verb force-delete on phonenumbers';
export const forgedStamp = `the annotation ${stamp} says who confirmed and is set by the API server`;
const needsRemoveFinalizer = `the finalizer ${finalizer} may be removed only with the verb remove-finalizer`;
const frozen = 'this phone number is being deleted; its spec can no longer be changed';
const abandons = 'deletionPolicy Orphan abandons what was made outside the cluster';

/** `editor` and `chief` have what Kubernetes adds to edit and to admin; `operator` is the service account. */
export type Actor = 'editor' | 'chief' | 'operator' | 'administrator';

/** A PhoneNumber as a manifest. */
export function phoneNumber(name: string, metadata: object = {}, spec: object = {}) {
  return {
    apiVersion: 'telephony.trunkline.dev/v1alpha1',
    kind: 'PhoneNumber',
    metadata: { name, namespace: 'voice', ...metadata },
    spec: { phoneNumber: '+447446466847', voice: { sipTrunk: {} }, ...spec },
  };
}

/** The objects that are tried on, each in another state. */
export const objects = [
  { name: 'fresh', phase: 'Pending', deleted: false, finalizers: [], spec: {} },
  { name: 'ready', phase: 'Ready', deleted: false, finalizers: [finalizer], spec: {} },
  { name: 'abandoned', phase: 'Ready', deleted: false, finalizers: [finalizer], spec: { deletionPolicy: 'Orphan' } },
  { name: 'forged', phase: 'Corrupted', deleted: false, finalizers: [finalizer], spec: {} },
  { name: 'leaving', phase: 'Deleting', deleted: true, finalizers: [finalizer], spec: {} },
  { name: 'corrupted', phase: 'Corrupted', deleted: true, finalizers: [finalizer], spec: {} },
  { name: 'confirmed', phase: 'Corrupted', deleted: true, finalizers: [finalizer], spec: {} },
  { name: 'let-go', phase: 'Corrupted', deleted: true, finalizers: [finalizer], spec: {} },
];

/** One request. */
export interface Attempt {
  readonly name: string;
  readonly why: string;
  readonly actor: Actor;
  readonly args: readonly string[];
  readonly input?: unknown;
  /** Part of the refusal; absent: the request passes. */
  readonly refusal?: string;
}

/** kubectl's arguments of a JSON merge patch. */
export const merge = (name: string, patch: object) => [
  'patch',
  'phonenumber',
  name,
  '--type=merge',
  `--patch=${JSON.stringify(patch)}`,
];
const annotate = (name: string, ...annotations: readonly string[]) => [
  'annotate',
  '--overwrite',
  'phonenumber',
  name,
  ...annotations,
];
export const withoutFinalizer = { metadata: { finalizers: null } };
export const withForce = { annotations: { 'force-delete': 'confirmed' } };
const otherSpec = { spec: { voice: { sipTrunk: { transferMode: 'sip-only' } } } };
const orphan = { spec: { deletionPolicy: 'Orphan' } };

export const forceAttempts: readonly Attempt[] = [
  {
    name: 'force delete of a healthy number is refused with the words of the promise',
    why: 'it is meant for corrupted numbers only',
    actor: 'chief',
    args: annotate('ready', 'force-delete=confirmed'),
    refusal: `${tooEarly}; ready is Ready`,
  },
  {
    name: 'force delete while clean-up is still trying is refused',
    why: 'it may yet succeed',
    actor: 'chief',
    args: annotate('leaving', 'force-delete=confirmed'),
    refusal: `${tooEarly}; leaving is Deleting`,
  },
  {
    name: 'force delete of a live number whose phase says Corrupted is refused',
    why: 'the phase of a live object may come from a backup or be forged',
    actor: 'chief',
    args: annotate('forged', 'force-delete=confirmed'),
    refusal: `${tooEarly}; forged is not being deleted`,
  },
  {
    name: 'the system administrator is no exception',
    why: 'it protects from mistakes, not from people',
    actor: 'administrator',
    args: annotate('ready', 'force-delete=confirmed'),
    refusal: tooEarly,
  },
  ...['yes', 'Confirmed', 'confirmed ', ''].map(
    (value): Attempt => ({
      name: `force-delete="${value}" on a corrupted number is refused`,
      why: 'one word and no other is the confirmation',
      actor: 'chief',
      args: annotate('corrupted', `force-delete=${value}`),
      refusal: wrongValue,
    }),
  ),
  {
    name: 'an empty force-delete on a healthy number is refused',
    why: 'an empty value is a value',
    actor: 'chief',
    args: annotate('ready', 'force-delete='),
    refusal: 'force',
  },
  {
    name: 'a confirmation cannot be changed into another word',
    why: 'each change is judged',
    actor: 'chief',
    args: annotate('confirmed', 'force-delete=no'),
    refusal: wrongValue,
  },
  {
    name: 'an editor without the verb cannot confirm',
    why: 'letting go leaves costs behind: that is for admins',
    actor: 'editor',
    args: annotate('corrupted', 'force-delete=confirmed'),
    refusal: needsForceDelete,
  },
  {
    name: 'not even the operator can confirm',
    why: 'a confirmation is always a person’s',
    actor: 'operator',
    args: annotate('corrupted', 'force-delete=confirmed'),
    refusal: needsForceDelete,
  },
  {
    name: 'an admin can confirm on a corrupted number',
    why: 'this is the way out',
    actor: 'chief',
    args: annotate('corrupted', 'force-delete=confirmed'),
  },
  {
    name: 'a number cannot be created with a confirmation',
    why: 'it would count before anything is wrong',
    actor: 'chief',
    args: ['create', '-f', '-'],
    input: phoneNumber('new', withForce),
    refusal: `${tooEarly}; new is new`,
  },
  {
    name: 'kubectl replace cannot smuggle a confirmation in',
    why: 'every way of writing is judged',
    actor: 'chief',
    args: ['replace', '-f', '-'],
    input: phoneNumber('ready', { ...withForce, finalizers: [finalizer] }),
    refusal: tooEarly,
  },
  {
    name: 'server-side apply cannot smuggle a confirmation in',
    why: 'every way of writing is judged',
    actor: 'chief',
    args: ['apply', '--server-side', '--force-conflicts', '-f', '-'],
    input: phoneNumber('ready', withForce),
    refusal: tooEarly,
  },
  {
    name: 'a status in the same request does not make a number corrupted',
    why: 'the stored phase counts',
    actor: 'chief',
    args: merge('leaving', { metadata: withForce, status: { phase: 'Corrupted' } }),
    refusal: `${tooEarly}; leaving is Deleting`,
  },
  {
    name: 'an editor can withdraw a confirmation',
    why: 'that makes nothing worse',
    actor: 'editor',
    args: annotate('confirmed', 'force-delete-'),
  },
];

export const stampAttempts: readonly Attempt[] = [
  {
    name: 'nobody can write the stamp without confirming',
    why: 'it would be somebody else’s confirmation later',
    actor: 'chief',
    args: annotate('corrupted', `${stamp}=editor`),
    refusal: forgedStamp,
  },
  {
    name: 'a number cannot be created with a stamp',
    why: 'the same by another way',
    actor: 'chief',
    args: ['create', '-f', '-'],
    input: phoneNumber('new', { annotations: { [stamp]: 'editor' } }),
    refusal: forgedStamp,
  },
  {
    name: 'the stamp of a confirmation cannot be changed',
    why: 'it goes into the OrphanRecord',
    actor: 'chief',
    args: annotate('confirmed', `${stamp}=editor`),
    refusal: forgedStamp,
  },
  {
    name: 'the stamp of a confirmation cannot be removed alone',
    why: 'it would be nobody’s confirmation',
    actor: 'chief',
    args: annotate('confirmed', `${stamp}-`),
    refusal: forgedStamp,
  },
  {
    name: 'the operator can strip the annotation with its stamp',
    why: 'it does so before it declares a number corrupted',
    actor: 'operator',
    args: merge('confirmed', { metadata: { annotations: { 'force-delete': null, [stamp]: null } } }),
  },
];

export const finalizerAttempts: readonly Attempt[] = [
  ...(['ready', 'corrupted'] as const).flatMap((name) =>
    (['editor', 'chief'] as const).map(
      (actor): Attempt => ({
        name: `the ${actor} cannot take the finalizer off a ${name} number`,
        why: 'everything outside would be left behind at the next delete',
        actor,
        args: merge(name, withoutFinalizer),
        refusal: needsRemoveFinalizer,
      }),
    ),
  ),
  {
    name: 'a JSON patch cannot take it off either',
    why: 'every way of writing is judged',
    actor: 'editor',
    args: ['patch', 'pn', 'ready', '--type=json', '--patch=[{"op":"remove","path":"/metadata/finalizers"}]'],
    refusal: needsRemoveFinalizer,
  },
  {
    name: 'kubectl replace with a manifest that does not have it is refused',
    why: 'it would vanish without a word',
    actor: 'editor',
    args: ['replace', '-f', '-'],
    input: phoneNumber('ready'),
    refusal: needsRemoveFinalizer,
  },
  {
    name: 'it cannot be exchanged for another one',
    why: 'ours must stay',
    actor: 'editor',
    args: merge('ready', { metadata: { finalizers: ['example.com/other'] } }),
    refusal: needsRemoveFinalizer,
  },
  {
    name: 'another finalizer may be added and ours kept',
    why: 'only a removal of ours is judged',
    actor: 'editor',
    args: merge('ready', { metadata: { finalizers: [finalizer, 'example.com/other'] } }),
  },
  {
    name: 'the operator can take it off',
    why: 'that is the end of every deletion',
    actor: 'operator',
    args: merge('leaving', withoutFinalizer),
  },
  {
    name: 'the system administrator can take it off',
    why: 'somebody must be able to when the operator is gone',
    actor: 'administrator',
    args: merge('corrupted', withoutFinalizer),
  },
];

export const specAttempts: readonly Attempt[] = [
  ...(['leaving', 'corrupted'] as const).map(
    (name): Attempt => ({
      name: `the spec of a ${name} number is frozen`,
      why: 'nothing would come of the change',
      actor: 'chief',
      args: merge(name, otherSpec),
      refusal: frozen,
    }),
  ),
  {
    name: 'deletionPolicy cannot become Orphan during a deletion, whoever asks',
    why: 'it would be a force delete without a confirmation',
    actor: 'administrator',
    args: merge('corrupted', orphan),
    refusal: frozen,
  },
  {
    name: 'kubectl apply onto a number that is being deleted is refused',
    why: 'kubectl itself only warns, and then nothing happens',
    actor: 'editor',
    args: ['apply', '--server-side', '--force-conflicts', '-f', '-'],
    input: phoneNumber('leaving', {}, otherSpec.spec),
    refusal: frozen,
  },
  {
    name: 'a live spec can be edited',
    why: 'that is what it is for',
    actor: 'editor',
    args: merge('ready', otherSpec),
  },
  {
    name: 'an editor cannot create a number with deletionPolicy Orphan',
    why: 'it is a planned abandon',
    actor: 'editor',
    args: ['create', '-f', '-'],
    input: phoneNumber('new', {}, orphan.spec),
    refusal: abandons,
  },
  {
    name: 'an editor cannot set deletionPolicy Orphan',
    why: 'it is a planned abandon',
    actor: 'editor',
    args: merge('ready', orphan),
    refusal: abandons,
  },
  {
    name: 'an admin can create a number with deletionPolicy Orphan',
    why: 'the verb is there for that',
    actor: 'chief',
    args: ['create', '-f', '-'],
    input: phoneNumber('new', {}, orphan.spec),
  },
  {
    name: 'an admin can do so with generateName',
    why: 'the object may have no name yet when it is judged',
    actor: 'chief',
    args: ['create', '-f', '-'],
    input: phoneNumber('', { generateName: 'new-', name: undefined }, orphan.spec),
  },
  {
    name: 'an editor can edit a number whose policy is Orphan already',
    why: 'only the change to Orphan is judged',
    actor: 'editor',
    args: merge('abandoned', otherSpec),
  },
  {
    name: 'an editor can take Orphan back',
    why: 'that makes nothing worse',
    actor: 'editor',
    args: merge('abandoned', { spec: { deletionPolicy: 'Delete' } }),
  },
];

export const laterWrites: readonly Attempt[] = [
  {
    name: 'labels on a confirmed number',
    why: 'an annotation that is there already blocks nobody',
    actor: 'editor',
    args: ['label', 'phonenumber', 'confirmed', 'team=sales'],
  },
  {
    name: 'other annotations on a confirmed number',
    why: 'the same',
    actor: 'editor',
    args: annotate('confirmed', 'example.com/note=x'),
  },
  {
    name: 'the retry token on a corrupted number',
    why: 'trying again needs no special right',
    actor: 'editor',
    args: annotate('corrupted', 'telephony.trunkline.dev/retry-delete=1'),
  },
  {
    name: 'the operator’s intent and finalizer on a fresh number',
    why: 'it is the first write of every creation',
    actor: 'operator',
    args: merge('fresh', {
      metadata: { finalizers: [finalizer], annotations: { 'telephony.trunkline.dev/intent': '{}' } },
    }),
  },
  {
    name: 'the operator’s finalizer removal on a confirmed number',
    why: 'it is the end of a force delete',
    actor: 'operator',
    args: merge('confirmed', withoutFinalizer),
  },
  {
    name: 'a new number with a server-side name',
    why: 'nothing is judged that is not there',
    actor: 'editor',
    args: ['create', '-f', '-'],
    input: phoneNumber('', { generateName: 'new-', name: undefined }),
  },
];
