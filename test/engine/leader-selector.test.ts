/**
 * One of several installs that share the accounts out: whose objects it leaves alone, also when what it knew has changed
 * between two looks.
 */
import { describe, expect, test } from 'vitest';
import { phoneNumberKind, servingAccountOf } from '../../src/reconcilers/phone-number/index.ts';
import { finalizer, intentAnnotation } from '../../src/reconcilers/phone-number/names.ts';
import { settled } from '../../src/reconcilers/shared/outcome.ts';
import { ConflictError } from '../../src/reconcilers/shared/ports.ts';
import { accountSid, inboundOnly, key, livekitUrl, phoneNumber, World } from '../fakes/world.ts';

/** `ours` are the accounts that this install serves. */
function install(...ours: string[]) {
  const world = new World();
  world.addAccount('theirs');
  const served = new Set(ours);
  const kind = phoneNumberKind({ ...world.dependencies, serves: (name) => served.has(name) });
  return {
    world,
    served,
    kind,
    create: (account: string) => {
      const object = world.store.create({ ...key, spec: { ...inboundOnly, accountRef: { name: account } } });
      world.store.deliver();
      return object;
    },
    /** The kind's answer, once it neither asks for another look nor conflicts. */
    reconcile: async () => {
      for (let look = 0; look < 10; look += 1) {
        const outcome = await kind.reconcile(key);
        world.store.deliver();
        if (outcome.kind !== 'again') return outcome;
      }
      return expect.unreachable('it never comes to rest');
    },
    vanish: async () => {
      world.store.setFinalizers(key, []);
      world.store.delete(key);
      for (const last of world.store.deliver().vanished) await kind.onDeleted(last);
    },
  };
}

describe('an object of this install', () => {
  test('is worked on', async () => {
    const { create, reconcile, world } = install('default');
    create('default');
    await reconcile();
    expect(world.store.get(key)).toMatchObject({ metadata: { finalizers: [finalizer] }, status: { phase: 'Ready' } });
  });

  test('that vanishes is recorded', async () => {
    const { create, reconcile, vanish, world } = install('default');
    create('default');
    await reconcile();
    await vanish();
    expect([...world.store.records.values()]).toMatchObject([{ cause: 'Vanished' }]);
  });
});

describe('an object of another install', () => {
  test('costs no call and no write, alive or deleted', async () => {
    const { create, reconcile, world } = install('default');
    create('theirs');
    expect(await reconcile()).toEqual(settled);
    world.store.setFinalizers(key, [finalizer]);
    world.store.delete(key);
    world.store.deliver();
    expect(await reconcile()).toEqual(settled);
    expect(world.effects.log).toEqual([]);
  });

  test('is known on its deletion by where its outside is, whatever its spec says', async () => {
    const { reconcile, world } = install('default');
    const pin = { account: 'theirs', accountSid, livekitUrl, ownerId: '0a1b2c3d', phoneNumber };
    world.store.create({
      ...key,
      spec: { ...inboundOnly, accountRef: { name: 'default' } },
      finalizers: [finalizer],
      annotations: { [intentAnnotation]: JSON.stringify(pin) },
    });
    world.store.delete(key);
    world.store.deliver();
    expect(await reconcile()).toEqual(settled);
    expect(world.effects.log).toEqual([]);
  });

  test('that vanishes is not recorded, not even when its account went before it', async () => {
    const { create, reconcile, served, vanish, world } = install('default');
    create('theirs');
    world.store.writeStatus(key, { twilio: { trunkSid: `TK${'1'.repeat(32)}` } });
    world.store.deliver();
    await reconcile();
    // An account that is gone has no labels, which may be what this install serves.
    served.add('theirs');
    await vanish();
    expect([...world.store.records.values()]).toEqual([]);
  });

  test('is worked on from the moment its account belongs to this install', async () => {
    const { create, reconcile, served, world } = install('default');
    create('theirs');
    await reconcile();
    served.add('theirs');
    await reconcile();
    expect(world.store.get(key)).toMatchObject({ status: { phase: 'Ready' } });
  });
});

describe('what changes in the middle of a pass', () => {
  test('an account that goes to another install is not opened any more', async () => {
    const { create, kind, served, world } = install('default');
    create('default');
    let looks = 0;
    // The first look finds it ours, the second one, when it is opened, does not.
    served.has = () => {
      looks += 1;
      return looks === 1;
    };
    expect((await kind.reconcile(key)).kind, 'it looks again, and finds that it is not asked').toBe('again');
    expect(await kind.reconcile(key)).toEqual(settled);
    expect(world.effects.log).toEqual([]);
  });

  test('an object that was made again under the same name for another account is left alone', async () => {
    const { create, kind, world } = install('default');
    create('default');
    world.store.isWatchSilent = true;
    world.store.delete(key);
    const again = world.store.create({ ...key, spec: { ...inboundOnly, accountRef: { name: 'theirs' } } });
    expect((await kind.reconcile(key)).kind, 'its write meets another object').toBe('again');
    await expect(kind.reconcile(key), 'a live look shows whose it is').rejects.toThrow(ConflictError);
    expect(world.store.get(key)).toEqual(again);
    world.store.isWatchSilent = false;
    world.store.deliver();
    expect(await kind.reconcile(key)).toEqual(settled);
    expect(world.store.get(key)).toEqual(again);
  });
});

describe('servingAccountOf()', () => {
  const pinned = { account: 'pinned', accountSid, livekitUrl, ownerId: 'owner', phoneNumber };
  const object = (finalizers: readonly string[], annotations: Readonly<Record<string, string>>) => ({
    metadata: { name: 'a', namespace: 'b', uid: 'c', resourceVersion: '1', finalizers, annotations },
    spec: { ...inboundOnly, accountRef: { name: 'named' } },
  });
  const annotation = { [intentAnnotation]: JSON.stringify(pinned) };
  test.for([
    { name: 'what the spec names', why: 'nothing is outside', finalizers: [], annotations: {}, want: 'named' },
    { name: 'the pin', why: 'there its outside is', finalizers: [finalizer], annotations: annotation, want: 'pinned' },
    {
      name: 'what the spec names when the finalizer is gone',
      why: 'a pin without it is a leftover, or was copied by hand',
      finalizers: [],
      annotations: annotation,
      want: 'named',
    },
    {
      name: 'what the spec names when the pin cannot be read',
      why: 'somebody has to serve it',
      finalizers: [finalizer],
      annotations: { [intentAnnotation]: '{' },
      want: 'named',
    },
  ])('is $name', ({ annotations, finalizers, want, why }) => {
    expect(servingAccountOf(object(finalizers, annotations)), why).toBe(want);
  });
});
