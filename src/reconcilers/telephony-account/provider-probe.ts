/**
 * Provider probe: probes one provider of one account object when that is due, and says what is known of it.
 *
 * Due: never probed, other credentials, another generation of the object, a call of a PhoneNumber that makes the provider
 * suspect, or the time is over.
 */
import type { KubernetesObject } from '../shared/ports.ts';
import type { Provider } from '../shared/verdict.ts';
import type { AccountHealth, HealthSubject } from './account-health.ts';
import type { AccountDependencies } from './ports.ts';
import type { Probed } from './probe.ts';
import type { Opening } from './provider-openings.ts';
import type { ProviderFinding } from './status.ts';

/** What is remembered of the last probe. Times are monotonic milliseconds. */
export interface ProviderMemory<Port> {
  /** Stands for the credentials: other ones are another port. */
  readonly port: Port;
  readonly generation: number | undefined;
  readonly nextAt: number;
  /** A probe has found nothing wrong, and none since has found anything. */
  readonly isFine: boolean;
  /** How many trunks there were when nothing was wrong. */
  readonly trunks: number | undefined;
  readonly warning: string | undefined;
}

/** What is known now, and what to remember; nothing where the provider cannot even be asked. */
interface Look<Port> {
  readonly finding: ProviderFinding;
  readonly memory: ProviderMemory<Port> | undefined;
}

type ProbeDependencies = Pick<AccountDependencies, 'clock' | 'fraction' | 'settings'> & {
  readonly health: AccountHealth;
};

export class ProviderProbe {
  readonly #dependencies: ProbeDependencies;
  readonly #object: KubernetesObject;

  constructor(dependencies: ProbeDependencies, object: KubernetesObject) {
    this.#dependencies = dependencies;
    this.#object = object;
  }

  /** `identity` is undefined if the object does not say which account or project it stands for. */
  async look<Port>(
    provider: Provider,
    identity: string | undefined,
    opening: Opening<Port>,
    before: ProviderMemory<Port> | undefined,
    probe: (port: Port) => Promise<Probed>,
  ): Promise<Look<Port>> {
    const { health } = this.#dependencies;
    const subject = identity === undefined ? undefined : { account: this.#object.metadata.name, provider, identity };
    if (opening.kind === 'refused') {
      if (subject !== undefined) health.probed(subject, opening.refusal);
      return { finding: { kind: 'failing', verdict: opening.refusal }, memory: undefined };
    }
    if (subject === undefined) return { finding: { kind: 'unknown' }, memory: undefined };
    const { port } = opening;
    const memory =
      before !== undefined && !this.#isDue(subject, port, before)
        ? before
        : await this.#probe(subject, port, before, probe);
    const trouble = health.troubleOf(subject);
    if (trouble !== undefined) return { finding: { kind: 'failing', verdict: trouble.verdict }, memory };
    return { finding: memory.isFine ? { kind: 'fine', warning: memory.warning } : { kind: 'unknown' }, memory };
  }

  #isDue<Port>(subject: HealthSubject, port: Port, before: ProviderMemory<Port>): boolean {
    const { clock, health } = this.#dependencies;
    // A Secret that was gone for a moment has made it fail, although we never saw that.
    const isContradicted = before.isFine && health.troubleOf(subject) !== undefined;
    return (
      before.port !== port ||
      before.generation !== this.#object.metadata.generation ||
      clock.monotonic() >= before.nextAt ||
      isContradicted ||
      health.isSuspected(subject)
    );
  }

  async #probe<Port>(
    subject: HealthSubject,
    port: Port,
    before: ProviderMemory<Port> | undefined,
    probe: (port: Port) => Promise<Probed>,
  ): Promise<ProviderMemory<Port>> {
    const { clock, fraction, health, settings } = this.#dependencies;
    const { verdict, seen } = await probe(port);
    health.probed(subject, verdict);
    const isInconclusive = verdict?.kind === 'rateLimited';
    const wishMs = verdict?.kind === 'rateLimited' && verdict.afterMs > 0 ? verdict.afterMs : settings.probeMs;
    return {
      port,
      generation: this.#object.metadata.generation,
      nextAt: clock.monotonic() + (verdict === undefined ? settings.checkMs * (0.9 + 0.2 * fraction()) : wishMs),
      isFine: verdict === undefined || (isInconclusive && before?.port === port && before.isFine),
      trunks: seen?.trunks ?? before?.trunks,
      // A probe without a survey does not look for it.
      warning: seen !== undefined && 'warning' in seen ? seen.warning : before?.warning,
    };
  }
}
