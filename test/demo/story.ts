/**
 * The story of the demo, one function per chapter.
 */
import { operatorNamespace } from '../tools/scene.ts';
import type { Stage } from './stage.ts';

const accountSid = 'AC0123456789abcdef0123456789abcdef';
const apiKeySid = 'SK0123456789abcdef0123456789abcdef';
const apiKeySecret = 'the-secret-of-the-emulated-twilio';
const numbers = { reception: '+447446466847', support: '+447446466848', billing: '+447446466849' } as const;

type Name = keyof typeof numbers;

/** Tells everything; throws when an end state is not as told. */
export async function tell(stage: Stage): Promise<void> {
  await prepare(stage);
  await createAndDelete(stage);
  await corrupt(stage);
  await forceTooEarly(stage);
  await retry(stage);
  await force(stage);
  stage.heading('The end');
  stage.world.twilio.assertNoViolations();
  stage.say('Every step ended as told, and every request to Twilio was one that its own API description allows.');
}

async function prepare(stage: Stage): Promise<void> {
  const { twilio, world } = stage.world;
  twilio.seed({
    accounts: [
      {
        accountSid,
        apiKeys: { [apiKeySid]: apiKeySecret },
        phoneNumbers: Object.values(numbers).map((phoneNumber) => ({
          phoneNumber,
          voiceUrl: 'https://demo.twilio.com/welcome/voice/',
        })),
      },
    ],
  });
  const { server } = world.liveKit;
  stage.heading('A Kubernetes cluster, a LiveKit server, a Twilio account with three numbers');
  stage.say('The platform team has installed the operator and given it one account:');
  const secret = (name: string, data: string) =>
    stage.quietly(
      'create',
      'secret',
      'generic',
      name,
      `--namespace=${operatorNamespace}`,
      ...data.split(' ').map((pair) => `--from-literal=${pair}`),
    );
  await secret('twilio', `apiKeySid=${apiKeySid} apiKeySecret=${apiKeySecret}`);
  await secret('livekit', `apiKey=${server.apiKey} apiSecret=${server.apiSecret}`);
  const account = `apiVersion: telephony.trunkline.dev/v1alpha1
kind: TelephonyAccount
metadata:
  name: default
spec:
  twilio:
    accountSid: ${accountSid}
    credentialsSecretRef: { name: twilio }
  livekit:
    url: ${server.url}
    sipHost: demo.sip.livekit.cloud
    credentialsSecretRef: { name: livekit }
  ownerId: demo
  allowedNamespaces: { names: [voice] }
`;
  stage.say(`\n${indented(account)}`);
  await stage.quietly('create', 'namespace', 'voice');
  await stage.kubectl('apply -f -', { input: account });
  await stage.showOutside(accountSid);
}

function manifest(name: Name): string {
  return `apiVersion: telephony.trunkline.dev/v1alpha1
kind: PhoneNumber
metadata:
  name: ${name}
  namespace: voice
spec:
  phoneNumber: "${numbers[name]}"
  voice:
    sipTrunk:
      outbound: { enabled: true, allowedCidrs: [192.0.2.0/24] }
      dispatch:
        agents: [{ agentName: ${name} }]
`;
}

async function create(stage: Stage, name: Name): Promise<void> {
  await stage.kubectl('apply -f -', { input: manifest(name) });
  await stage.kubectl(`wait phonenumber ${name} -n voice --for=condition=Ready --timeout=60s`);
}

async function createAndDelete(stage: Stage): Promise<void> {
  stage.heading('1. kubectl apply: calls reach the agent');
  stage.say(indented(manifest('reception')));
  await create(stage, 'reception');
  await stage.kubectl('get phonenumbers -n voice');
  await stage.showOutside(accountSid);
  const { trunkSid } = stage.world.twilio.phoneNumber(numbers.reception);
  stage.insist(trunkSid !== '', 'the number is not on a trunk');

  stage.heading('2. kubectl delete: everything behind it is taken apart, the number stays yours');
  await stage.kubectl('delete phonenumber reception -n voice --timeout=60s');
  await stage.kubectl('get phonenumbers -n voice');
  await stage.showOutside(accountSid);
  await stage.insistEmpty(accountSid);
}

/** Twilio refuses to delete trunks, for example because one is used for emergency calling. */
function refuseTrunkDeletion(stage: Stage): void {
  stage.world.twilio.faults.add({
    method: 'DELETE',
    path: /^\/v1\/Trunks\/TK\w+$/,
    effect: { kind: 'status', status: 400, code: 21634, message: 'Trunk is used for emergency calling' },
  });
}

async function corrupt(stage: Stage): Promise<void> {
  stage.heading('3. Taking apart fails: the object becomes Corrupted and says what is left');
  await create(stage, 'support');
  refuseTrunkDeletion(stage);
  stage.say('\nFrom now on Twilio refuses to delete trunks: 21634, "Trunk is used for emergency calling".');
  await stage.kubectl('delete phonenumber support -n voice --wait=false');
  await stage.kubectl("wait phonenumber support -n voice --for='jsonpath={.status.phase}=Corrupted' --timeout=60s");
  await stage.kubectl('get phonenumbers -n voice');
  await showLeftovers(stage, 'support');
  await stage.kubectl(
    'get phonenumber support -n voice -o \'jsonpath={.status.conditions[?(@.type=="Corrupted")].message}\'',
  );
  stage.say('');
  await stage.showOutside(accountSid);
}

async function showLeftovers(stage: Stage, name: Name): Promise<void> {
  const { status } = JSON.parse(await stage.quietly('get', 'phonenumber', name, '-n', 'voice', '-o', 'json'));
  const leftovers: readonly Record<string, string>[] = status.leftovers;
  stage.insist(leftovers.length === 1 && leftovers[0]?.['kind'] === 'Trunk', 'the trunk is not the one thing left');
  stage.table(
    'status.leftovers',
    ['ORDER', 'KIND', 'ID', 'STATE', 'RISK', 'WHY'],
    leftovers.map(({ order, kind, id, state, risk, message }) => [
      String(order),
      kind ?? '',
      id ?? '',
      state ?? '',
      risk ?? '',
      message ?? '',
    ]),
  );
  for (const { removeCommand, verifyCommand, consolePath } of leftovers) {
    stage.say(`  remove:  ${removeCommand}\n  verify:  ${verifyCommand}\n  or in:   ${consolePath}`);
  }
}

async function forceTooEarly(stage: Stage): Promise<void> {
  stage.heading('4. Force delete is only for corrupted numbers: on a healthy one it is refused');
  await create(stage, 'billing');
  await stage.kubectl('annotate phonenumber billing -n voice force-delete=confirmed', {
    fails: 'Force delete is only allowed for corrupted phone numbers',
  });
}

async function retry(stage: Stage): Promise<void> {
  stage.heading('5. The cause is gone: a retry ends the deletion without force');
  stage.world.twilio.faults.clear();
  stage.say('Twilio deletes trunks again.');
  await stage.kubectl('annotate phonenumber support -n voice telephony.trunkline.dev/retry-delete=1');
  await stage.kubectl('wait phonenumber support -n voice --for=delete --timeout=60s');
  await stage.kubectl('get phonenumbers -n voice');
  const left = stage.world.twilio.dump(accountSid).trunks;
  stage.insist(left.length === 1, 'the trunk of support is still there');
}

async function force(stage: Stage): Promise<void> {
  stage.heading('6. Force: the object is let go, and a record of what stays outlives it');
  refuseTrunkDeletion(stage);
  stage.say('Twilio refuses to delete trunks once more.');
  await stage.kubectl('delete phonenumber billing -n voice --wait=false');
  await stage.kubectl("wait phonenumber billing -n voice --for='jsonpath={.status.phase}=Corrupted' --timeout=60s");
  await stage.kubectl('annotate phonenumber billing -n voice force-delete=confirmed');
  await stage.kubectl('wait phonenumber billing -n voice --for=delete --timeout=60s');
  await stage.kubectl('get phonenumbers -n voice');
  await stage.kubectl('get orphanrecords');
  await stage.kubectl(
    'get orphanrecords -o \'jsonpath={range .items[*].spec.items[*]}{.kind} {.id}: {.removeCommand}{"\\n"}{end}\'',
  );
  await stage.showOutside(accountSid);
  const trunks = stage.world.twilio.dump(accountSid).trunks.length;
  stage.insist(trunks === 1, 'force delete did not leave the trunk alone');
  const { items } = JSON.parse(await stage.quietly('get', 'orphanrecords', '-o', 'json'));
  stage.insist(items.length === 1, 'there is not exactly one OrphanRecord');
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '    ');
}
